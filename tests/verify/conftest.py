"""A stack whose gateway is a real Envoy, with fakes for its models and for ``kubectl``."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web

from stacks.kubectl import Kubectl, NotFoundError, Object
from stacks.settings import StackSettings
from stacks.verify import Report, Verdict, promises, run, verification, verify
from tests.gateway.conftest import Start, loop, pods, start
from tests.gateway.fakes import Loop, Pod, free_port
from tests.gateway.harness import Gateway, stack

__all__ = ["loop", "pods", "start"]

MODELS = ["first", "second", "third"]
ROUTES = [{"model": "first", "fallback": ["second", "third"]}, {"model": "second"}, {"model": "third"}]
CHAIN = stack(MODELS, ROUTES)
TOKENS_A_REQUEST = 8
"""What a fake pod counts of each, prompt and answer alike: no less than it tells."""


@dataclass
class Cluster:
    """What the fake ``kubectl`` knows: ports of this machine, and pods."""

    ports: dict[tuple[str, int], int] = field(default_factory=dict)
    pods: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class PlayedKubectl(Kubectl):
    """A ``kubectl`` whose cluster is on this machine's loopback."""

    cluster: Cluster = field(default_factory=Cluster)

    @contextmanager
    def port_forward(self, target: str, port: int, *, namespace: str | None = None) -> Iterator[str]:
        if (target, port) not in self.cluster.ports:
            raise NotFoundError(f"there is no {target} with port {port}.", "Check the name and the namespace.")
        yield f"http://127.0.0.1:{self.cluster.ports[target, port]}"

    def find(self, kind: str, *, selector: str | None = None, namespace: str | None = None) -> list[Object]:
        assert selector
        if kind == "pods":
            return [{"metadata": {"name": "gateway-0"}}]
        assert kind == "endpointslices"
        name = f"{selector.partition('=')[2]}-0"
        ready = [name] if ("pod/" + name, 8080) in self.cluster.ports else []
        endpoints = [{"conditions": {"ready": True}, "targetRef": {"kind": "Pod", "name": pod}} for pod in ready]
        return [{"endpoints": endpoints}]


Metrics = Callable[[Pod], int]
"""Starts what shows a pod's counters, and gives its port."""


@pytest.fixture
def metrics(loop: Loop) -> Iterator[Metrics]:
    runners: list[web.AppRunner] = []

    async def serve(pod: Pod, port: int) -> web.AppRunner:
        async def show(_: web.Request) -> web.Response:
            count = float(TOKENS_A_REQUEST * len(pod.received))
            names = ("vllm:prompt_tokens_total", "vllm:generation_tokens_total")
            return web.Response(text="".join(f'{name}{{model_name="{pod.name}"}} {count}\n' for name in names))

        app = web.Application()
        app.router.add_get("/metrics", show)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        return runner

    def begin(pod: Pod) -> int:
        port = free_port()
        runners.append(loop.run(serve(pod, port)))
        return port

    yield begin
    for runner in runners:
        loop.run(runner.cleanup())


@dataclass
class Site:
    """A stack that runs."""

    settings: StackSettings
    gateway: Gateway
    pods: dict[str, Pod]
    kubectl: PlayedKubectl

    def verify(self, **options: Any) -> Report:
        """What a verification by the URL that clients use finds."""
        url = options.pop("base_url", f"{self.gateway.url}/v1")
        return verify(options.pop("stack", self.settings), url, kubectl=self.kubectl, **{"seconds": 60, **options})


Bring = Callable[..., Site]


@pytest.fixture
def bring(start: Start, pods: Callable[..., Pod], metrics: Metrics, monkeypatch: pytest.MonkeyPatch) -> Bring:
    """Brings up a stack, in which all is well."""
    # There is no time for another look, so every promise is looked at once.
    monkeypatch.setattr(verification, "PAUSE_SECONDS", 1000.0)
    monkeypatch.setattr(run, "ATTEMPT_SECONDS", 1.0)
    monkeypatch.setattr(promises, "HEARING_PAUSE_SECONDS", 0.05)

    def make(settings: StackSettings = CHAIN) -> Site:
        models = {model.name: pods(*model.names, *model.adapters) for model in settings.models}
        gateway = start(settings, **models)
        site = gateway.site
        ports = {
            ("service/gateway", 8080): site.port,
            ("deployment/gateway", 9903): site.rehearsal_port,
            ("pod/gateway-0", 9902): site.metrics_port,
            **{(f"pod/{name}-0", 8080): metrics(pod) for name, pod in models.items()},
        }
        kubectl = PlayedKubectl("kubectl", None, None, "default", cluster=Cluster(ports))
        return Site(settings, gateway, models, kubectl)

    return make


def of(report: Report, check: str, route: str | None = None) -> list[Verdict]:
    """The verdicts on one kind of promise."""
    return [each for each in report.verdicts if each.check == check and (route is None or each.route == route)]


def outcomes(report: Report) -> dict[str, set[str]]:
    """What became of the checks, by kind."""
    found: dict[str, set[str]] = {}
    for verdict in report.verdicts:
        found.setdefault(verdict.check, set()).add(verdict.outcome)
    return found

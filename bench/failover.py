"""Measures what clients see of the loss of a model: ours and LiteLLM's proxy, one after the other, fault by fault.

Clients send requests at a fixed rate to a model that another one stands in for; every fourth is streamed. Half way the
model is killed, or stopped, or begins to fail. Its health checks still say that it is well where it only fails.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil

from bench import entry, failover_plot, servers
from bench.arguments import above_zero, at_least_one
from components.manifests import envoy
from local.errors import LocalError
from stacks.settings import StackSettings, load

HERE = Path(__file__).parent
PLOT = HERE.parent / "docs" / "failover.svg"
OURS, LITELLM = "ours", "LiteLLM"
PRIMARY, FALLBACK = "qwen", "gemma"
PATIENCE_SECONDS = 3.0
"""How long a model may take, for both gateways: longer than the answer that comes late."""
FAULTS = {
    "refused": "kill:{pid}",
    "reset": "http://127.0.0.1:{port}/fault/reset",
    "hung": "stop:{pid}",
    "5xx": "http://127.0.0.1:{port}/fault/error",
    "5xx after 2 s": "http://127.0.0.1:{port}/fault/late",
}
"""What the clients do to the primary half way."""


@dataclass(frozen=True)
class Sample:
    """One request, as the client saw it."""

    at: float
    """When it was sent, in seconds from the fault."""
    seconds: float
    """Until its whole answer, or the first event of a stream."""
    streamed: bool
    by: str
    """The model that answered, or nothing."""
    error: str
    """Why it failed, or nothing."""
    cut: bool
    """Whether it is a stream that broke off after its first event, which no gateway can mend."""


@dataclass(frozen=True)
class Loss:
    """What came of the requests around one fault."""

    requests: int
    failed: int
    """Requests without a whole answer, but for the streams that were cut."""
    cut: int
    usual_seconds: float
    """The median before the fault."""
    first_seconds: float | None
    """What the first answer of the fallback took more than usual. None: there was none."""
    slowest_seconds: float
    """What the slowest whole answer after the fault took more than usual."""
    late: int
    """Whole answers after the fault that took a second more than usual, or longer."""


def loss(samples: Sequence[Sample]) -> Loss:
    """The figures of one fault.

    Raises:
        LocalError: when no request before the fault was answered by the primary.
    """
    whole = [each for each in samples if not each.error]
    before = [each.seconds for each in whole if each.at + each.seconds < 0 and each.by == PRIMARY]
    if not before:
        raise LocalError(
            f"'{PRIMARY}' answered nothing before the fault; the first request got: {samples[0].error or 'no end'}",
            "Send fewer a second, or more of them: --rate and --requests, or --litellm-rate and --litellm-requests.",
        )
    usual = statistics.median(before)
    after = [each for each in whole if each.at + each.seconds >= 0]
    first = min((each for each in after if each.by == FALLBACK), key=lambda each: each.at + each.seconds, default=None)
    return Loss(
        requests=len(samples),
        failed=sum(bool(each.error) and not each.cut for each in samples),
        cut=sum(each.cut for each in samples),
        usual_seconds=usual,
        first_seconds=first.seconds - usual if first else None,
        slowest_seconds=max((each.seconds for each in after), default=usual) - usual,
        late=sum(each.seconds - usual >= 1 for each in after),
    )


def main() -> None:
    """Run every fault before both gateways; print a table and a last line of figures."""
    options = _options()
    losses: dict[tuple[str, str], Loss] = {}
    samples: dict[tuple[str, str], list[Sample]] = {}
    plans = {OURS: (options.requests, options.rate), LITELLM: (options.litellm_requests, options.litellm_rate)}
    with tempfile.TemporaryDirectory() as folder:
        run = Run.prepared(Path(folder))
        for fault in options.faults:
            for gateway, (requests, rate) in plans.items():
                if not requests:
                    continue
                _say(f"{fault}: {requests} requests through {gateway}, {rate:g} a second")
                found = run.samples(gateway, fault, requests, rate)
                samples[fault, gateway] = found
                losses[fault, gateway] = loss(found)
                _say(f"{fault}: {losses[fault, gateway]}")
                for error in sorted({each.error for each in found if each.error and not each.cut})[:3]:
                    _say(f"  such as {error}")
    _print(losses)
    if options.plot:
        points = {key: [(each.at, each.seconds) for each in found] for key, found in samples.items()}
        PLOT.write_text(failover_plot.drawn(points))
    print("figure:", " ".join(f"{name}={value}" for name, value in figures(losses).items()))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--requests", type=at_least_one, default=10_000, help="requests through our gateway for each fault"
    )
    parser.add_argument("--rate", type=above_zero, default=250, help="of them a second")
    parser.add_argument("--litellm-requests", type=int, default=160, help="through LiteLLM's proxy; 0 leaves it out")
    parser.add_argument("--litellm-rate", type=above_zero, default=4, help="of them a second")
    parser.add_argument("--faults", nargs="+", choices=FAULTS, default=list(FAULTS))
    parser.add_argument("--plot", action="store_true", help=f"draw {PLOT.relative_to(HERE.parent)}")
    return parser.parse_args()


@dataclass(frozen=True)
class Run:
    """The programs of a run, built, and the folder of its files."""

    folder: Path
    pods: Path
    clients: Path

    @classmethod
    def prepared(cls, folder: Path) -> "Run":
        """Build the programs."""
        return cls(
            folder,
            pods=servers.built(HERE / "failover_pods", folder),
            clients=servers.built(HERE / "failover_clients", folder),
        )

    def samples(self, gateway: str, fault: str, requests: int, rate: float) -> list[Sample]:
        """What clients saw of one fault, with a gateway and models that were started for it."""
        with ExitStack() as running:
            ports = {name: servers.free_port() for name in (PRIMARY, FALLBACK)}
            pids = {name: running.enter_context(self._model(name, port)) for name, port in ports.items()}
            port = servers.free_port()
            command = _ours if gateway == OURS else _litellm
            running.enter_context(
                servers.running(command(self.folder, port, ports), self.folder / "gateway.log", lambda: _ask(port))
            )
            strike = FAULTS[fault].format(pid=pids[PRIMARY], port=ports[PRIMARY])
            printed = subprocess.run(
                [
                    *(self.clients, "-url", _url(port), "-key", servers.KEY),
                    *("-strike", strike, "-requests", str(requests), "-rate", str(rate)),
                ],
                stdout=subprocess.PIPE,
                check=True,
            ).stdout
        return [Sample(**json.loads(line)) for line in printed.splitlines()]

    @contextmanager
    def _model(self, name: str, port: int) -> Iterator[int]:
        command: servers.Command = [self.pods, name, f"127.0.0.1:{port}"]
        url = f"http://127.0.0.1:{port}/health"
        with servers.running(command, self.folder / f"{name}.log", lambda: httpx.get(url)) as process:
            try:
                yield process.pid
            finally:
                # A process that was stopped takes no other signal.
                process.kill()


def _ours(folder: Path, port: int, models: Mapping[str, int]) -> servers.Command:
    site = envoy.Site(
        bind="127.0.0.1",
        port=port,
        metrics_port=servers.free_port(),
        rehearsal_port=servers.free_port(),
        admin_port=servers.free_port(),
        addresses=lambda _, model: [("127.0.0.1", models[model.name])],
    )
    return servers.envoy_command(folder / "ours.json", envoy.static_config(_stack(), site))


def _stack() -> StackSettings:
    model = {"source": "hf://organisation/weights", "pool": "gpus"}
    timeouts = {"firstByteSeconds": PATIENCE_SECONDS, "answerSeconds": PATIENCE_SECONDS}
    return load(
        {
            "pools": [{"name": "gpus"}],
            "models": [{"name": name, **model} for name in (PRIMARY, FALLBACK)],
            "routes": [{"model": PRIMARY, "fallback": [FALLBACK], "timeouts": timeouts}, {"model": FALLBACK}],
            "gateway": {"auth": {"consumers": [{"name": "alice", "keys": [servers.KEY]}]}},
        }
    )


def _litellm(folder: Path, port: int, models: Mapping[str, int]) -> servers.Command:
    # No second try of a model that failed, which would only delay the fallback: as ours has it.
    settings = {"fallbacks": [{PRIMARY: [FALLBACK]}], "num_retries": 0, "request_timeout": PATIENCE_SECONDS}
    return servers.litellm_command(folder / "litellm.json", port, models, settings)


def _ask(port: int) -> None:
    """A plain request and a streamed one: what is done for the first of each is not measured."""
    for stream in (False, True):
        body = {"model": PRIMARY, "messages": [{"role": "user", "content": "hello"}], "stream": stream}
        headers = {"authorization": f"Bearer {servers.KEY}"}
        httpx.post(_url(port), json=body, headers=headers, timeout=servers.START_SECONDS).raise_for_status()


def _url(port: int) -> str:
    return f"http://127.0.0.1:{port}/v1/chat/completions"


def _print(losses: Mapping[tuple[str, str], Loss]) -> None:
    print(f"machine: {os.cpu_count()} cores, load {os.getloadavg()[1]:.0f}, {psutil.virtual_memory().total >> 30} GiB")
    print(
        "| fault | through | requests | failed | streams cut | usual, ms | first fallback, ms more | slowest | late |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for (fault, gateway), found in losses.items():
        first, slowest = (_milliseconds(value) for value in (found.first_seconds, found.slowest_seconds))
        cells = (
            found.requests,
            found.failed,
            found.cut,
            _milliseconds(found.usual_seconds),
            first,
            slowest,
            found.late,
        )
        print(
            f"| {fault} | {gateway} | {' | '.join(f'{cell:,}' if isinstance(cell, int) else cell for cell in cells)} |"
        )


def _milliseconds(seconds: float | None) -> str:
    return "none" if seconds is None else f"{seconds * 1000:,.0f}"


def figures(losses: Mapping[tuple[str, str], Loss]) -> dict[str, Any]:
    """The last line: failed requests of each gateway, and the first fallback's added milliseconds by fault."""
    found: dict[str, Any] = {}
    for gateway in dict.fromkeys(gateway for _, gateway in losses):
        found[f"{gateway.lower()}_failed"] = sum(one.failed for (_, name), one in losses.items() if name == gateway)
    for (fault, gateway), one in losses.items():
        if one.first_seconds is not None:
            found[f"{gateway.lower()}_{fault.replace(' ', '_')}_ms"] = round(one.first_seconds * 1000, 1)
    return found


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    entry.run(main)

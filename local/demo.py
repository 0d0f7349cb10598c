"""`make demo`: the platform on the embedded cluster, and the reference experiment against it."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import openai
from rich.console import Console

from local import cluster, experiment
from local import pulumi as pulumi_command
from local.errors import LocalError
from local.experiment import Verdict
from local.forward import check_port, start_forward
from local.kubectl import kubectl
from local.paths import Paths
from local.progress import reporting
from local.setup import prepare
from local.stack import gateway_port
from stacks.cli.progress.wording import duration
from stacks.settings import StackSettings


@dataclass
class Report:
    """What a run of the demo took, in seconds by phase, and what it found."""

    seconds: dict[str, float] = field(default_factory=dict)
    verdicts: list[Verdict] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Whether the whole experiment went as promised."""
        return bool(self.verdicts) and all(verdict.passed for verdict in self.verdicts)


def run_demo(paths: Paths, settings: StackSettings, console: Console) -> Report:
    """Set up what is missing, start the cluster, put the local stack on it, and run the experiment.

    Raises:
        LocalError: when a part before the experiment fails.
    """
    report = Report()
    # Before the long part, not after it.
    check_port(gateway_port(settings))
    with _phase(report, console, "setup"), reporting(console) as reporter:
        prepare(paths, reporter)
    with _phase(report, console, "cluster"):
        start(paths, settings, console)
    with _phase(report, console, "pulumi up"):
        pulumi_command.up(paths)
    with _phase(report, console, "experiment"):
        _experiment(paths, settings, console, report)
    return report


def start(paths: Paths, settings: StackSettings, console: Console) -> None:
    """Start what does not run of the cluster, and the forward to the gateway.

    Raises:
        LocalError: when the cluster does not come up, or the gateway's port is taken.
    """
    cluster.up(paths, lambda line: console.print(line, style="dim"))
    if settings.envoy.node_port is not None:
        start_forward(paths, gateway_port(settings), settings.envoy.node_port)


@contextmanager
def _phase(report: Report, console: Console, name: str) -> Iterator[None]:
    console.rule(name, align="left")
    begin = time.monotonic()
    yield
    report.seconds[name] = time.monotonic() - begin
    console.print(f"{name}: {duration(report.seconds[name])}", style="dim")


def _experiment(paths: Paths, settings: StackSettings, console: Console, report: Report) -> None:
    client = openai.OpenAI(base_url=settings.gateway.base_url, api_key="none", max_retries=0, timeout=300)
    route = next((route for route in settings.all_routes if route.fallback), None)
    if route is None:
        raise LocalError(
            "modelyard:routes in stacks/Pulumi.local.yaml names no fallback, and the experiment is about one.",
            "Give a route a fallback, such as `fallback: [gemma-2-2b]`, and run the same command again.",
        )
    pod, namespace = f"{route.model}-0", f"--namespace={settings.cluster.namespace}"

    def kill() -> list[str]:
        console.print(f"$ kubectl delete pod {pod} --force", style="dim")
        kubectl(paths, "delete", "pod", pod, "--force", "--grace-period=0", namespace)
        return [pod]

    def observe(verdict: Verdict) -> None:
        report.verdicts.append(verdict)
        sign = "[green]ok    [/]" if verdict.passed else "[bold red]FAILED[/]"
        console.print(f"{sign} {verdict.what}")
        console.print(f"       {verdict.seen}", style="dim", markup=False, soft_wrap=True)

    experiment.await_models(client, [route.model, route.fallback[0]])
    experiment.run(client, settings, route, kill=kill, observe=observe)

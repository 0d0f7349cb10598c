"""Commands of the embedded cluster; the Makefile's targets call them."""

import dataclasses
import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from rich.table import Table

from local import cluster, setup
from local import pulumi as pulumi_command
from local.dashboards.command import show as show_dashboards
from local.demo import run_demo, start
from local.errors import LocalError
from local.forward import stop_forwards
from local.kubectl import check_reachable
from local.network import bypass_proxies
from local.paths import Paths
from local.progress import reporting
from local.pulumi_cli import STACK
from local.shell import CommandError
from local.stack import local_settings
from stacks.settings import SettingsError

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
console = Console(highlight=False)

_PASS_ON = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}


@app.command("setup")
def prepare() -> None:
    """Make the toolchain, the vLLM environment, the model and the images, where they are not there yet."""
    with reporting(console) as reporter:
        setup.prepare(Paths.from_environment(), reporter)


@app.command()
def up() -> None:
    """Start the embedded cluster, or what does not run of it."""
    start(Paths.from_environment(), local_settings(), console)
    console.print("The embedded cluster is up.")


@app.command()
def down() -> None:
    """Stop the embedded cluster; its state stays."""
    stop_forwards()
    stopped = cluster.down(Paths.from_environment())
    console.print("The embedded cluster is stopped." if stopped else "The embedded cluster does not run.")


@app.command()
def reset() -> None:
    """Stop the embedded cluster and delete its state, and that of the local stack."""
    stop_forwards()
    cluster.reset(Paths.from_environment())
    console.print("The embedded cluster and its state are gone; what was built for it stays.")


@app.command()
def status() -> None:
    """Show what runs of the embedded cluster; exits with 1 unless all of it does."""
    found = cluster.status(Paths.from_environment())
    table = Table("process", "pid", "memory", box=None, pad_edge=False)
    for program in found.programs:
        memory = "" if program.memory_mib is None else f"{program.memory_mib:.0f} MiB"
        table.add_row(program.name, str(program.pid or "not running"), memory)
    console.print(table)
    console.print(f"node {'ready' if found.node_ready else 'not ready'}, {found.gpus} simulated GPUs")
    if not found.healthy:
        raise typer.Exit(1)


@app.command()
def dashboards(
    port: Annotated[int, typer.Option(min=1, max=65535, help="Where the page listens on 127.0.0.1.")] = 8090,
) -> None:
    """Start a Prometheus in the embedded cluster, and show the stack's dashboards on a page until Ctrl+C."""
    check_reachable()
    show_dashboards(Paths.from_environment(), console, port)


@app.command("kubectl", context_settings=_PASS_ON)
def run_kubectl(context: typer.Context) -> None:
    """Run kubectl against the embedded cluster."""
    paths = Paths.from_environment()
    check_reachable()
    command = [str(paths.bin / "kubectl"), f"--kubeconfig={paths.kubeconfig}", *context.args]
    raise typer.Exit(subprocess.run(command, check=False).returncode)


@app.command("pulumi", context_settings=_PASS_ON)
def run_pulumi(stack: str, context: typer.Context) -> None:
    """Run pulumi on a stack; the local one has a backend of its own here, any other the one that you use."""
    paths = Paths.from_environment()
    if stack == STACK and context.args[:1] != ["stack"]:
        check_reachable()
        pulumi_command.select_stack(paths)
        if context.args[:1] != ["preview"]:
            pulumi_command.recover()
    raise typer.Exit(pulumi_command.pulumi(paths, [*context.args, f"--stack={stack}"], stack=stack).returncode)


@app.command()
def demo(
    as_json: Annotated[bool, typer.Option("--json", help="End with the report as one line of JSON.")] = False,
) -> None:
    """Bring up the platform on the embedded cluster and run the reference experiment against it."""
    settings = local_settings()
    report = run_demo(Paths.from_environment(), settings, console)
    if as_json:
        typer.echo(json.dumps(dataclasses.asdict(report) | {"passed": report.passed}))
    if not report.passed:
        raise LocalError(
            "The reference experiment did not go as promised; the lines marked FAILED above say where.",
            "Look at `make kubectl ARGS='get pods'` and the pods' logs, then run `make demo` again.",
        )
    console.print(f"\nThe platform stays up at {settings.gateway.base_url}. `make local-down` stops it.")


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run a command, and turn the errors that a person can mend into sentences."""
    run: Callable[..., object] = app
    bypass_proxies()
    try:
        run(arguments)
    except LocalError as error:
        _fail(error.problem, error.remedy)
    except SettingsError as error:
        _fail(str(error), "Correct stacks/Pulumi.local.yaml and run the same command again.")
    except CommandError as error:
        notes = "\n".join(getattr(error, "__notes__", ()))
        _fail(f"{error}\n{notes}", "Run `make local-status` to see what runs of the cluster.")
    except TimeoutError as error:
        _fail(f"{error}, in vain.", "Run `make local-status` to see what runs; `make local-down` starts afresh.")
    except KeyboardInterrupt:
        _fail("Interrupted.", "Nothing is lost: the same command goes on from here.", code=130)
    sys.exit(0)


def _fail(problem: str, remedy: str, *, code: int = 1) -> NoReturn:
    errors = Console(stderr=True, highlight=False)
    errors.print(problem.strip(), style="bold red", markup=False, soft_wrap=True)
    errors.print(remedy, markup=False, soft_wrap=True)
    sys.exit(code)


if __name__ == "__main__":
    main()

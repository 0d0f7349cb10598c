"""What a person sees of the setup."""

from io import StringIO
from pathlib import Path

from rich.console import Console

from local.progress import LiveReporter, PlainReporter, reporting


def test_without_a_terminal_every_step_is_a_line(tmp_path: Path) -> None:
    console = Console(file=StringIO(), width=200)
    with reporting(console) as reporter:
        assert isinstance(reporter, PlainReporter)
        reporter.skipped("Base system")
        reporter.started("Kubernetes programs", tmp_path / "setup.log")
        reporter.finished("Kubernetes programs", 65.4)
        reporter.failed("Chat model", 3.2)
    assert isinstance(console.file, StringIO)
    assert console.file.getvalue().splitlines() == [
        "Base system: done already",
        f"Kubernetes programs: started, log {tmp_path / 'setup.log'}",
        "Kubernetes programs: done in 1m 05s",
        "Chat model: FAILED after 3.2s",
    ]


def test_in_a_terminal_running_steps_show_the_last_line_of_their_log(tmp_path: Path) -> None:
    log = tmp_path / "setup.log"
    log.write_text("first\n  compiling [k8s.io/api]  \n")
    reporter = LiveReporter()
    reporter.skipped("Base system")
    reporter.started("Kubernetes programs", log)
    reporter.started("Chat model", tmp_path / "no such log")
    reporter.finished("Chat model", 12.0)
    console = Console(file=StringIO(), width=120)
    console.print(reporter)
    assert isinstance(console.file, StringIO)
    base, kubernetes, chat = console.file.getvalue().splitlines()
    assert base.split() == ["✓", "Base", "system", "done"]
    assert kubernetes.startswith("… Kubernetes programs")
    assert kubernetes.rstrip().endswith("compiling [k8s.io/api]")
    assert chat.split() == ["✓", "Chat", "model", "12.0s"]

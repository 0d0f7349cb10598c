"""How benchmarks end where something is in their way, and the arguments that they take."""

import argparse
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from bench import entry, routes, servers
from bench.arguments import above_zero, at_least_one, existing
from local import pulumi
from local.errors import LocalError
from local.paths import CHECKOUT
from local.shell import CommandError
from stacks.automation.errors import MissingToolError
from stacks.settings import SettingsError

ON_MACHINES_OF_THEIR_OWN = {"fit/start.py", "flat/__main__.py"} | {
    f"serving/{name}.py" for name in ("__main__", "client", "tokenizer")
}
"""What runs where the rest of the repository is not."""
PROGRAMS = [
    name
    for file in sorted((CHECKOUT / "bench").rglob("*.py"))
    if '__name__ == "__main__"' in file.read_text()
    and (name := str(file.relative_to(CHECKOUT / "bench"))) not in ON_MACHINES_OF_THEIR_OWN
]


@pytest.fixture(autouse=True)
def _proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "")


def raising(error: BaseException) -> Callable[[], None]:
    def main() -> None:
        raise error

    return main


@pytest.mark.parametrize("program", PROGRAMS)
def test_every_benchmark_ends_with_a_sentence(program: str) -> None:
    text = (CHECKOUT / "bench" / program).read_text()
    assert text.endswith('if __name__ == "__main__":\n    entry.run(main)\n')


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (LocalError("It does not run.", "Start it."), "It does not run.\nStart it.\n"),
        (MissingToolError("No pulumi.", "Install it."), "No pulumi.\nInstall it.\n"),
        (SettingsError(["modelyard:models: none"]), "modelyard:models: none\nCorrect the stack file"),
        (CommandError(["kubectl", "get"], 3), "kubectl get exited with 3\n`make local-status`"),
        (subprocess.CalledProcessError(2, ["wrk", Path("x")], stderr="no wrk"), "`wrk x` ended with 2.\nno wrk\n"),
        (TimeoutError("waited 5 s for a token"), "waited 5 s for a token, in vain.\n"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_a_person_can_mend_is_told(error: Exception, told: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        entry.run(raising(error))
    assert ended.value.code == 1
    assert capsys.readouterr().err.startswith(told)


def test_a_fault_of_the_benchmark_is_not_hidden() -> None:
    with pytest.raises(KeyError):
        entry.run(raising(KeyError("x")))


def test_a_cluster_that_does_not_run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    not_running = LocalError("The embedded cluster does not run.", "Run `make local-up` first.")
    monkeypatch.setattr(pulumi, "check_reachable", raising(not_running))
    monkeypatch.setattr(sys, "argv", ["routes", "--cluster"])
    with pytest.raises(SystemExit) as ended:
        entry.run(routes.main)
    assert ended.value.code == 1
    assert capsys.readouterr().err == "The embedded cluster does not run.\nRun `make local-up` first.\n"


def test_addresses_of_this_machine_are_asked_without_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "example.org")
    with pytest.raises(SystemExit) as ended:
        entry.run(lambda: None)
    assert ended.value.code == 0
    assert os.environ["no_proxy"] == "example.org,127.0.0.1,localhost,198.18.0.0/15"


INTERRUPTED = """
import sys, time
from pathlib import Path
from bench import entry, servers

def main():
    with servers.running(["sleep", "600"], Path(sys.argv[1]), lambda: None) as process:
        print(process.pid, flush=True)
        time.sleep(600)

entry.run(main)
"""


def test_an_interrupt_leaves_nothing_running(tmp_path: Path) -> None:
    command = [sys.executable, "-c", INTERRUPTED, str(tmp_path / "log")]
    with subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout
        started = int(process.stdout.readline())
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=30)
    assert process.returncode == 130
    assert told.startswith("Interrupted.\n")
    assert not Path(f"/proc/{started}").exists()


def test_a_program_that_is_not_there(tmp_path: Path) -> None:
    with (
        pytest.raises(LocalError, match=r"There is no '.*nowhere', .*\n`make bench-gateway` installs it"),
        servers.running([tmp_path / "nowhere"], tmp_path / "log", lambda: None),
    ):
        pass


def test_a_program_that_ends_at_once(tmp_path: Path) -> None:
    command: servers.Command = ["sh", "-c", "echo bad port; exit 3"]

    def ask() -> None:
        raise httpx.ConnectError("refused")

    with (
        pytest.raises(LocalError, match=r"(?s)'sh' ended with 3 before it answered a request\..*bad port"),
        servers.running(command, tmp_path / "log", ask),
    ):
        pass


def test_what_a_command_brings_about_is_seen_while_it_runs() -> None:
    begun: list[float] = []

    def command() -> None:
        begun.append(time.monotonic())
        time.sleep(0.2)

    seen = entry.when_seen(lambda: bool(begun), command, "it", every=0.01, seconds=5)
    assert begun[0] <= seen < begun[0] + 0.2


def test_what_is_not_seen_after_the_command() -> None:
    with pytest.raises(TimeoutError, match="waited 0 s for it"):
        entry.when_seen(lambda: False, lambda: None, "it", every=0.01, seconds=0.05)


def test_nobody_waits_for_what_a_failed_command_would_have_brought() -> None:
    begin = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        entry.when_seen(lambda: False, raising(KeyboardInterrupt()), "it", every=0.01, seconds=600)
    assert time.monotonic() - begin < 60


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "", "many"])
def test_numbers_from_one_on(text: str) -> None:
    assert at_least_one("3") == 3
    with pytest.raises(argparse.ArgumentTypeError, match=re.escape(f"'{text}' is no whole number from 1 on")):
        at_least_one(text)


@pytest.mark.parametrize("text", ["0", "-1", "nan", "inf", "", "many"])
def test_numbers_above_zero(text: str) -> None:
    assert above_zero("0.5") == 0.5
    with pytest.raises(argparse.ArgumentTypeError, match=re.escape(f"'{text}' is no number above 0")):
        above_zero(text)


def test_files_that_are_read(tmp_path: Path) -> None:
    file = tmp_path / "file"
    with pytest.raises(argparse.ArgumentTypeError, match=r"there is no file '.*file'"):
        existing(str(file))
    file.touch()
    assert existing(str(file)) == file

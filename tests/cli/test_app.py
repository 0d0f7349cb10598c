"""The command line as a whole: help, errors, exit codes, and how light it is."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from stacks import automation
from stacks.automation.running import cluster_errors
from stacks.cli import errors
from stacks.cli.commands import COMMANDS
from stacks.cli.exits import ExitCode
from stacks.kubectl import Kubectl
from tests.cli.conftest import Cluster, Stacks, run

HEAVY = ("pulumi", "pulumi_kubernetes", "yaml", "rich", "httpx", "components", "stacks.settings")


def test_every_command_is_in_the_help() -> None:
    shown = run("--help")
    assert shown.exit_code == ExitCode.OK
    listed = [line.split()[0] for line in shown.output.partition("Commands:")[2].splitlines() if line.strip()]
    assert listed == list(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_and_a_sentence_that_is_shown_whole(command: str) -> None:
    assert run(command, "--help").exit_code == ExitCode.OK
    (line,) = (line for line in run("--help").output.splitlines() if line.split()[:1] == [command])
    assert line.endswith(".")
    assert not line.endswith("...")


def test_a_command_that_there_is_not() -> None:
    shown = run("statsu")
    assert shown.exit_code == ExitCode.USAGE
    assert "No such command 'statsu'. Did you mean 'status'" in shown.output


@pytest.mark.parametrize("command", ["status", "models", "fit", "artifacts", "up --yes"])
def test_a_stack_that_there_is_not(mine: Stacks, command: str) -> None:
    shown = run(*command.split(), "--stack", "other")
    assert shown.exit_code == ExitCode.NOT_FOUND
    assert shown.stderr == (
        "'other' is no stack: there is no file Pulumi.other.yaml in stacks: write one of mine.\n"
        "`modelyard init` makes a stack file.\n"
    )


@pytest.mark.parametrize("command", ["preview", "verify", "drill --yes"])
def test_a_stack_that_pulumi_is_not_even_asked_for(command: str) -> None:
    shown = run(*command.split(), "--stack", "there-is-none")
    assert shown.exit_code == ExitCode.NOT_FOUND
    assert "'there-is-none' is no stack: there is no file Pulumi.there-is-none.yaml in stacks." in shown.stderr


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("Unable to connect", ExitCode.UNREACHABLE),
        ("Unauthorized", ExitCode.CREDENTIALS),
        ("forbidden", ExitCode.CREDENTIALS),
        ("the server doesn't have a resource type", ExitCode.NOT_FOUND),
        ("something else", ExitCode.FAILED),
    ],
)
def test_a_script_and_the_command_end_alike_where_kubectl_fails(
    mine: Stacks, cluster: Cluster, monkeypatch: pytest.MonkeyPatch, said: str, code: ExitCode
) -> None:
    cluster.says(["get", "pods"], err=said, code=1)
    assert run("status").exit_code == code

    def verify(stack: str, **_: Any) -> Any:
        with cluster_errors():
            Kubectl("kubectl", None, None, "default").find("pods")

    monkeypatch.setattr(automation, "verify", verify)
    assert run("verify").exit_code == code


def test_a_stack_that_cannot_work(stacks: Stacks) -> None:
    stacks.write(routes=[{"model": "qwen", "fallback": ["gamma"]}])
    shown = run("models")
    assert shown.exit_code == ExitCode.SETTINGS
    assert shown.stdout == ""
    assert "modelyard:routes[0].fallback[0]: 'gamma' is no model of this stack" in shown.stderr
    assert shown.stderr.endswith("Correct the stack file and run the same command again.\n")


def test_an_error_for_programs_is_the_document_that_they_wait_for(stacks: Stacks) -> None:
    stacks.write_text("config: [")
    shown = run("models", "--json")
    assert shown.exit_code == ExitCode.SETTINGS
    assert shown.stderr == ""
    error = json.loads(shown.stdout)["error"]
    assert error.keys() == {"problem", "remedy", "exit_code"}
    assert error["exit_code"] == 3
    assert "Pulumi.mine.yaml: it is no YAML" in error["problem"]


def test_the_stack_of_the_environment_is_taken_and_an_option_before_it(stacks: Stacks) -> None:
    stacks.write("one")
    stacks.write("two")
    assert json.loads(run("models", "--json", stack="one").stdout)["stack"] == "one"
    assert json.loads(run("models", "--json", "-s", "two", stack="one").stdout)["stack"] == "two"


@pytest.mark.parametrize(
    ("said", "code", "exit_code"),
    [
        ("Unable to connect to the server: dial tcp 10.0.0.1:443: i/o timeout", 1, ExitCode.UNREACHABLE),
        ("error: You must be logged in to the server (Unauthorized)", 1, ExitCode.CREDENTIALS),
        ('pods is forbidden: User "ana" cannot list resource "pods"', 1, ExitCode.CREDENTIALS),
        ('error: context "prod" does not exist', 1, ExitCode.UNREACHABLE),
        ("something else", 1, ExitCode.FAILED),
    ],
)
def test_a_cluster_that_does_not_answer(
    mine: Stacks, cluster: Cluster, said: str, code: int, exit_code: ExitCode
) -> None:
    cluster.says(["get", "pods"], err=said, code=code)
    shown = run("status")
    assert shown.exit_code == exit_code
    assert "Traceback" not in shown.output
    problem, remedy = shown.stderr.splitlines()
    assert problem.startswith("`kubectl get pods` failed against")
    assert remedy.endswith(".")


def test_no_kubectl(mine: Stacks, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    shown = run("status")
    assert shown.exit_code == ExitCode.MISSING_TOOL
    assert "There is no 'kubectl' on PATH" in shown.stderr


def test_a_fault_of_our_own_is_a_sentence(mine: Stacks, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr("stacks.cli.stack.read_named", broken)
    shown = run("fit")
    assert shown.exit_code == ExitCode.INTERNAL
    assert shown.stderr == (
        "A fault of Modelyard itself: ZeroDivisionError: division by zero\n"
        f"Run the same command with {errors.TRACEBACK}=1, which shows where it is, and report both.\n"
    )
    monkeypatch.setenv(errors.TRACEBACK, "1")
    assert isinstance(run("fit").exception, ZeroDivisionError)


def test_a_file_that_may_not_be_read(mine: Stacks, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", "/stacks/Pulumi.mine.yaml")

    monkeypatch.setattr("stacks.cli.stack.read_named", refused)
    shown = run("fit")
    assert shown.exit_code == ExitCode.FAILED
    assert shown.stderr.startswith("/stacks/Pulumi.mine.yaml: Permission denied.\n")


def test_ctrl_c(mine: Stacks, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("stacks.cli.stack.read_named", interrupted)
    shown = run("fit")
    assert shown.exit_code == ExitCode.INTERRUPTED
    assert shown.stderr == "Interrupted.\n"


# Typer takes pydantic to read parameters, so only the help of all commands does without.
@pytest.mark.parametrize(
    ("arguments", "unwanted"),
    [
        (["--help"], (*HEAVY, "pydantic")),
        (["up", "--help"], HEAVY),
        (["completion", "bash"], HEAVY),
        (["nonsense"], HEAVY),
    ],
)
def test_light_commands_load_nothing_heavy(arguments: list[str], unwanted: tuple[str, ...]) -> None:
    program = (
        "import sys\n"
        "from stacks.cli.__main__ import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        f"sys.stderr.write('loaded: ' + ' '.join(name for name in {unwanted!r} if name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True)
    assert done.stderr.rpartition("loaded: ")[2] == ""


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_a_script_that_asks_the_command(shell: str) -> None:
    shown = run("completion", shell)
    assert shown.exit_code == ExitCode.OK
    assert f"_MODELYARD_COMPLETE=complete_{shell}" in shown.stdout.replace("'", "")


@pytest.mark.parametrize(
    ("words", "completed"),
    [
        ("modelyard sta", ["status"]),
        ("modelyard logs --stack se", ["seed"]),
        ("modelyard logs --stack seed qw", ["qwen2-1-5b"]),
        ("modelyard chat --stack seed ge", ["gemma-2-2b"]),
    ],
)
def test_what_the_shell_is_told(words: str, completed: list[str]) -> None:
    asked = {"_MODELYARD_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
    done = subprocess.run(
        [sys.executable, "-m", "stacks.cli"], env={**os.environ, **asked}, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == completed

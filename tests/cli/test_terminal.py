"""The command on a real terminal, and with none at all."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from stacks.cli.exits import ExitCode
from tests.cli.conftest import CONFIG, Cluster, gateway_pod, pod
from tests.cli.fake_gateway import serving, words
from tests.cli.terminal import ENTRY, HANG_UP, on_a_terminal

CTRL_C, CTRL_D = "\x03", "\x04"


@pytest.fixture
def entry(tmp_path: Path) -> str:
    """The command, with a folder of stack files of its own."""
    config = {f"modelyard:{key}": value for key, value in CONFIG.items()}
    (tmp_path / "Pulumi.mine.yaml").write_text(yaml.safe_dump({"config": config}))
    return (
        f"from pathlib import Path; from stacks import stack_file; stack_file.FOLDER = Path({str(tmp_path)!r}); {ENTRY}"
    )


def test_colours_are_for_terminals_alone(entry: str) -> None:
    shown = on_a_terminal("models", "--stack", "gone", entry=entry)
    assert shown.code == ExitCode.NOT_FOUND
    assert "\x1b[31m\x1b[1m'gone' is no stack" in shown.text
    done = subprocess.run([sys.executable, "-c", entry, "models", "-s", "gone"], capture_output=True, check=False)
    assert done.returncode == ExitCode.NOT_FOUND
    assert b"\x1b" not in done.stderr + done.stdout


def test_a_conversation(entry: str) -> None:
    with serving() as gateway:
        gateway.streams(*words("Pa", "ris."))
        shown = on_a_terminal(
            *("chat", "qwen", "--stack", "mine", "--url", gateway.url),
            typed=[("> ", "And France?\n"), ("whole after", ""), ("> ", CTRL_D)],
            entry=entry,
        )
    assert shown.code == ExitCode.OK
    assert "Paris." in shown.text
    assert gateway.requests[0]["messages"] == [{"role": "user", "content": "And France?"}]


def test_a_conversation_keeps_what_was_said(entry: str) -> None:
    with serving() as gateway:
        gateway.streams(*words("Paris."))
        on_a_terminal(
            *("chat", "qwen", "--stack", "mine", "--url", gateway.url),
            typed=[("> ", "One\n"), ("whole after", ""), ("> ", "Two\n"), ("whole after", ""), ("> ", CTRL_D)],
            entry=entry,
        )
    assert gateway.requests[1]["messages"] == [
        {"role": "user", "content": "One"},
        {"role": "assistant", "content": "Paris."},
        {"role": "user", "content": "Two"},
    ]


def test_ctrl_c_ends_a_conversation_with_a_word(entry: str) -> None:
    with serving() as gateway:
        shown = on_a_terminal(
            *("chat", "qwen", "--stack", "mine", "--url", gateway.url), typed=[("> ", "")], insist=CTRL_C, entry=entry
        )
    assert shown.code == ExitCode.INTERRUPTED
    assert "Interrupted." in shown.text
    assert "Traceback" not in shown.text


UPDATE = """
import time
from stacks import automation
from stacks.automation import Component, Done, Finished, PreviewResult, Resource, Started, UpResult
MODEL = Resource("urn:s", "kubernetes:apps/v1:StatefulSet", "platform-qwen", Component("NativeModelService", "qwen"))
def up(stack, *, options, on_event, cancelled):
    on_event(Started(MODEL, "create"))
    if cancelled.wait({wait}):
        raise automation.CancelledError("The update was cancelled.", "The next one goes on from there.")
    on_event(Done(MODEL, "create"))
    on_event(Finished(True, {{"create": 1}}, 1.0))
    return UpResult(stack, {{"create": 1}}, 1.0)
automation.up = up
automation.preview = lambda stack, **_: PreviewResult(stack, {{"create": 1}}, 1.0)
"""


@pytest.fixture
def loading(cluster: Cluster) -> Cluster:
    """A cluster on which a model loads its weights."""
    conditions = [{"type": "PodScheduled", "status": "True"}]
    containers = [{"name": "vllm", "restartCount": 0, "state": {"running": {}}}]
    starts = pod("qwen-0", conditions=conditions, containerStatuses=containers)
    cluster.has("pods", starts, gateway_pod())
    cluster.has("events")
    cluster.says(["logs", "qwen-0"], "Loading safetensors checkpoint shards:  40% Completed | 2/5 [00:02<00:03]\n")
    return cluster


def test_an_update_on_a_terminal_asks_and_then_draws_a_list(entry: str, loading: Cluster) -> None:
    entry = UPDATE.format(wait=3) + entry.replace("; ", "\n")
    shown = on_a_terminal("up", "-s", "mine", typed=[("Update the stack 'mine'?", "y\n")], entry=entry)
    assert shown.code == ExitCode.OK
    assert "loading weights: 40 %, 2 of 5 files" in shown.text
    assert "✓" in shown.text
    assert "Updated, in 1.0s: 1 created." in shown.text


def test_who_says_no_changes_nothing(entry: str, loading: Cluster) -> None:
    entry = UPDATE.format(wait=0) + entry.replace("; ", "\n")
    shown = on_a_terminal("up", "-s", "mine", typed=[("Update the stack 'mine'?", "n\n")], entry=entry)
    assert shown.code == ExitCode.FAILED
    assert "Nothing was changed." in shown.text
    assert loading.asked == []


def test_ctrl_c_ends_an_update_in_an_orderly_way(entry: str, loading: Cluster) -> None:
    entry = UPDATE.format(wait=50) + entry.replace("; ", "\n")
    shown = on_a_terminal("up", "-s", "mine", "--yes", typed=[("loading weights", CTRL_C)], entry=entry)
    assert shown.code == ExitCode.INTERRUPTED
    assert "Ending as soon as what is under way is finished" in shown.text
    assert "The update was cancelled." in shown.text


def begun(entry: str, *arguments: str, waits_for: str, **given: Any) -> subprocess.Popen[str]:
    """The command, after it has printed a line with this text."""
    process = subprocess.Popen(
        [sys.executable, "-c", entry, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        **given,
    )
    assert process.stdout
    assert any(waits_for in line for line in process.stdout)
    return process


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_an_update_that_is_told_to_end_ends_in_an_orderly_way(
    entry: str, loading: Cluster, number: signal.Signals
) -> None:
    entry = UPDATE.format(wait=50) + entry.replace("; ", "\n")
    process = begun(entry, "up", "-s", "mine", "--yes", waits_for="loading weights")
    # A terminal that is closed and the shell in it may both tell.
    process.send_signal(number)
    process.send_signal(number)
    _, complaints = process.communicate(timeout=30)
    assert process.returncode == ExitCode.INTERRUPTED
    assert complaints.count("Ending as soon as what is under way is finished") == 1
    assert "The update was cancelled." in complaints


def test_an_update_whose_terminal_is_closed_ends_in_an_orderly_way(
    entry: str, loading: Cluster, tmp_path: Path
) -> None:
    mark = f"Path({str(tmp_path / 'ended')!r}).write_text('in order')"
    entry = UPDATE.format(wait=50).replace("        raise", f"        {mark}\n        raise") + entry.replace(
        "; ", "\n"
    )
    entry = f"from pathlib import Path\n{entry}"
    shown = on_a_terminal("up", "-s", "mine", "--yes", typed=[("loading weights", HANG_UP)], entry=entry)
    assert (tmp_path / "ended").read_text() == "in order"
    assert shown.code == ExitCode.INTERRUPTED


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_command_that_is_told_to_end_takes_the_kubeconfig_with_it(
    entry: str, cluster: Cluster, tmp_path: Path, number: signal.Signals
) -> None:
    config = {**CONFIG, "cluster": {"kubeconfigContents": "of mine"}}
    file = yaml.safe_dump({"config": {f"modelyard:{key}": value for key, value in config.items()}})
    (tmp_path / "Pulumi.mine.yaml").write_text(file)
    cluster.has("pods", pod("qwen-0"))
    cluster.says(["logs", "qwen-0"], "begun\n", seconds=60)
    kept = tmp_path / "kept"
    kept.mkdir()
    process = begun(
        entry, "logs", "qwen", "-s", "mine", "-f", waits_for="begun", env={**os.environ, "TMPDIR": str(kept)}
    )
    assert [each.read_text() for each in kept.iterdir()] == ["of mine"]
    process.send_signal(number)
    _, complaints = process.communicate(timeout=30)
    assert process.returncode == ExitCode.INTERRUPTED
    assert complaints == "Interrupted.\n"
    assert list(kept.iterdir()) == []


def test_an_update_by_nohup_goes_on(entry: str, loading: Cluster) -> None:
    ignored = "import signal\nsignal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
    entry = ignored + UPDATE.format(wait=3) + entry.replace("; ", "\n")
    process = begun(entry, "up", "-s", "mine", "--yes", waits_for="loading weights")
    process.send_signal(signal.SIGHUP)
    rest, _ = process.communicate(timeout=30)
    assert process.returncode == ExitCode.OK
    assert rest.endswith("Updated, in 1.0s: 1 created.\n")


def test_an_update_with_no_terminal_writes_plain_lines(entry: str, loading: Cluster) -> None:
    entry = UPDATE.format(wait=3) + entry.replace("; ", "\n")
    command = [sys.executable, "-c", entry, "up", "-s", "mine", "--yes"]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True)
    assert "\x1b" not in done.stdout
    assert "model qwen: loading weights: 40 %, 2 of 5 files\n" in done.stdout
    assert done.stdout.endswith("Updated, in 1.0s: 1 created.\n")


def test_a_reader_who_goes_away(entry: str) -> None:
    reads, writes = os.pipe()
    os.close(reads)
    done = subprocess.run(
        [sys.executable, "-c", entry, "models", "-s", "mine"],
        stdout=writes,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(writes)
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("arguments", [["models"], ["models", "--json"], ["models", "--help"], ["--help"]])
def test_output_that_finds_no_room(entry: str, arguments: list[str]) -> None:
    named = ["-s", "mine"] if "--help" not in arguments else []
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-c", entry, *arguments, *named],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == ExitCode.FAILED
    assert done.stderr == (
        "What this command writes could not be written: No space left on device.\n"
        "Make room there, or send its output somewhere else.\n"
    )


@pytest.mark.parametrize(
    ("command", "question"),
    [("up", "Update the stack"), ("destroy", "?"), ("drill", "Kill the pods"), ("init", "Name of the stack")],
)
@pytest.mark.parametrize("key", [CTRL_C, CTRL_D])
def test_a_question_that_is_not_answered(entry: str, cluster: Cluster, command: str, question: str, key: str) -> None:
    cluster.has("nodes")
    named = [] if command == "init" else ["-s", "mine"]
    entry = UPDATE.format(wait=0) + entry.replace("; ", "\n")
    shown = on_a_terminal(command, *named, typed=[(question, key)], insist=key, entry=entry)
    assert shown.code == ExitCode.INTERRUPTED, shown.text
    assert shown.text.endswith("\nInterrupted.\n")
    assert "Aborted" not in shown.text


def test_questions_for_a_new_stack(entry: str, tmp_path: Path, cluster: Cluster) -> None:
    labels = {"nvidia.com/gpu.product": "NVIDIA-L4"}
    node = {"metadata": {"labels": labels}, "status": {"allocatable": {"nvidia.com/gpu": "4"}}}
    cluster.has("nodes", node, node)
    shown = on_a_terminal(
        "init",
        typed=[
            ("Name of the stack", "new\n"),
            ("GPUs of the nodes, as the label nvidia.com/gpu.product has them [NVIDIA-L4]", "\n"),
            ("Namespace of the models [models]", "\n"),
            ("GPUs of one node [4]", "\n"),
            ("Nodes with such GPUs [2]", "\n"),
            ("Zones of these nodes", "\n"),
            ("Weights of the first model", "Qwen/Qwen2.5-1.5B-Instruct\n"),
            ("Weights of one more", "\n"),
            ("(Higress)?", "n\n"),
            ("Do people depend on it?", "n\n"),
        ],
        entry=entry,
    )
    assert shown.code == ExitCode.OK, shown.text
    (model,) = yaml.safe_load((tmp_path / "Pulumi.new.yaml").read_text())["config"]["modelyard:models"]
    assert model["name"] == "qwen2-5-1-5b-instruct"

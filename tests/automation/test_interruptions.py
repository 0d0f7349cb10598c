"""Updates that are in each other's way, that are cancelled, killed, or met by a fault that passes."""

import json
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from stacks import automation
from stacks.automation import AutomationError, Event, Options, Recovered, Retries, Retrying
from tests.automation.conftest import Checkout

pytestmark = pytest.mark.pulumi

Heard = tuple[list[Event], Callable[[Event], None]]
SECONDS = 120.0


def wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline, "in vain"
        time.sleep(0.02)


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    """A folder for a program that writes `waits` there, and goes on when somebody writes `open`."""
    folder = tmp_path / "gate"
    folder.mkdir()
    return folder


def test_a_lock_that_another_process_holds(checkout: Checkout, gate: Path) -> None:
    automation.up("dev", options=checkout.options)
    waiting = replace(checkout.options, settings={"gate": str(gate)})
    failures: list[BaseException] = []

    def update() -> None:
        try:
            automation.up("dev", options=waiting)
        except BaseException as error:
            failures.append(error)

    other = threading.Thread(target=update)
    other.start()
    try:
        wait_for((gate / "waits").exists)
        with pytest.raises(automation.LockedError) as caught:
            automation.up("dev", options=checkout.options)
    finally:
        (gate / "open").touch()
        other.join()
    assert not failures
    error = caught.value
    assert error.exit_code == 7
    assert error.holder is not None
    assert f"@{socket.gethostname()} (process " in error.holder
    assert error.since is not None
    assert error.problem == (
        f"The stack 'dev' is locked by another update: {error.holder} holds it since {error.since}."
    )
    assert error.remedy == ("Wait for its end. Only if it was killed: `pulumi cancel --stack dev` takes the lock away.")


def test_a_lock_of_another_machine_is_left_alone(checkout: Checkout) -> None:
    automation.up("dev", options=checkout.options)
    lock = checkout.state / ".pulumi" / "locks" / "organization" / "sample" / "dev" / "other.json"
    lock.parent.mkdir(parents=True, exist_ok=True)
    since = "2026-11-23T05:00:00Z"
    content = {"pid": 2**22 + 1, "username": "ana", "hostname": "another-machine", "timestamp": since}
    lock.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(automation.LockedError) as caught:
        automation.destroy("dev", options=checkout.options)
    assert (caught.value.holder, caught.value.since) == (f"ana@another-machine (process {2**22 + 1})", since)
    assert lock.exists()


def test_an_update_that_was_killed_is_taken_up(checkout: Checkout, gate: Path, heard: Heard) -> None:
    events, listen = heard
    automation.up("dev", options=checkout.options)
    killed = _killed_update(checkout, gate)
    [lock] = (checkout.state / ".pulumi" / "locks").rglob("dev/*.json")
    assert json.loads(lock.read_text())["pid"] == killed
    _leave_a_pending_operation(checkout)
    up = automation.up("dev", options=checkout.options, on_event=listen)
    assert not up.changed
    assert not lock.exists()
    assert [event for event in events if isinstance(event, Recovered)] == [Recovered(())]
    assert "pending_operations" not in _state(checkout)["checkpoint"]["latest"]


def test_a_cancelled_update_ends_in_order(checkout: Checkout, gate: Path) -> None:
    cancelled = threading.Event()
    waiting = replace(checkout.options, settings={"gate": str(gate)})

    def cancel() -> None:
        wait_for((gate / "waits").exists)
        cancelled.set()

    other = threading.Thread(target=cancel)
    other.start()
    with pytest.raises(AutomationError) as caught:
        automation.up("dev", options=waiting, cancelled=cancelled)
    other.join()
    assert type(caught.value) is automation.CancelledError
    assert caught.value.exit_code == 130
    assert caught.value.problem == "`pulumi up` of the stack 'dev' was cancelled."
    assert not list((checkout.state / ".pulumi" / "locks").rglob("*.json"))
    assert automation.up("dev", options=checkout.options).outputs["greeting"] == "hello"


def test_what_a_listener_raises_ends_the_update_and_comes_out(checkout: Checkout) -> None:
    def listen(event: Event) -> None:
        raise ZeroDivisionError(str(event))

    with pytest.raises(ZeroDivisionError):
        automation.up("dev", options=checkout.options, on_event=listen)
    assert not list((checkout.state / ".pulumi" / "locks").rglob("*.json"))


TRANSIENT = """
from pathlib import Path

import pulumi

attempts = Path({counter!r})
attempts.write_text(attempts.read_text() + "x" if attempts.exists() else "x")
if len(attempts.read_text()) < {good}:
    raise pulumi.RunError({message!r})
pulumi.export("attempts", len(attempts.read_text()))
"""


@pytest.mark.parametrize(
    ("message", "good", "attempts"),
    [
        ("Post https://10.0.0.1/api: read tcp 10.0.0.2:1->10.0.0.1:443: read: connection reset by peer", 3, 3),
        ("etcdserver: leader changed", 2, 2),
    ],
)
def test_what_passes_is_tried_again(
    checkout: Checkout, tmp_path: Path, heard: Heard, message: str, good: int, attempts: int
) -> None:
    events, listen = heard
    checkout.program(TRANSIENT.format(counter=str(tmp_path / "attempts"), good=good, message=message))
    options = replace(checkout.options, retries=Retries(attempts=3, wait_seconds=0.1))
    up = automation.up("dev", options=options, on_event=listen)
    assert up.outputs == {"attempts": good}
    assert up.attempts == attempts
    retries = [event for event in events if isinstance(event, Retrying)]
    assert [(retry.attempt, retry.attempts) for retry in retries] == [(n, 3) for n in range(2, attempts + 1)]
    assert [retry.wait_seconds for retry in retries] == [0.1, 0.2][: attempts - 1]
    assert message in retries[0].reason


def test_what_passes_too_late_and_what_does_not_pass(checkout: Checkout, tmp_path: Path) -> None:
    options = replace(checkout.options, retries=Retries(attempts=2, wait_seconds=0.1))
    for message, tried in (("net/http: TLS handshake timeout", 2), ("quota exceeded", 1)):
        counter = tmp_path / "attempts"
        counter.unlink(missing_ok=True)
        checkout.program(TRANSIENT.format(counter=str(counter), good=9, message=message))
        with pytest.raises(automation.UpdateFailedError, match=message):
            automation.up("dev", options=options)
        assert len(counter.read_text()) == tried


def test_several_stacks_at_the_same_time(checkout: Checkout, tmp_path: Path) -> None:
    """Each waits in the middle until all of them are there."""
    before_files = {}
    gates = {}
    for name in ("one", "two"):
        gates[name] = tmp_path / name
        gates[name].mkdir()
        checkout.stack(name, greeting=name, gate=str(gates[name]))
    before_files = checkout.files()
    results: dict[str, automation.UpResult] = {}

    def update(name: str) -> None:
        results[name] = automation.up(name, options=checkout.options)

    threads = [threading.Thread(target=update, args=(name,)) for name in gates]
    for thread in threads:
        thread.start()
    wait_for(lambda: all((folder / "waits").exists() for folder in gates.values()))
    for folder in gates.values():
        (folder / "open").touch()
    for thread in threads:
        thread.join()
    assert {name: result.outputs["greeting"] for name, result in results.items()} == {"one": "one", "two": "two"}
    assert checkout.files() == before_files


def _killed_update(checkout: Checkout, gate: Path) -> int:
    """Start an update, kill its Pulumi in the middle; gives the process."""
    file = gate / "Pulumi.dev.yaml"
    text = (checkout.folder / "stacks" / "Pulumi.dev.yaml").read_text()
    file.write_text(f"{text}  modelyard:gate: {gate}\n", encoding="utf-8")
    process = subprocess.Popen(
        ["pulumi", "up", "--stack=dev", f"--config-file={file}", "--yes", "--skip-preview", "--non-interactive"],
        cwd=checkout.folder,
        env={**os.environ, "PULUMI_FALLBACK_TO_STATE_SECRETS_MANAGER": "true"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for((gate / "waits").exists)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
        (gate / "open").touch()
    return process.pid


def _state(checkout: Checkout) -> dict[str, dict[str, dict[str, list[dict[str, object]]]]]:
    file = checkout.state / ".pulumi" / "stacks" / "sample" / "dev.json"
    found: dict[str, dict[str, dict[str, list[dict[str, object]]]]] = json.loads(file.read_text())
    return found


def _leave_a_pending_operation(checkout: Checkout) -> None:
    """What Pulumi writes ahead of an operation, and takes out behind it."""
    state = _state(checkout)
    latest = state["checkpoint"]["latest"]
    [key] = [each for each in latest["resources"] if str(each["type"]).startswith("random:")]
    latest["pending_operations"] = [{"resource": key, "type": "updating"}]
    file = checkout.state / ".pulumi" / "stacks" / "sample" / "dev.json"
    file.write_text(json.dumps(state), encoding="utf-8")


def test_options_are_what_they_say() -> None:
    assert Options().retries == Retries(attempts=3, wait_seconds=5.0)


@pytest.mark.parametrize(("attempts", "wait_seconds"), [(0, 5.0), (-1, 5.0), (3, -1.0), (3, float("nan"))])
def test_no_attempt_at_all_is_refused(attempts: int, wait_seconds: float) -> None:
    """It would never be reached, and what passes be tried again for ever."""
    with pytest.raises(
        ValueError, match=rf"Retries\(attempts={attempts}, wait_seconds={wait_seconds}\): .* at least 1"
    ):
        Retries(attempts=attempts, wait_seconds=wait_seconds)

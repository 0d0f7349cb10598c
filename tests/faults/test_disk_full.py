"""Disks that are full: of the gateway's log, of a model's container, and where Pulumi keeps the state."""

import contextlib
import json
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from http.client import HTTPException
from pathlib import Path

import pytest

from local.paths import CHECKOUT
from serving.control import Control
from serving.exits import ExitCode
from stacks import automation
from tests.automation.conftest import Checkout
from tests.faults.conftest import StartLone
from tests.faults.disk import Disk
from tests.gateway.conftest import Pods
from tests.gateway.harness import eventually, stack
from tests.serving.servers import STAND_IN, Server, await_true, start

pytestmark = pytest.mark.faults

MUCH = 100_000
"""Bytes that vLLM says at its start: more than a pipe holds that nobody reads."""

LONE = stack(["qwen"], [{"model": "qwen"}])
REQUESTS = 2000

StartServer = Callable[..., Server]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[StartServer]:
    """Starts the entrypoint, by a line of shell, before a stand-in of vLLM that says much."""
    started: list[Server] = []

    def begin(line: str, **variables: str) -> Server:
        python = tmp_path / "python"
        python.write_text(f'#!/bin/sh\nset -- {sys.executable} "$@"\n{line}\n')
        python.chmod(0o700)
        said = json.dumps({"say": "x" * MUCH})
        server = start(tmp_path, STAND_IN, str(python), STAND_IN=said, MODELYARD_MODEL="org/m", **variables)
        started.append(server)
        return server

    yield begin
    for server in started:
        server.close()


@pytest.mark.gateway
def test_a_gateway_answers_whose_log_finds_no_room(start_lone: StartLone, pods: Pods, disk: Disk) -> None:
    log = disk.folder / "log"
    log.touch()
    disk.fill()
    gateway = start_lone(LONE, pods("qwen"), log=log)
    assert {gateway.chat("qwen").status_code for _ in range(REQUESTS)} == {200}
    eventually(lambda: gateway.stat("filesystem.write_failed") > 0, "nothing could be written")
    eventually(lambda: gateway.stat("filesystem.write_total_buffered") == 0, "no line is kept in memory")
    assert log.read_bytes() == b""

    disk.free()
    gateway.chat("qwen", user="after")
    eventually(lambda: log.stat().st_size > 0, "the log goes on")
    (line,) = gateway.log()
    assert line["status"] == 200


def is_ready(server: Server) -> bool:
    try:
        return server.status("GET", "/modelyard/ready") == 200
    except OSError:
        return False


def complete(server: Server) -> int:
    return server.status("POST", "/v1/completions", {"model": "base", "prompt": "Hello", "max_tokens": 2})


def serve_onto(disk: Disk, serve: StartServer) -> tuple[Server, Path, Path]:
    """A model that is ready, with its log and its termination message on the disk, which has no room."""
    log, message = disk.folder / "log", disk.folder / "termination-log"
    log.touch()
    message.touch()
    disk.fill()
    server = serve(f'exec "$@" > {log} 2>&1', MODELYARD_TERMINATION_LOG=str(message))
    await_true(lambda: is_ready(server))
    return server, log, message


def test_a_model_serves_and_stops_whose_log_finds_no_room(serve: StartServer, disk: Disk) -> None:
    server, log, _ = serve_onto(disk, serve)
    assert {complete(server) for _ in range(20)} == {200}
    assert log.read_bytes() == b""

    disk.free()
    assert complete(server) == 200
    await_true(lambda: "asked /v1/completions base" in log.read_text())
    disk.fill()
    server.signal(signal.SIGTERM)
    assert server.ended() == ExitCode.STOPPED
    assert not any("Traceback" in line for line in log.read_text().splitlines())


def test_why_a_model_ended_is_its_exit_code_where_nothing_can_be_written(serve: StartServer, disk: Disk) -> None:
    server, _, message = serve_onto(disk, serve)
    with contextlib.suppress(OSError, HTTPException):
        server.status("POST", "/stand-in/crash")
    assert server.ended() == ExitCode.GPU_MEMORY
    assert message.read_text() == ""


def test_a_model_without_room_for_temporary_files_says_so(serve: StartServer, disk: Disk) -> None:
    if CHECKOUT.is_relative_to("/tmp") or CHECKOUT.is_relative_to("/var/tmp"):  # noqa: S108 - nothing is written there
        pytest.skip("this checkout lies in a folder for temporary files, which the test hides")
    disk.fill()
    mounts = f"mount --bind {disk.folder} /var/tmp; mount --bind {disk.folder} /tmp; cd /proc"
    server = serve(f'exec unshare --mount sh -c \'{mounts}; exec "$@"\' sh "$@"')
    assert server.ended() == ExitCode.DISK
    assert "free some of the node's disk" in server.await_line("no room")
    assert not any("Traceback" in line for line in server.lines)


def test_a_block_that_finds_no_room_is_an_error_and_no_signal_later(
    disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(disk.folder))
    disk.fill()
    before = set(disk.folder.iterdir())
    with pytest.raises(OSError, match="No space left"):
        Control.create(hung_seconds=0)
    assert set(disk.folder.iterdir()) == before


# Updates


@dataclass(frozen=True)
class Kept:
    """A checkout whose state is on the disk."""

    checkout: Checkout
    disk: Disk

    @property
    def state(self) -> Path:
        return self.disk.folder / ".pulumi" / "stacks" / "sample" / "dev.json"

    def up(self, **settings: str) -> automation.UpResult:
        return automation.up(
            "dev", options=replace(self.checkout.options, settings=settings), on_event=self.heard.append
        )

    heard: list[automation.Event] = field(default_factory=list)


@pytest.fixture
def kept(checkout: Checkout, disk: Disk, monkeypatch: pytest.MonkeyPatch) -> Kept:
    monkeypatch.setenv("PULUMI_BACKEND_URL", f"file://{disk.folder}")
    return Kept(checkout, disk)


@pytest.mark.pulumi
def test_an_update_that_finds_no_room_from_its_start(kept: Kept) -> None:
    kept.up()
    before = kept.state.read_bytes()
    kept.disk.fill()
    with pytest.raises(automation.UpdateFailedError) as caught:
        kept.up(length="30")
    assert caught.value.problem.startswith("There is no room left where Pulumi keeps the state of 'dev', or for ")
    assert caught.value.remedy.startswith("Free some of that disk and run the same again: ")
    assert kept.state.read_bytes() == before

    kept.disk.free()
    assert kept.up(length="30").changes == {"same": 2, "replace": 1}
    assert kept.up(length="30").changes == {"same": 3}


@pytest.mark.pulumi
@pytest.mark.parametrize("first", [True, False], ids=["first-update", "later-update"])
def test_an_update_that_finds_no_room_later(kept: Kept, tmp_path: Path, first: bool) -> None:
    gate = tmp_path / "gate"
    gate.mkdir()
    if not first:
        kept.up()

    def fill() -> None:
        await_true((gate / "waits").exists, 60)
        kept.disk.fill()
        (gate / "open").touch()

    with ThreadPoolExecutor(1) as elsewhere:
        filled = elsewhere.submit(fill)
        with pytest.raises(automation.UpdateFailedError, match="no space left on device"):
            kept.up(length="30", gate=str(gate))
        filled.result()
    # Pulumi's doing: an empty file in the place of the state.
    assert kept.state.read_bytes() == b""
    with pytest.raises(automation.UpdateFailedError, match=r"(?i)no space left on device"):
        kept.up(length="30")

    kept.disk.free()
    assert kept.up(length="30").changes == ({"create": 3} if first else {"same": 2, "replace": 1})
    said = [event.text for event in kept.heard if isinstance(event, automation.Message) and event.severity == "warning"]
    assert all("was put in its place, and everything is read from the cluster" in text for text in said)
    assert said
    assert kept.up(length="30").changes == {"same": 3}


@pytest.mark.pulumi
def test_an_empty_state_without_a_copy_is_told_and_left(kept: Kept) -> None:
    kept.up()
    shutil.rmtree(kept.disk.folder / ".pulumi" / "backups")
    for file in (kept.state, kept.state.with_name("dev.json.bak")):
        file.write_bytes(b"")
    with pytest.raises(automation.UpdateFailedError, match=r"Neither the copy beside it nor one in .* is whole\."):
        kept.up()
    assert kept.state.read_bytes() == b""

"""Disks that are full: of the gateway's log, of a model's container, and where Pulumi keeps the state."""

import contextlib
import json
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from http.client import HTTPException
from pathlib import Path

import pytest

from serving.control import Control
from serving.exits import ExitCode
from tests.faults.disk import Disk
from tests.serving.servers import STAND_IN, Server, await_true, start

pytestmark = pytest.mark.faults

MUCH = 100_000
"""Bytes that vLLM says at its start: more than a pipe holds that nobody reads."""

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


def is_ready(server: Server) -> bool:
    try:
        return server.status("GET", "/modelyard/ready") == 200
    except OSError:
        return False


def complete(server: Server) -> int:
    return server.status("POST", "/v1/completions", {"model": "base", "prompt": "Hello", "max_tokens": 2})


def test_a_model_serves_and_stops_whose_log_finds_no_room(serve: StartServer, disk: Disk) -> None:
    log, message = disk.folder / "log", disk.folder / "termination-log"
    log.touch()
    message.touch()
    disk.fill()
    server = serve(f'exec "$@" > {log} 2>&1', MODELYARD_TERMINATION_LOG=str(message))
    await_true(lambda: is_ready(server))
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
    log, message = disk.folder / "log", disk.folder / "termination-log"
    log.touch()
    message.touch()
    disk.fill()
    server = serve(f'exec "$@" > {log} 2>&1', MODELYARD_TERMINATION_LOG=str(message))
    await_true(lambda: is_ready(server))
    with contextlib.suppress(OSError, HTTPException):
        server.status("POST", "/stand-in/crash")
    assert server.ended() == ExitCode.GPU_MEMORY
    assert message.read_text() == ""


def test_a_model_without_room_for_temporary_files_says_so(serve: StartServer, disk: Disk) -> None:
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

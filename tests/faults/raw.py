"""A pod that answers requests by a script of bytes, which no HTTP server would send."""

import asyncio
import contextlib
import itertools
from collections.abc import Iterator
from dataclasses import dataclass

from tests.gateway.fakes import Loop, free_port

HEALTHY = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"


@dataclass(frozen=True)
class Say:
    """Send these bytes."""

    content: bytes


@dataclass(frozen=True)
class Repeat:
    """Send these bytes over and over until the other side leaves, with a pause between two times."""

    content: bytes
    pause_seconds: float = 0


class Hold:
    """Send nothing more, and keep the connection open until the other side leaves."""


class Break:
    """Close the connection by a reset."""


Script = Say | Repeat | Hold | Break


class RawPod:
    """Answers ``GET /health`` as a healthy pod does, and anything else by its script; then it closes the connection."""

    def __init__(self, loop: Loop, script: tuple[Script, ...]) -> None:
        self.script = script
        self.port = free_port()
        self.requests: list[bytes] = []
        self._loop = loop
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    @property
    def address(self) -> tuple[str, int]:
        return ("127.0.0.1", self.port)

    @property
    def connections(self) -> int:
        """Connections that are open now."""
        return len(self._writers)

    def start(self) -> None:
        self._loop.run(self._start())

    def kill(self) -> None:
        self._loop.run(self._kill())

    async def _start(self) -> None:
        self._server = await asyncio.start_server(self._serve, *self.address)

    async def _kill(self) -> None:
        if self._server:
            self._server.close()
        for writer in list(self._writers):
            writer.transport.abort()
        await asyncio.sleep(0)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                while await self._answer(reader, writer):
                    pass
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Answer one request; whether the connection may be used again."""
        head = await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(_content_length(head))
        if head.startswith(b"GET /health "):
            writer.write(HEALTHY)
            return True
        self.requests.append(head)
        for step in self.script:
            for content, pause in _writes(step):
                writer.write(content)
                await writer.drain()
                await asyncio.sleep(pause)
            if isinstance(step, Break):
                writer.transport.abort()
            if isinstance(step, Hold):
                await reader.read()
        return False


def _writes(step: Script) -> Iterator[tuple[bytes, float]]:
    if isinstance(step, Say):
        yield step.content, 0
    if isinstance(step, Repeat):
        yield from itertools.repeat((step.content, step.pause_seconds))


def _content_length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.partition(b":")[2])
    return 0

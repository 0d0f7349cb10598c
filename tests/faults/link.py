"""A bad network between the gateway and a pod: slow, silent for a while, or cut."""

import asyncio
import contextlib

from tests.gateway.fakes import Loop, free_port


class Link:
    """Carries connections to a pod, as well as the test lets it.

    The kernel's own emulation of bad networks is not there on every machine; this one needs nothing of it.
    """

    delay_seconds: float = 0
    """How long what either side says is on its way."""
    bytes_per_second: float = float("inf")
    """What one direction of a connection carries."""

    def __init__(self, loop: Loop, to: tuple[str, int]) -> None:
        self.port = free_port()
        self._to = to
        self._loop = loop
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._open = asyncio.Event()
        self._open.set()

    @property
    def address(self) -> tuple[str, int]:
        return ("127.0.0.1", self.port)

    def start(self) -> None:
        self._loop.run(self._start())

    def silence(self) -> None:
        """Carry nothing more, and say nothing of it, as when packets are lost."""
        self._loop.call(self._open.clear)

    def restore(self) -> None:
        """Carry again, what was said in between too."""
        self._loop.call(self._open.set)

    def cut(self) -> None:
        """Reset every connection that is open now."""
        self._loop.run(self._cut())

    def kill(self) -> None:
        """Cut all and take no more connections."""
        self._loop.run(self._kill())

    async def _start(self) -> None:
        self._server = await asyncio.start_server(self._accept, *self.address)

    async def _cut(self) -> None:
        for writer in list(self._writers):
            writer.transport.abort()
        await asyncio.sleep(0)

    async def _kill(self) -> None:
        if self._server:
            self._server.close()
        self._open.set()
        await self._cut()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            pod_reader, pod_writer = await asyncio.open_connection(*self._to)
        except OSError:
            writer.transport.abort()
            return
        ends = {writer, pod_writer}
        self._writers |= ends
        try:
            await asyncio.gather(self._carry(reader, pod_writer), self._carry(pod_reader, writer))
        finally:
            self._writers -= ends
            for end in ends:
                end.close()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while content := await reader.read(4096):
                await self._open.wait()
                await asyncio.sleep(self.delay_seconds + len(content) / self.bytes_per_second)
                await self._open.wait()
                writer.write(content)
                await writer.drain()
            if writer.can_write_eof():
                writer.write_eof()
            return
        writer.transport.abort()

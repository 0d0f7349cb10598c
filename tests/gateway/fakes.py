"""Fake pods: HTTP servers on loopback that answer like vLLM, or fail in the way that a test asks for."""

import asyncio
import json
import random
import socket
import threading
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, TypeVar

from aiohttp import web

Answer = Callable[["Pod", web.Request, dict[str, Any]], Awaitable[web.StreamResponse]]
T = TypeVar("T")

BODY_LIMIT_BYTES = 1 << 30
WAIT_SECONDS = 20


@dataclass(frozen=True)
class Received:
    """A request as the pod saw it."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        return dict(json.loads(self.body))


class Loop:
    """An event loop in a thread of its own, for the pods of a test session."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.start(work).result(timeout=WAIT_SECONDS)

    def start(self, work: Coroutine[Any, Any, T]) -> "Future[T]":
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def call(self, function: Callable[[], object]) -> None:
        self._loop.call_soon_threadsafe(function)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


class Gate:
    """Something that a pod waits for and a test opens."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._event = asyncio.Event()

    def open(self) -> None:
        self._loop.call(self._event.set)

    async def wait(self) -> None:
        await self._event.wait()


class Pod:
    """One pod of a model."""

    def __init__(self, loop: Loop, *names: str) -> None:
        self.names = names
        self.name = names[0]
        self.port = free_port()
        self.answer: Answer = completion
        self.health = 200
        self.headers: dict[str, str] = {}
        self.received: list[Received] = []
        self.running = 0
        self._loop = loop
        self._runner: web.AppRunner | None = None

    @property
    def address(self) -> tuple[str, int]:
        return ("127.0.0.1", self.port)

    def start(self) -> None:
        self._loop.run(self._start())

    def kill(self) -> None:
        """Refuse connections from now on, and break the open ones."""
        if self._runner:
            self._loop.run(self._kill(self._runner))
            self._runner = None

    async def _start(self) -> None:
        app = web.Application(client_max_size=BODY_LIMIT_BYTES)
        app.router.add_get("/health", self._health)
        app.router.add_route("*", "/{path:.*}", self._request)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0, handler_cancellation=True)
        await self._runner.setup()
        await web.TCPSite(self._runner, *self.address, reuse_address=True).start()

    async def _kill(self, runner: web.AppRunner) -> None:
        for site in list(runner.sites):
            await site.stop()
        if runner.server:
            for connection in runner.server.connections:
                if connection.transport:
                    connection.transport.abort()
        await runner.cleanup()

    async def _health(self, _: web.Request) -> web.Response:
        return web.Response(status=self.health)

    async def _request(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        self.received.append(Received(request.path_qs, {k.lower(): v for k, v in request.headers.items()}, body))
        self.running += 1
        try:
            fields = json.loads(body)
            if fields.get("model") not in self.names:
                return error(404, f"The model {fields.get('model')!r} does not exist.")
            return await self.answer(self, request, fields)
        finally:
            self.running -= 1


async def completion(pod: Pod, request: web.Request, fields: dict[str, Any]) -> web.StreamResponse:
    """A whole answer, plain or streamed."""
    if fields.get("stream"):
        return await stream()(pod, request, fields)
    return web.json_response(completion_object(pod, fields), headers=pod.headers)


def completion_object(pod: Pod, fields: dict[str, Any], content: str | None = None) -> dict[str, Any]:
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": fields["model"],
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": content or f"from {pod.name}"},
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 3, "completion_tokens": 5, "total_tokens": 8},
    }


def content(text: str) -> Answer:
    """A plain answer with that text."""

    async def reply(pod: Pod, _: web.Request, fields: dict[str, Any]) -> web.StreamResponse:
        return web.json_response(completion_object(pod, fields, text))

    return reply


def status(code: int) -> Answer:
    """An error of that status, in vLLM's form."""

    async def reply(_: Pod, __: web.Request, ___: dict[str, Any]) -> web.StreamResponse:
        return error(code, f"from the pod: {code}")

    return reply


def error(code: int, message: str) -> web.Response:
    return web.json_response(
        {"error": {"message": message, "type": "PodError", "param": None, "code": code}}, status=code
    )


async def reset(_: Pod, request: web.Request, __: dict[str, Any]) -> web.StreamResponse:
    """The connection breaks before the answer begins."""
    assert request.transport
    request.transport.abort()
    await asyncio.Event().wait()
    raise AssertionError("the handler is cancelled with its connection")


async def hang(_: Pod, __: web.Request, ___: dict[str, Any]) -> web.StreamResponse:
    """No answer, ever."""
    await asyncio.Event().wait()
    raise AssertionError("the handler is cancelled with its connection")


def after(gate: Gate, answer: Answer = completion) -> Answer:
    """An answer that begins when the gate opens."""

    async def reply(pod: Pod, request: web.Request, fields: dict[str, Any]) -> web.StreamResponse:
        await gate.wait()
        return await answer(pod, request, fields)

    return reply


def stream(events: int = 3, gates: dict[int, Gate] | None = None, dies_before: int | None = None) -> Answer:
    """A stream of events and ``[DONE]``.

    Args:
        events: Number of events with text.
        gates: What to wait for before the event of that position.
        dies_before: Position of the event at which the connection breaks.
    """

    async def reply(pod: Pod, request: web.Request, fields: dict[str, Any]) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": "text/event-stream; charset=utf-8"})
        await response.prepare(request)
        for position in range(events):
            if gates and position in gates:
                await gates[position].wait()
            if position == dies_before:
                return await reset(pod, request, fields)
            await response.write(_event({**_chunk(fields), "choices": [_delta(f"{position} ")]}))
        if fields.get("stream_options", {}).get("include_usage"):
            usage = {"prompt_tokens": 3, "completion_tokens": events, "total_tokens": 3 + events}
            await response.write(_event({**_chunk(fields), "choices": [], "usage": usage}))
        await response.write(b"data: [DONE]\n\n")
        return response

    return reply


def _chunk(fields: dict[str, Any]) -> dict[str, Any]:
    return {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": fields["model"]}


def _delta(text: str) -> dict[str, Any]:
    return {"index": 0, "delta": {"role": "assistant", "content": text}, "finish_reason": None}


def _event(data: dict[str, Any]) -> bytes:
    return f"data: {json.dumps(data)}\n\n".encode()


_given: set[int] = set()


def free_port() -> int:
    """A port that nothing listens on, below the range that outgoing connections take theirs from.

    None is given twice: what a port was given for may not listen yet when the next one is chosen.
    """
    while True:
        port = random.randint(10_000, 30_000)  # noqa: S311 - not for secrets
        if port in _given:
            continue
        _given.add(port)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port

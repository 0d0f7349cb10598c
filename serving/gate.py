"""The ASGI middleware in front of vLLM's own server: counts requests, refuses them while it stops, answers probes.

vLLM adds it by ``--middleware serving.gate.Gate``. It is plain ASGI, imports no framework, and
costs a request a few reads of memory.
"""

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, cast

from serving.control import Control, Phase
from serving.progress import Progress, vllm_engines

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

READY = "/modelyard/ready"
"""200 once a request was answered, until the server stops or hangs; otherwise 503."""
LIVE = "/modelyard/live"
"""200 unless the engine died or makes no step; then 503."""
TASKS = "/modelyard/tasks"
"""vLLM's names for what the model can be asked, as a JSON list."""
HEALTH = "/health"
"""vLLM's own health, and 503 where ``READY`` is: gateways ask it, and send nothing to a server that stops."""

WATCH_SECONDS = 0.5
"""Seconds between two looks at the engine."""
_LOOKS = 60
"""How often an engine is looked at within the time that it may make no step. Reading its metrics costs a little."""
RETRY_AFTER_SECONDS = 1
"""What a refused client is told to wait. Another replica can answer at once."""

_READING = ("GET", "HEAD", "OPTIONS")
_MOVE_ON = (
    (b"retry-after", str(RETRY_AFTER_SECONDS).encode()),
    # The client's next request must not come by the same connection.
    (b"connection", b"close"),
    # Envoy takes the server out of its turn at once: "Fast failure" in its page on health checking.
    (b"x-envoy-immediate-health-check-fail", b"true"),
)
_TRY_AGAIN_LATER = 1013
"""WebSocket's close code of that name (IANA's registry)."""

_log = logging.getLogger("vllm.modelyard")


class Gate:
    """The middleware. One of them is in each of vLLM's API servers."""

    def __init__(self, app: App) -> None:
        """Attach to the supervisor's block.

        Args:
            app: what answers the requests.

        Raises:
            RuntimeError: without a supervisor.
        """
        self._app = app
        self._control = Control.attached()
        self._slot = self._control.claim_slot()
        self._running: set[asyncio.Task[object]] = set()
        self._websockets = 0
        self._own: dict[str, Callable[[Scope, Receive, Send], Awaitable[None]]] = {
            READY: self._ready,
            LIVE: self._live,
            TASKS: self._tasks,
            HEALTH: self._health,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, refuse it, or answer it."""
        kind = scope["type"]
        if kind == "lifespan":
            await self._live_on(scope, receive, send)
        elif kind == "http" and scope["method"] in _READING:
            await self._own.get(scope["path"], self._app)(scope, receive, send)
        else:
            await self._count(scope, receive, send)

    async def _count(self, scope: Scope, receive: Receive, send: Send) -> None:
        slots, slot, block = self._control.slots, self._slot, self._control.block
        websocket = scope["type"] == "websocket"
        self._websockets += websocket
        # First counted, then looked: the supervisor does it the other way round, so none slips through.
        slots[slot] += 1
        try:
            if block[0] >= Phase.REFUSING:
                await _refuse(scope, send)
            else:
                await self._run(scope, receive, send)
        finally:
            slots[slot] -= 1
            self._websockets -= websocket

    async def _run(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        # Not a coroutine of its own: each piece of a stream goes through here.
        def noticed(message: Message) -> Awaitable[None]:
            nonlocal started
            started = True
            return send(message)

        task = cast("asyncio.Task[object]", asyncio.current_task())
        self._running.add(task)
        try:
            await self._app(scope, receive, noticed)
        except asyncio.CancelledError:
            if self._control.phase != Phase.CUT:
                raise
            task.uncancel()
            # A stream ends here, without its last piece, so that its client knows. Nothing was sent of another
            # answer, and a gateway can still have it from elsewhere.
            if not started:
                await _refuse(scope, send)
        finally:
            self._running.discard(task)

    async def _live_on(self, scope: Scope, receive: Receive, send: Send) -> None:
        watching = asyncio.create_task(self._watch(scope["app"].state.engine_client))
        try:
            await self._app(scope, receive, send)
        finally:
            watching.cancel()

    async def _watch(self, engine: Any) -> None:
        control = self._control
        progress = Progress(control.hung_seconds, vllm_engines) if control.hung_seconds else None
        looked = 0.0
        while True:
            now = time.monotonic()
            if engine.errored:
                control.report_engine_dead()
            if control.phase == Phase.CUT:
                # vLLM itself ends its engine first, and then waits for ever for answers that nobody makes.
                for task in self._running:
                    task.cancel()
            if progress is not None and now - looked >= control.hung_seconds / _LOOKS:
                looked = now
                try:
                    # A websocket's request waits for its client, for as long as that likes.
                    waiting = 0 if self._websockets else engine.get_num_unfinished_requests()
                    hung = progress.hung(now, waiting)
                except Exception:
                    # A version of vLLM that counts otherwise must not lose its requests over it.
                    _log.exception("No hung engine will be noticed: this vLLM does not say what its engine does.")
                    hung, progress = False, None
                control.slots[self._slot + 1] = hung
            await asyncio.sleep(WATCH_SECONDS)

    async def _ready(self, scope: Scope, receive: Receive, send: Send) -> None:
        await _say(send, self._not_ready())

    async def _live(self, scope: Scope, receive: Receive, send: Send) -> None:
        await _say(send, self._not_live())

    async def _health(self, scope: Scope, receive: Receive, send: Send) -> None:
        trouble = self._not_ready()
        if trouble:
            await _say(send, trouble)
        else:
            await self._app(scope, receive, send)

    async def _tasks(self, scope: Scope, receive: Receive, send: Send) -> None:
        tasks = await scope["app"].state.engine_client.get_supported_tasks()
        await _answer(send, 200, b"application/json", json.dumps(list(tasks)).encode())

    def _not_ready(self) -> str:
        phase = self._control.phase
        if phase == Phase.STARTING:
            return "starting: no request was answered yet"
        if phase != Phase.READY:
            return "stopping"
        return self._not_live()

    def _not_live(self) -> str:
        if self._control.engine_dead:
            return "the engine died"
        if self._control.hung:
            return f"the engine has requests, and has made no step for {self._control.hung_seconds:g} seconds"
        return ""


async def _say(send: Send, trouble: str) -> None:
    headers = _MOVE_ON if trouble else ()
    await _answer(send, 503 if trouble else 200, b"text/plain", f"{trouble or 'ok'}\n".encode(), headers)


async def _refuse(scope: Scope, send: Send) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": _TRY_AGAIN_LATER})
        return
    error = {
        "message": f"This server is stopping: try again in {RETRY_AFTER_SECONDS} second.",
        "type": "server_error",
        "param": None,
        "code": "service_unavailable",
    }
    await _answer(send, 503, b"application/json", json.dumps({"error": error}).encode(), _MOVE_ON)


async def _answer(
    send: Send, status: int, kind: bytes, body: bytes, headers: tuple[tuple[bytes, bytes], ...] = ()
) -> None:
    own = ((b"content-type", kind), (b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": [*own, *headers]})
    await send({"type": "http.response.body", "body": body})

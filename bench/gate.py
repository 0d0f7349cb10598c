"""Measures what the gate, the middleware in vLLM's server, costs a request and a piece of a stream.

A bare ASGI application is called with and without it, in one process and with no network, so that nothing else is
measured. Each figure is the smallest of several rounds: what disturbs only adds.
"""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from bench import entry
from serving.control import VARIABLE, Control, Phase
from serving.gate import Gate

REQUESTS = 20_000
PIECES = 100
ROUNDS = 7

App = Callable[[Any, Any, Any], Awaitable[None]]
_PIECE: MutableMapping[str, Any] = {"type": "http.response.body", "body": b"data: x\n\n", "more_body": True}


def main() -> None:
    """Run the measurements and print them as a table and a last line of figures."""
    control = Control.create(hung_seconds=300)
    os.environ[VARIABLE] = str(control.path)
    control.phase = Phase.READY
    figures = {
        "request_us": _added(_application(1), REQUESTS),
        "streamed_piece_us": _added(_application(PIECES), REQUESTS // PIECES) / PIECES,
    }
    control.remove()
    for name, value in figures.items():
        print(f"{name:20} {value:8.3f}")
    print("figure:", " ".join(f"{name}={value:.3f}" for name, value in figures.items()))


def _added(app: App, requests: int) -> float:
    """Microseconds that the gate adds to a request."""
    gate = Gate(app)
    return min(_microseconds(gate, requests) for _ in range(ROUNDS)) - min(
        _microseconds(app, requests) for _ in range(ROUNDS)
    )


def _microseconds(app: App, requests: int) -> float:
    """Microseconds of a request."""
    scope = {"type": "http", "method": "POST", "path": "/v1/completions"}

    async def receive() -> Any:
        return {}

    async def send(_: Any) -> None: ...

    async def ask() -> float:
        begun = time.perf_counter()
        for _ in range(requests):
            await app(scope, receive, send)
        return (time.perf_counter() - begun) / requests * 1e6

    return asyncio.run(ask())


def _application(pieces: int) -> App:
    async def answer(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _ in range(pieces):
            await send(_PIECE)

    return answer


if __name__ == "__main__":
    entry.run(main)

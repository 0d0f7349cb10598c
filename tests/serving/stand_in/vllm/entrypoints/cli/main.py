"""A stand-in for `vllm serve`: an ASGI server with vLLM's middleware argument, whose engine does as it is told.

What it does at its start is told by the variable STAND_IN (JSON), later by POST to /stand-in/<word>.
"""

import asyncio
import importlib
import json
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

Message = dict[str, Any]
Send = Callable[[Message], Awaitable[None]]

TOLD: dict[str, Any] = json.loads(os.environ.get("STAND_IN", "{}"))
MODELS = [{"id": "base"}, {"id": "alias"}, {"id": "adapter", "parent": "base"}]


class Engine:
    errored = False
    unfinished = 0
    steps = 0
    hangs = False
    stopping = False

    def get_num_unfinished_requests(self) -> int:
        return self.unfinished

    async def get_supported_tasks(self) -> tuple[str, ...]:
        return tuple(TOLD.get("tasks", ["generate"]))

    async def step(self) -> bool:
        """Make a token, unless requests are aborted."""
        await asyncio.sleep(0.02)
        while self.hangs and not self.stopping:
            await asyncio.sleep(0.02)
        self.steps += 1
        return not self.stopping


ENGINE = Engine()


async def app(scope: Message, receive: Callable[[], Awaitable[Message]], send: Send) -> None:
    if scope["type"] == "lifespan":
        await asyncio.Event().wait()
    message = await receive()
    path = scope["path"]
    if path.startswith("/stand-in/"):
        await obey(path.removeprefix("/stand-in/"))
        await answer(send, 200, {})
    elif path == "/v1/models":
        await answer(send, 200, {"data": MODELS})
    elif path == "/health":
        await answer(send, 200, {})
    else:
        note(path, message["body"])
        while Path(TOLD.get("hold", "/nowhere")).exists():
            await asyncio.sleep(0.02)
        await generate(message["body"], send)


def note(path: str, body: bytes) -> None:
    try:
        asked = json.loads(body)
    except ValueError:
        asked = {"form": len(body)}
    prompt = asked.get("prompt")
    length = len(prompt) if isinstance(prompt, list) else "text"
    say(f"asked {path} {asked.get('model')} {length}")


async def generate(body: bytes, send: Send) -> None:
    if "status" in TOLD:
        await answer(send, TOLD["status"], {"error": {"message": "told so"}})
        return
    try:
        asked = json.loads(body)
    except ValueError:
        asked = {}
    ENGINE.unfinished += 1
    try:
        tokens = asked.get("max_tokens", 1)
        if asked.get("stream"):
            await stream(tokens, send)
        else:
            while tokens and await ENGINE.step():
                tokens -= 1
            await answer(send, 200, {"usage": {"completion_tokens": TOLD.get("generated", 1)}})
    finally:
        ENGINE.unfinished -= 1


async def stream(tokens: int, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    while tokens and await ENGINE.step():
        tokens -= 1
        await send({"type": "http.response.body", "body": b"data: token\n\n", "more_body": True})
    await send({"type": "http.response.body", "body": b"data: [DONE]\n\n", "more_body": False})


async def answer(send: Send, status: int, body: object) -> None:
    await send({"type": "http.response.start", "status": status, "headers": []})
    await send({"type": "http.response.body", "body": json.dumps(body).encode()})


async def obey(word: str) -> None:
    match word:
        case "crash":
            say("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB")
            os._exit(1)
        case "engine-dies":
            ENGINE.errored = True
        case "hang":
            ENGINE.hangs = True
        case "leave-an-orphan":
            if os.fork() == 0:
                orphan = os.fork()
                if orphan == 0:
                    time.sleep(0.2)
                else:
                    say(f"orphan {orphan}")
                os._exit(0)
            os.wait()
        case "start-a-worker":
            worker = os.fork()
            if worker == 0:
                signal.pause()
            say(f"worker {worker}")


async def received(reader: asyncio.StreamReader, head: str) -> bytes:
    """A request's body, in one piece or in several."""
    if "transfer-encoding: chunked" not in head:
        length = next((line for line in head.splitlines() if line.startswith("content-length:")), ":0")
        return await reader.readexactly(int(length.split(":")[1]))
    body = b""
    while size := int(await reader.readline(), 16):
        body += await reader.readexactly(size)
        await reader.readline()
    await reader.readline()
    return body


async def connected(gate: Any, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One request of HTTP/1.1. The connection is closed without an end where the application gives none."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    method, path, _ = head.split(" ", 2)
    body = await received(reader, head.lower())
    ended = False

    async def receive() -> Message:
        return {"type": "http.request", "body": body}

    async def send(message: Message) -> None:
        nonlocal ended
        if message["type"] == "http.response.start":
            writer.write(
                f"HTTP/1.1 {message['status']} X\r\nconnection: close\r\ntransfer-encoding: chunked\r\n".encode()
            )
            for name, value in message["headers"]:
                if name not in (b"content-length", b"connection"):
                    writer.write(name + b": " + value + b"\r\n")
            writer.write(b"\r\n")
        else:
            piece = message["body"]
            writer.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            ended = not message.get("more_body")
            writer.write(b"0\r\n\r\n" if ended else b"")
        await writer.drain()

    try:
        await gate({"type": "http", "method": method, "path": path, "app": STATE}, receive, send)
    finally:
        if not ended:
            writer.transport.abort()
        writer.close()


STATE = SimpleNamespace(state=SimpleNamespace(engine_client=ENGINE))


async def serve() -> None:
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()

    def stop() -> None:
        say("told to stop")
        if not TOLD.get("deaf"):
            ENGINE.stopping = True
            stopped.set()

    loop.add_signal_handler(signal.SIGTERM, stop)
    loop.add_signal_handler(signal.SIGUSR1, lambda: say("heard USR1"))
    module, name = argument("--middleware").rsplit(".", 1)
    gate = getattr(importlib.import_module(module), name)(app)

    async def nothing() -> Message:
        return {}

    async def ignore(_: Message) -> None: ...

    living = asyncio.create_task(gate({"type": "lifespan", "app": STATE}, nothing, ignore))
    server = await asyncio.start_server(
        lambda reader, writer: connected(gate, reader, writer), argument("--host"), int(argument("--port"))
    )
    await stopped.wait()
    server.close()
    while ENGINE.unfinished:
        await asyncio.sleep(0.01)
    # What the application still sends goes out before the process ends.
    await asyncio.sleep(0.05)
    living.cancel()


def say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def argument(name: str) -> str:
    return sys.argv[sys.argv.index(name) + 1]


def main() -> None:
    say(json.dumps({"pid": os.getpid(), "argv": sys.argv[1:]}))
    say(TOLD.get("say", ""))
    if TOLD.get("never"):
        signal.pause()
    if "exit" in TOLD:
        sys.exit(TOLD["exit"])
    asyncio.run(serve())


if __name__ == "__main__":
    main()

"""What every plugin process does: listen on loopback, print the port, serve until the engine is gone."""

import os
import signal
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from queue import Empty, SimpleQueue
from types import FrameType
from typing import Any, NoReturn

import grpc

LOOPBACK = "127.0.0.1"
NEVER_IDLE = [("grpc.client_idle_timeout_ms", 2**31 - 1)]
"""Otherwise a connection without calls is closed after half an hour, and the engine would seem to be gone."""

UNLIMITED_MESSAGES = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
"""A policy pack is sent whole stacks, and a secret may be a file: gRPC's limit of 4 MiB is too low."""

WAKE_SECONDS = 1.0

MAX_WORKERS = 64
"""A program, and each plugin that it uses, holds one worker for as long as it runs."""


def listen(register: Callable[[Any], None]) -> tuple[Any, int]:
    """Start a gRPC server on a free port of loopback.

    Args:
        register: adds the services to the server.

    Returns:
        The started server and its port.
    """
    server = grpc.server(ThreadPoolExecutor(max_workers=MAX_WORKERS), options=UNLIMITED_MESSAGES)
    register(server)
    port = int(server.add_insecure_port(f"{LOOPBACK}:0"))
    server.start()
    return server, port


def engine_address(arguments: Sequence[str]) -> str | None:
    """The engine's address in the arguments that it starts a plugin with: the last one that is no flag."""
    addresses = [argument for argument in arguments if not argument.startswith("-") and ":" in argument]
    return addresses[-1] if addresses else None


def serve(register: Callable[[Any], None], on_stop: Callable[[], None], arguments: Sequence[str]) -> NoReturn:
    """Serve until a signal comes, or until the engine that was named in `arguments` is gone; then end the process.

    Args:
        register: adds the services to the server.
        on_stop: ends what the plugin has started itself, and waits for that.
        arguments: what the engine started this process with.
    """
    # Unlike an Event or a Queue it may be written to by a handler that interrupts its own reader.
    reasons: SimpleQueue[str] = SimpleQueue()

    def stop(_signal: int, _frame: FrameType | None) -> None:
        reasons.put("signal")

    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    server, port = listen(register)
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    address = engine_address(arguments)
    channel = grpc.insecure_channel(address, options=NEVER_IDLE) if address else None
    if channel:
        channel.subscribe(_gone(reasons), try_to_connect=True)
    _wait(reasons)
    on_stop()
    server.stop(grace=None)
    sys.stdout.flush()
    # Threads may still wait for an engine that is gone: a plugin that only returned here could stay for ever.
    os._exit(0)


def _wait(reasons: SimpleQueue[str]) -> None:
    """Wait for a reason to stop; wakes now and then, so that a handler runs whose signal another thread was given."""
    while True:
        with suppress(Empty):
            reasons.get(timeout=WAKE_SECONDS)
            return


def _gone(reasons: SimpleQueue[str]) -> Callable[[Any], None]:
    """Watch a connection that was once up: when it is up no more, the engine has ended, perhaps without a word."""
    up = False

    def changed(state: Any) -> None:
        nonlocal up
        if up and state is not grpc.ChannelConnectivity.READY:
            reasons.put("engine gone")
        up = up or state is grpc.ChannelConnectivity.READY

    return changed

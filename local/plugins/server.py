"""What every plugin process does: listen on loopback, print the port, serve until the engine is gone."""

import signal
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from types import FrameType
from typing import Any

import grpc

LOOPBACK = "127.0.0.1"
UNLIMITED_MESSAGES = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
"""A policy pack is sent whole stacks, and a secret may be a file: gRPC's limit of 4 MiB is too low."""

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


def serve(register: Callable[[Any], None], on_stop: Callable[[], None], arguments: Sequence[str]) -> None:
    """Serve until a signal comes, or until the engine that was named in `arguments` no longer answers.

    Args:
        register: adds the services to the server.
        on_stop: ends what the plugin has started itself.
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
    channel = grpc.insecure_channel(address) if address else None
    if channel:
        channel.subscribe(_gone(reasons), try_to_connect=True)
    reasons.get()
    on_stop()
    server.stop(grace=None)
    if channel:
        channel.close()


def _gone(reasons: SimpleQueue[str]) -> Callable[[Any], None]:
    """Watch a connection that was once up: when it fails after that, the engine has ended without a word."""
    up = False

    def changed(state: Any) -> None:
        nonlocal up
        up = up or state is grpc.ChannelConnectivity.READY
        if up and state is grpc.ChannelConnectivity.TRANSIENT_FAILURE:
            reasons.put("engine gone")

    return changed

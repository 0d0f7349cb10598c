"""Starts a Python policy pack when the engine has said for which stack.

The engine gives a pack its stack's name and configuration in the call `ConfigureStack`, after it has connected. The
SDK's `pulumi.policy` reads them from the environment, before it starts. So the engine talks to this proxy, which starts
the pack with that environment and forwards every other call as it is.
"""

import json
import threading
from collections.abc import Callable, Mapping
from typing import Any

import grpc

from local.plugins.server import LOOPBACK, UNLIMITED_MESSAGES
from local.plugins.stubs import analyzer_pb2

HANDSHAKE = "/pulumirpc.Analyzer/Handshake"
CONFIGURE_STACK = "/pulumirpc.Analyzer/ConfigureStack"
EMPTY_MESSAGE = b""
"""Every field of a message may be left out, so this is a valid answer of any type."""

StartPack = Callable[[Mapping[str, str]], int]
"""Starts the pack with these variables; returns its port. Raises PackEndedError."""


class PackEndedError(Exception):
    """A pack has ended before it had a port. Its text is what the pack wrote about it."""


class PolicyProxy(grpc.GenericRpcHandler):  # type: ignore[misc] # grpc has no types
    """Forwards the calls of `pulumirpc.Analyzer` to a pack that it starts on the first one that needs it."""

    def __init__(self, start: StartPack) -> None:
        self._start = start
        self._lock = threading.Lock()
        self._channel: Any = None

    def service(self, details: Any) -> Any:
        """The handler of one call, whatever its method: messages stay bytes."""
        method = str(details.method)
        return grpc.unary_unary_rpc_method_handler(lambda request, context: self._call(method, request, context))

    def close(self) -> None:
        """Close the connection to the pack."""
        with self._lock:
            if self._channel is not None:
                self._channel.close()

    def _call(self, method: str, request: bytes, context: Any) -> bytes:
        if method == HANDSHAKE:
            return EMPTY_MESSAGE
        variables = stack_variables(request) if method == CONFIGURE_STACK else {}
        try:
            channel = self._pack(variables)
        except PackEndedError as error:
            # With its own words: the CLI may end before it has read the pack's output.
            reason = f"the policy pack ended before it was ready:\n{error}"
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, reason)
        try:
            return bytes(channel.unary_unary(method)(request, wait_for_ready=False))
        except grpc.RpcError as error:
            if method == CONFIGURE_STACK and error.code() is grpc.StatusCode.UNIMPLEMENTED:
                return EMPTY_MESSAGE
            context.abort(error.code(), error.details())
            raise

    def _pack(self, variables: Mapping[str, str]) -> Any:
        with self._lock:
            if self._channel is None:
                port = self._start(variables)
                self._channel = grpc.insecure_channel(f"{LOOPBACK}:{port}", options=UNLIMITED_MESSAGES)
            return self._channel


def stack_variables(request: bytes) -> dict[str, str]:
    """The variables that `pulumi.policy` reads, from an `AnalyzerStackConfigureRequest`."""
    stack = analyzer_pb2.AnalyzerStackConfigureRequest.FromString(request)
    variables = {
        "PULUMI_ORGANIZATION": stack.organization,
        "PULUMI_PROJECT": stack.project,
        "PULUMI_STACK": stack.stack,
        "PULUMI_DRY_RUN": "true" if stack.dry_run else "false",
        "PULUMI_CONFIG": json.dumps(dict(stack.config)),
        "PULUMI_CONFIG_SECRET_KEYS": json.dumps(list(stack.config_secret_keys)),
    }
    return {name: value for name, value in variables.items() if value}

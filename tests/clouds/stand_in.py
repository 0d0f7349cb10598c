"""Stands in for the provider of any Pulumi package in a preview: it takes what it is given, and makes nothing.

What a program asks for reaches the engine as it would with the provider itself. What the provider would say to it
does not show: which values a cloud takes, and which it adds.
"""

import sys
from contextlib import suppress
from typing import Any

import grpc
from google.protobuf.empty_pb2 import Empty

from local.plugins.server import serve
from local.plugins.stubs import plugin_pb2, provider_pb2, provider_pb2_grpc


class StandIn(provider_pb2_grpc.ResourceProviderServicer):
    """The service; it keeps nothing between calls.

    Args:
        version: the version of the provider that it stands in for.
    """

    def __init__(self, version: str) -> None:
        self._version = version

    def GetPluginInfo(self, request: Any, context: Any) -> Any:  # noqa: N802
        """The version."""
        return plugin_pb2.PluginInfo(version=self._version)

    def CheckConfig(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Any configuration will do."""
        return provider_pb2.CheckResponse(inputs=request.news)

    def Configure(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Say what it understands."""
        return provider_pb2.ConfigureResponse(acceptSecrets=True, supportsPreview=True)

    def Check(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Any inputs will do."""
        return provider_pb2.CheckResponse(inputs=request.news)

    def Create(self, request: Any, context: Any) -> Any:  # noqa: N802
        """What the resource would be, in a preview; otherwise there is nobody to make it."""
        if not request.preview:
            context.abort(grpc.StatusCode.UNIMPLEMENTED, "a stand-in makes nothing: use it for previews")
        return provider_pb2.CreateResponse(properties=request.properties)

    def Cancel(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Every call is short: there is nothing to cancel."""
        return Empty()


def main(version: str, arguments: list[str]) -> None:
    """Serve the engine that started this process with `arguments`."""
    provider = StandIn(version)
    serve(
        lambda server: provider_pb2_grpc.add_ResourceProviderServicer_to_server(provider, server),
        lambda: None,
        arguments,
    )


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        main(sys.argv[1], sys.argv[2:])

"""What every resource provider here answers alike: it takes any configuration, and understands secrets and previews."""

from collections.abc import Sequence
from typing import Any, NoReturn

from google.protobuf.empty_pb2 import Empty

from local.plugins.server import serve
from local.plugins.stubs import plugin_pb2, provider_pb2, provider_pb2_grpc


class Provider(provider_pb2_grpc.ResourceProviderServicer):
    """The service; it keeps nothing between calls.

    Args:
        version: the version of the provider, which that of its SDK asks for.
    """

    def __init__(self, version: str) -> None:
        self._version = version

    def GetPluginInfo(self, request: Any, context: Any) -> Any:  # noqa: N802
        """The version."""
        return plugin_pb2.PluginInfo(version=self._version)

    def CheckConfig(self, request: Any, context: Any) -> Any:  # noqa: N802
        """There is nothing to configure, so any configuration will do."""
        return provider_pb2.CheckResponse(inputs=request.news)

    def Configure(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Say what it understands: secrets and previews."""
        return provider_pb2.ConfigureResponse(acceptSecrets=True, supportsPreview=True)

    def Check(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Any inputs will do."""
        return provider_pb2.CheckResponse(inputs=request.news)

    def Delete(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Nothing outside the state has to go."""
        return Empty()

    def Cancel(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Every call is short: there is nothing to cancel."""
        return Empty()


def serve_provider(provider: Provider, arguments: Sequence[str]) -> NoReturn:
    """Serve the engine that started this process with `arguments`."""
    serve(
        lambda server: provider_pb2_grpc.add_ResourceProviderServicer_to_server(provider, server),
        lambda: None,
        arguments,
    )

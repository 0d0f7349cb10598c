"""Stands in for the provider of any Pulumi package in a preview: it takes what it is given, and makes nothing.

What a program asks for reaches the engine as it would with the provider itself. What the provider would say to it
does not show: which values a cloud takes, and which it adds.
"""

import sys
from contextlib import suppress
from typing import Any

import grpc

from local.plugins.provider import Provider, serve_provider
from local.plugins.stubs import provider_pb2


class StandIn(Provider):
    """The service, with the version of the provider that it stands in for."""

    def Create(self, request: Any, context: Any) -> Any:  # noqa: N802
        """What the resource would be, in a preview; otherwise there is nobody to make it."""
        if not request.preview:
            context.abort(grpc.StatusCode.UNIMPLEMENTED, "a stand-in makes nothing: use it for previews")
        return provider_pb2.CreateResponse(properties=request.properties)


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        serve_provider(StandIn(sys.argv[1]), sys.argv[2:])

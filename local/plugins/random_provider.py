"""A provider for `RandomPassword`: `pulumi-resource-random` where the official one can't be had.

Same type token, same inputs and outputs, and a state that the official provider reads; nothing else of its package.
"""

import json
import sys
from contextlib import suppress
from importlib import metadata
from typing import Any

import grpc
from google.protobuf.struct_pb2 import Struct

from local.plugins import random_password
from local.plugins.properties import UNKNOWN, plain, struct
from local.plugins.provider import Provider, serve_provider
from local.plugins.stubs import provider_pb2

PASSWORD = "random:index/randomPassword:RandomPassword"  # noqa: S105 # a type token
ID = "none"
"""Of every password: the official provider keeps the password out of the id."""

SCHEMA_TYPES = {dict: "object", str: "string", int: "integer", bool: "boolean"}


class RandomProvider(Provider):
    """The service. Its version is that of the SDK whose resources this makes."""

    def __init__(self) -> None:
        super().__init__(version())

    def GetSchema(self, request: Any, context: Any) -> Any:  # noqa: N802
        """The package's schema, as far as it is offered here."""
        return provider_pb2.GetSchemaResponse(schema=json.dumps(schema()))

    def DiffConfig(self, request: Any, context: Any) -> Any:  # noqa: N802
        """No configuration makes a difference, not even another version."""
        return provider_pb2.DiffResponse(changes=provider_pb2.DiffResponse.DIFF_NONE)

    def Check(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Refuse inputs from which no password can be made, with a sentence for each."""
        _require_password(request.urn, context)
        failures = [
            provider_pb2.CheckFailure(property=name, reason=reason)
            for name, reason in random_password.failures(plain(request.news))
        ]
        return provider_pb2.CheckResponse(inputs=request.news, failures=failures)

    def Diff(self, request: Any, context: Any) -> Any:  # noqa: N802
        """A password is never changed in place: another input makes another password."""
        changed = random_password.changed(plain(request.olds), plain(request.news))
        changes = provider_pb2.DiffResponse.DIFF_SOME if changed else provider_pb2.DiffResponse.DIFF_NONE
        return provider_pb2.DiffResponse(changes=changes, diffs=changed, replaces=changed)

    def Create(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Make a password; in a preview it stays unknown."""
        inputs = plain(request.properties)
        if request.preview:
            return provider_pb2.CreateResponse(properties=_outputs(inputs, UNKNOWN))
        password = random_password.make(random_password.effective(inputs))
        return provider_pb2.CreateResponse(id=ID, properties=_outputs(inputs, password))

    def Read(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Give back the state, which is all there is of a password; an import's id is the password itself."""
        _require_password(request.urn, context)
        if request.properties.fields:
            return provider_pb2.ReadResponse(id=request.id, properties=request.properties, inputs=request.inputs)
        inputs = {"length": len(request.id)}
        return provider_pb2.ReadResponse(
            id=ID, properties=_outputs(inputs, request.id), inputs=struct(inputs, frozenset())
        )


def version() -> str:
    """The version of the SDK `pulumi-random`, which asks for a plugin of the same version."""
    return metadata.version("pulumi-random")


def schema() -> dict[str, Any]:
    """The schema of the one resource."""
    properties = {
        name: {"type": SCHEMA_TYPES[kind], **({"additionalProperties": {"type": "string"}} if kind is dict else {})}
        for name, kind in random_password.TYPES.items()
    }
    secret = {name: {"type": "string", "secret": True} for name in sorted(random_password.SECRET_OUTPUTS)}
    return {
        "name": "random",
        "version": version(),
        "resources": {
            PASSWORD: {
                "properties": {**properties, **secret},
                "required": [*(each for each in properties if each not in random_password.OPTIONAL), *secret],
                "inputProperties": properties,
                "requiredInputs": ["length"],
            }
        },
    }


def _outputs(inputs: dict[str, Any], password: Any) -> Struct:
    return struct(random_password.state(inputs, password), random_password.SECRET_OUTPUTS)


def _require_password(urn: str, context: Any) -> None:
    token = urn.split("::")[2].rsplit("$", 1)[-1]
    if token != PASSWORD:
        context.abort(
            grpc.StatusCode.INVALID_ARGUMENT,
            f"{token} is not offered here: this provider makes only {PASSWORD}. "
            "Use that, or install the official plugin with: pulumi plugin install resource random",
        )


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        serve_provider(RandomProvider(), sys.argv[1:])

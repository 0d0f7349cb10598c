"""Property values of resources, between the wire and Python.

On the wire a secret and a value that is not known yet are marked by signatures, which every Pulumi SDK shares
(`sdk/go/common/resource/plugin/rpc.go` in Pulumi's repository).
"""

from collections.abc import Mapping
from typing import Any

from google.protobuf.json_format import MessageToDict, ParseDict
from google.protobuf.struct_pb2 import Struct

SIGNATURE_KEY = "4dabf18193072939515e22adb298388d"
SECRET_SIGNATURE = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 # a public constant of the protocol
UNKNOWN_SIGNATURES = {
    "04da6b54-80e4-46f7-96ec-b56ff0331ba9",
    "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
    "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
    "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
    "030794c1-ac77-496b-92df-f27374a8bd58",
    "e48ece36-62e2-4504-bad9-02848725956a",
    "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
}


class Unknown:
    """A value that the engine will know only later."""

    SIGNATURE = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN = Unknown()


def plain(struct: Struct) -> dict[str, Any]:
    """Plain values: secrets unwrapped, unknown values as `UNKNOWN`, whole numbers as int."""
    values: dict[str, Any] = MessageToDict(struct)
    return {name: _plain(value) for name, value in values.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, str) and value in UNKNOWN_SIGNATURES:
        return UNKNOWN
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        if value.get(SIGNATURE_KEY) == SECRET_SIGNATURE:
            return _plain(value["value"])
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return value


def struct(values: Mapping[str, Any], secrets: frozenset[str]) -> Struct:
    """A message of plain values, those in `secrets` marked as such; None is left out."""
    return ParseDict(
        {
            name: _secret(_wire(value)) if name in secrets else _wire(value)
            for name, value in values.items()
            if value is not None
        },
        Struct(),
    )


def _wire(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _wire(each) for name, each in value.items()}
    return Unknown.SIGNATURE if value is UNKNOWN else value


def _secret(value: Any) -> dict[str, Any]:
    return {SIGNATURE_KEY: SECRET_SIGNATURE, "value": value}

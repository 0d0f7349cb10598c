"""The small forms that all of Envoy's JSON configuration is made of."""

from typing import Any

Json = dict[str, Any]
"""A plain JSON object."""


def typed(message: str, **fields: Any) -> Json:
    """A protobuf ``Any`` in JSON: the message's full name and its fields."""
    return {"@type": f"type.googleapis.com/{message}", **fields}


def extension(name: str, message: str, **fields: Any) -> Json:
    """A ``TypedExtensionConfig``, the form of every filter and matcher input."""
    return {"name": name, "typed_config": typed(message, **fields)}


def seconds(value: float) -> str:
    """A protobuf ``Duration`` in JSON, to the millisecond."""
    return f"{value:.3f}".rstrip("0").rstrip(".") + "s"


def literal(text: str) -> str:
    """Text that a format string of Envoy prints as it is."""
    return text.replace("%", "%%")


def set_header(key: str, value: str) -> Json:
    """A header that takes the place of one of its name. Its value may hold Envoy's format operators."""
    return {"header": {"key": key, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}


def socket_address(host: str, port: int) -> Json:
    """A TCP address."""
    return {"socket_address": {"address": host, "port_value": port}}

"""Secrets beside the plugins, and how a plugin's settings refer to them.

Higress puts the value in place of a reference as it hands a plugin's settings to the gateway, so no
object but the Secret holds it. The Secret has to be there first: a reference to one that isn't is handed
on as it stands, and then that text is the key.
"""

from base64 import b64encode
from collections.abc import Mapping

from pydantic import SecretStr

from components.manifests.higress import names
from components.manifests.objects import Manifest
from stacks.settings import StackSettings


def secret(stack: StackSettings, name: str, values: Mapping[str, SecretStr]) -> Manifest:
    """A Secret in the gateway's namespace."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": names.metadata(stack, name),
        "type": "Opaque",
        "data": {key: b64encode(value.get_secret_value().encode()).decode() for key, value in values.items()},
    }


def reference(name: str, key: str) -> str:
    """What stands in a plugin's settings for a value of a Secret."""
    return f"${{secret.{name}.{key}}}"

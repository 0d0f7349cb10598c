"""Secrets beside the plugins, and how a plugin's settings refer to them.

Higress puts the value in place of a reference as it hands a plugin's settings to the gateway, so no
object but the Secret holds it. A reference to a Secret that isn't there is handed on as it stands, and
then that text is the key. So a Secret's name has a digest of its values in it: a new value is a new
Secret, which comes before the plugin refers to it, the old one goes after, and nobody guesses the text.
"""

import hashlib
import json
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import SecretStr

from components.manifests.higress import names
from components.manifests.objects import Manifest
from stacks.settings import StackSettings


@dataclass(frozen=True)
class Secrets:
    """Values of one Secret."""

    title: str
    """What they are for, as the Secret's name begins."""
    values: Mapping[str, SecretStr]
    """The values by their keys."""

    @property
    def name(self) -> str:
        """The Secret's name."""
        plain = {key: value.get_secret_value() for key, value in self.values.items()}
        digest = hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()
        return f"{self.title}-{digest[:_DIGITS]}"

    def reference(self, key: str) -> str:
        """What stands in a plugin's settings for a value."""
        return f"${{secret.{self.name}.{key}}}"

    def manifest(self, stack: StackSettings) -> Manifest:
        """The Secret, in the gateway's namespace."""
        return {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": names.metadata(stack, self.name),
            "type": "Opaque",
            "data": {key: b64encode(value.get_secret_value().encode()).decode() for key, value in self.values.items()},
        }


_DIGITS = 10

"""The Secret of the console's administrator.

The chart would make it out of its values. Made before the release, with the labels and annotations
by which Helm takes an object for its own, it is kept as it is, and no password is in the values.
"""

import base64

from components.manifests.higress import names
from components.manifests.higress.addresses import CONSOLE
from components.manifests.higress.chart import RELEASE
from components.manifests.objects import Manifest
from stacks.settings import StackSettings

PASSWORD_LENGTH = 24
"""Characters of a password that the program makes."""
KEY_LENGTH = 32
"""Characters of the key that sessions are encrypted with: AES-256."""
IV_LENGTH = 16
"""Characters of the initialization vector, as many as AES has in a block."""


def console_secret_metadata(stack: StackSettings) -> Manifest:
    """The Secret's metadata, by which Helm takes it for a part of its release."""
    return {
        "name": CONSOLE,
        "namespace": stack.higress.namespace,
        "labels": {"app.kubernetes.io/managed-by": "Helm"},
        "annotations": {
            "meta.helm.sh/release-name": RELEASE,
            "meta.helm.sh/release-namespace": stack.higress.namespace,
            # The console and Helm write it, too, and what the stack says counts.
            **names.TAKE_BACK,
        },
    }


def console_secret_data(stack: StackSettings, password: str, key: str, iv: str) -> dict[str, str]:
    """The Secret's data.

    Args:
        stack: the stack.
        password: the administrator's password.
        key: ``KEY_LENGTH`` ASCII characters.
        iv: ``IV_LENGTH`` ASCII characters.
    """
    plain = {
        "adminUsername": stack.higress.console.admin_user,
        "adminDisplayName": stack.higress.console.admin_user,
        "adminPassword": password,
        "key": key,
        "iv": iv,
    }
    return {name: base64.b64encode(value.encode()).decode() for name, value in plain.items()}

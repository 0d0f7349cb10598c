"""The Secret with the token for gated repositories of Hugging Face."""

import base64

from components.manifests.objects import Manifest, labels, metadata
from stacks.settings import StackSettings

TOKEN_SECRET = "modelhub-secret"  # noqa: S105 - the Secret's name
"""The name of the Secret."""

TOKEN_KEY = "HF_TOKEN"  # noqa: S105 - the key's name
"""The key of the token in it, and the variable that Hugging Face's libraries read."""


def token_secret(stack: StackSettings) -> Manifest | None:
    """The Secret, or None where the stack has no token. Its data is to be treated as secret."""
    if stack.hugging_face_token is None:
        return None
    token = stack.hugging_face_token.get_secret_value()
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": metadata(TOKEN_SECRET, stack.cluster.namespace, labels("modelhub", TOKEN_SECRET, "model-service")),
        "type": "Opaque",
        "data": {TOKEN_KEY: base64.b64encode(token.encode()).decode()},
    }

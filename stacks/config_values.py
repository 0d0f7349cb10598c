"""The values of Pulumi's configuration, which hands all of them over as texts."""

import json
from typing import Any

TEXTS = frozenset({"huggingFaceToken", "imageMirror"})
"""Keys whose value is a text as it stands, even where it looks like JSON."""


def value_of(key: str, text: str) -> Any:
    """The value of a key, whose text is JSON where it is no plain text. What is none is left for its field to refuse.

    Args:
        key: the key without its namespace.
        text: the text.
    """
    if key in TEXTS:
        return text
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text

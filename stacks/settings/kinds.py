"""Settings of which there are several kinds: a mapping whose ``kind`` says what else may stand in it."""

from collections.abc import Mapping
from typing import Any

from pydantic import Discriminator

from stacks.settings.base import Settings

TAG = "kind:"
"""What the places of problems say of the kind that was chosen, and no stack file."""


def by_kind(noun: str, kinds: Mapping[str, type[Settings]], default: str, key: str = "kind") -> Discriminator:
    """What chooses the settings of a union by the ``kind`` that is given, or by another key.

    Each member of the union has ``Tag(f"{TAG}{kind}")``.

    Args:
        noun: what there are kinds of, for the sentence about one that there isn't.
        kinds: the settings of each.
        default: the kind where none is given.
        key: the setting that says the kind.
    """

    def tag(value: Any) -> str:
        kind = value.get(key, default) if isinstance(value, dict) else getattr(value, key, default)
        return f"{TAG}{kind}"

    return Discriminator(
        tag,
        custom_error_type="no_such_kind",
        custom_error_message="no such kind",
        custom_error_context={"noun": noun, "key": key, "known": " or ".join(f"{key}: {kind}" for kind in kinds)},
    )

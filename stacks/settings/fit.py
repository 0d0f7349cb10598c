"""The check whether models fit their GPUs."""

import json
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, JsonValue, WithJsonSchema

from stacks.settings.base import Settings, refusal

FOLDER = Path(__file__).parents[1]
"""Where the stack files are, and what a relative path in them begins at."""


def _read(value: Any) -> Any:
    """The file that a path leads to, or what stands in the stack file itself."""
    if not isinstance(value, str):
        return value
    try:
        found = json.loads((FOLDER / value).read_text())
    except OSError:
        raise refusal(
            "is no file that can be read: write the path of a config.json, from the stack file's folder or absolute, "
            "or what it says as a mapping"
        ) from None
    except ValueError:
        raise refusal("is a file that is no JSON: write the path of a model's config.json") from None
    return found


ModelConfig = Annotated[
    dict[str, JsonValue],
    BeforeValidator(_read),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "object"}]}),
]
"""A model's ``config.json``: its path, or what it says."""


class FitSettings(Settings):
    """The check whether models fit the GPUs of their pools, by numbers alone and before anything is changed."""

    check: Literal["refuse", "warn", "off"] = "refuse"
    """What happens to a model that does not fit. ``refuse``: the stack is refused. ``warn``: the preview says so.
    ``off``: nothing is worked out."""
    prices: dict[str, Annotated[float, Field(ge=0)]] = {}
    """Price of one GPU for an hour, in your currency, by ``gpuModel``. Default: a list price of few GPUs, in US
    dollars. What you write takes the place of that whole list."""

"""The table of common models."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from stacks.fit.shape import ModelShape, from_config
from stacks.settings.models import ModelSettings

FILE = Path(__file__).parent / "models.yaml"
"""Where the table is."""
HUBS = ("hf://", "modelscope://")
"""Sources that name a repository by organisation and name."""


@cache
def entries() -> tuple[Mapping[str, Any], ...]:
    """The table's models, each with ``names``, ``parameters`` and ``config``."""
    return tuple(yaml.safe_load(FILE.read_text())["models"])


@cache
def _configs() -> Mapping[str, Mapping[str, Any]]:
    """``config.json`` of every name in the table, in lower case: hubs take a name in any case."""
    found: dict[str, Mapping[str, Any]] = {}
    for entry in entries():
        for name in entry["names"]:
            found[name.lower()] = entry["config"]
            for suffix, quantization in entry.get("variants", {}).items():
                found[f"{name}{suffix}".lower()] = {**entry["config"], "quantization_config": quantization}
    return found


@cache
def shape_of(name: str) -> ModelShape | None:
    """The shape of a repository such as ``Qwen/Qwen3-8B``. None: the table has none of that name."""
    config = _configs().get(name.lower())
    return from_config(config) if config else None


def known_shape(model: ModelSettings) -> ModelShape | None:
    """The shape of a model, where it is known. None: nothing can be said of it."""
    for hub in HUBS:
        if model.source.startswith(hub):
            return shape_of(model.source.removeprefix(hub))
    return None

"""The table of common models."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from stacks.fit.shape import ModelShape, UnknownShapeError, from_config
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


def config_of(name: str) -> Mapping[str, Any] | None:
    """What the table has of a repository's ``config.json``. None: the table has none of that name."""
    return _configs().get(name.lower())


def known_shape(model: ModelSettings) -> ModelShape | None:
    """The shape of a model, where it is known. None: nothing can be said of it."""
    found = shape_or_reason(model)
    return found if isinstance(found, ModelShape) else None


def shape_or_reason(model: ModelSettings) -> ModelShape | str:
    """The shape of a model, or why it is not known."""
    config = model.config or _published(model.source)
    if config is None:
        return "its shape is in no table here: its config.json, as `config`, says it"
    try:
        return from_config({**config, **model.engine.hf_overrides})
    except UnknownShapeError as error:
        return str(error)


def _published(source: str) -> Mapping[str, Any] | None:
    for hub in HUBS:
        if source.startswith(hub):
            return config_of(source.removeprefix(hub))
    return None

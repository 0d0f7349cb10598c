"""Weights that a model needs beside its own: LoRA adapters, and the second model of speculative decoding."""

from dataclasses import dataclass, field
from posixpath import normpath
from typing import Any

from components.manifests.objects import Manifest
from stacks.settings import ModelSettings

EXTRA_PATH = "/extra"
"""Below what such weights are mounted, beside whatever the model's own are."""


@dataclass(frozen=True)
class ExtraWeights:
    """Where a model's further weights are in its container, and the volumes that bring them there."""

    arguments: dict[str, Any] = field(default_factory=dict)
    """The server's settings that name them, as ``serving.settings`` calls them."""
    volumes: list[Manifest] = field(default_factory=list)
    """The pod's volumes."""
    mounts: list[Manifest] = field(default_factory=list)
    """The container's mounts of them."""
    of_hub: bool = False
    """Whether some come from Hugging Face, and may need its token."""


def extra_weights(model: ModelSettings) -> ExtraWeights:
    """How the further weights of a model come into its container.

    vLLM fetches those of ``hf://`` sources itself when it starts. The others are mounted, each folder of
    the node and each claim once.
    """
    sources = _sources(model)
    volumes = {place: f"extra-{index}" for index, place in enumerate(dict.fromkeys(map(_mounted, sources))) if place}
    return ExtraWeights(
        arguments={**_lora(model), **_speculative(model)},
        volumes=[{"name": name, **_volume(place)} for place, name in volumes.items()],
        mounts=[
            {"name": name, "mountPath": f"{EXTRA_PATH}/{_folder(place)}", "readOnly": True}
            for place, name in volumes.items()
        ],
        of_hub=any(source.startswith("hf://") for source in sources),
    )


def _sources(model: ModelSettings) -> list[str]:
    adapters = [adapter.source for adapter in model.lora.adapters] if model.lora else []
    speculative = model.engine.speculative_config
    return [*adapters, *([speculative.model] if speculative and speculative.model else [])]


def _lora(model: ModelSettings) -> dict[str, Any]:
    if model.lora is None:
        return {}
    lora = model.lora
    return {
        "lora_modules": [{"name": adapter.name, "path": _path(adapter.source)} for adapter in lora.adapters],
        "max_loras": lora.slots,
        "max_lora_rank": lora.rank_limit,
        # With fewer, an adapter that returns to a full step would be read from disk.
        "max_cpu_loras": max(lora.slots, len(lora.adapters)),
    }


def _speculative(model: ModelSettings) -> dict[str, Any]:
    speculative = model.engine.speculative_config
    if speculative is None:
        return {}
    given = speculative.model_dump(exclude_none=True)
    return {"speculative_config": {**given, "model": _path(speculative.model)} if speculative.model else given}


def _path(source: str) -> str:
    """What vLLM is told to load: a folder, or a repository of Hugging Face."""
    scheme, _, place = source.partition("://")
    if scheme == "hf":
        return place
    inside = place.partition("/")[2] if scheme == "pvc" else ""
    return f"{EXTRA_PATH}/{_folder(_mounted(source))}/{inside}".rstrip("/")


def _mounted(source: str) -> str:
    """The part of a source that is mounted: a folder of the node, a claim, or nothing."""
    scheme, _, place = source.partition("://")
    return {"hf": "", "pvc": f"pvc://{place.partition('/')[0]}"}.get(scheme, f"file://{normpath(place)}")


def _folder(mounted: str) -> str:
    scheme, _, place = mounted.partition("://")
    return f"{scheme}/{place.strip('/')}"


def _volume(mounted: str) -> Manifest:
    scheme, _, place = mounted.partition("://")
    if scheme == "pvc":
        return {"persistentVolumeClaim": {"claimName": place, "readOnly": True}}
    # Type Directory: a node without the folder holds the pod back with an event that names it.
    return {"hostPath": {"path": place, "type": "Directory"}}

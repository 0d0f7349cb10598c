"""Engine defaults that were measured to be faster than vLLM's own, by GPU and size of model.

A row has what was measured on that GPU beside bare ``vllm serve``, cell by cell, and of anything else it knows nothing;
docs/figures.md has every ratio, also those of what did not win. It is filled in where a model says nothing else,
whatever requests come, and not for another kind of server than was measured: GPUs that share a model, adapters,
speculative decoding, pooling.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic.alias_generators import to_camel

from serving.vllm_arguments import destinations
from stacks.fit.parameters import total
from stacks.fit.table import known_shape
from stacks.fit.weights import GIB
from stacks.quantities import amount
from stacks.settings.models import ModelSettings
from stacks.settings.pools import GpuNodePoolSettings
from stacks.settings.stack import StackSettings


@dataclass(frozen=True)
class Row:
    """Defaults for models of a size on a GPU."""

    gpu: str
    """The GPU's product name, as a pool's ``gpuModel``."""
    most_parameters: float
    """Parameters of the only model that it was measured with, rounded up. For smaller ones it is a guess."""
    engine: Mapping[str, int]
    """The defaults, by the names of ``EngineSettings``."""
    least_cpu: float
    """CPUs that a replica must count on."""
    least_memory_gib: float
    """Memory that a replica must have, in GiB."""
    measured: str
    """By how much, and how, for the table in docs/serving.md."""


ROWS = (
    Row(
        gpu="NVIDIA-H200",
        most_parameters=1.6e9,
        engine={"api_server_count": 4},
        least_cpu=4,
        # Three processes of 0.95 GiB more than a server has otherwise.
        least_memory_gib=12,
        measured="Qwen2.5-1.5B, random weights, vLLM 0.26.0, tokens a second at so many requests at a time, ±11 %: "
        "chat 1.02 times at 8, 1.13 at 32, 1.16 at 128, 2.12 at 512; shared beginnings 1.47 at 128, and 2.12 at 512 "
        "with 2.58 times the time per token. Not one request at a time, and no long prompts",
    ),
)
"""All rows. The first that is for a model counts."""


def tuned(stack: StackSettings) -> StackSettings:
    """A stack with the defaults filled in."""
    models = tuple(_filled(stack, model) for model in stack.models)
    return stack.model_copy(update={"models": models}) if models != stack.models else stack


def filled_in(stack: StackSettings, model: ModelSettings) -> Mapping[str, int]:
    """What is filled in for a model, by the names of ``EngineSettings``."""
    pool = next((pool for pool in stack.pools if pool.name == model.pool), None)
    row = _row(model, pool) if pool and _measured(model, pool) else None
    if row is None:
        return {}
    said = destinations(model.extra_args)
    return {
        name: value for name, value in row.engine.items() if getattr(model.engine, name) is None and name not in said
    }


def sentences(stack: StackSettings) -> list[str]:
    """A line for every model that something is filled in for."""
    return [
        f"modelyard:models[{index}].engine: {_written(found)} is filled in for {model.name!r}, as was measured to be "
        "faster on its GPU (docs/serving.md): write another value, or `tuned: false`, to have it otherwise"
        for index, model in enumerate(stack.models)
        if (found := filled_in(stack, model))
    ]


def _filled(stack: StackSettings, model: ModelSettings) -> ModelSettings:
    found = filled_in(stack, model)
    return model.model_copy(update={"engine": model.engine.model_copy(update=found)}) if found else model


def _measured(model: ModelSettings, pool: GpuNodePoolSettings) -> bool:
    """Whether a model is of the kind that was measured."""
    engine = model.engine
    return (
        engine.tuned
        and model.backend == "native"
        and model.gpus == 1
        and not (pool.mig or pool.time_slicing or pool.flavors)
        and not (engine.pools or engine.speculative_config or model.lora)
        # Adapters that come and go while it runs would come to one API server only, and vLLM refuses it.
        and "VLLM_ALLOW_RUNTIME_LORA_UPDATING" not in model.env
    )


def _row(model: ModelSettings, pool: GpuNodePoolSettings) -> Row | None:
    shape = known_shape(model)
    if shape is None:
        return None
    return next(
        (
            row
            for row in ROWS
            if row.gpu.lower() == (pool.gpu_model or "").lower()
            and total(shape) <= row.most_parameters
            and amount(model.cpu) >= row.least_cpu
            and amount(model.memory) >= row.least_memory_gib * GIB
        ),
        None,
    )


def _written(found: Mapping[str, int]) -> str:
    return ", ".join(f"{to_camel(name)}: {value}" for name, value in found.items())

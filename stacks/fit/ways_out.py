"""What to write instead, for a model that does not fit. Each of it is worked out to fit."""

from collections.abc import Iterator, Mapping
from typing import Any

from stacks.fit.gpus import Target, target
from stacks.fit.shape import ModelShape
from stacks.fit.verdict import divides, fit
from stacks.fit.weights import share
from stacks.settings.models import ModelSettings
from stacks.settings.pools import GpuNodePoolSettings

MOST = 3
"""The most ways out of a sentence."""
LEAST_TOKENS = 2048
"""A context shorter than this is no way out."""
ROUND_TOKENS = 1024
"""A longest context is rounded down to a multiple of this."""
FP8_WEIGHTS, FP8_CACHE = (8, 0), (8, 9)
"""Compute capability from which vLLM takes 8-bit weights, and an 8-bit KV cache."""


def ways_out(
    model: ModelSettings, shape: ModelShape, pool: GpuNodePoolSettings, pools: Mapping[str, Target]
) -> list[str]:
    """What to write instead, the least costly to quality first. Empty: nothing of it helps.

    ``pools`` are those with as many GPUs as the model wants, and what each of them is.
    """
    here = target(pool)
    if here is None:
        return []
    tries = [
        *_more_gpus(model, shape, pool, here),
        *_smaller_weights(model, shape, here),
        *_shorter(model, shape, here),
        *_smaller_cache(model, shape, here),
        *_elsewhere(model, shape, pools),
        *_both(model, shape, pool, here),
    ]
    return tries[:MOST]


def changed(model: ModelSettings, **engine: Any) -> ModelSettings:
    """The model with other settings of its engine."""
    return model.model_copy(update={"engine": model.engine.model_copy(update=engine)})


def _fits(model: ModelSettings, shape: ModelShape, here: Target) -> bool:
    found = fit(model, shape, here)
    return found is not None and found.fits


def _with_gpus(model: ModelSettings, gpus: int) -> ModelSettings:
    return changed(model, tensor_parallel_size=None).model_copy(update={"gpus": gpus})


def _counts(model: ModelSettings, shape: ModelShape, pool: GpuNodePoolSettings) -> Iterator[int]:
    # Slices of GPUs cannot share a model.
    if pool.mig:
        return
    for gpus in range(model.gpus + 1, pool.devices_per_node + 1):
        more = _with_gpus(model, gpus)
        spread = share(more, pool.devices_per_node)
        if spread.gpus == gpus and divides(shape, spread) is None:
            yield gpus


def _more_gpus(model: ModelSettings, shape: ModelShape, pool: GpuNodePoolSettings, here: Target) -> Iterator[str]:
    for gpus in _counts(model, shape, pool):
        if _fits(_with_gpus(model, gpus), shape, here):
            dropped = " without engine.tensorParallelSize" if model.engine.tensor_parallel_size else ""
            yield f"gpus: {gpus}{dropped}"
            return


def _smaller_weights(model: ModelSettings, shape: ModelShape, here: Target) -> Iterator[str]:
    if _takes_fp8(model, shape, here) and _fits(changed(model, quantization="fp8"), shape, here):
        yield "engine.quantization: fp8"


def _shorter(model: ModelSettings, shape: ModelShape, here: Target) -> Iterator[str]:
    found = fit(model, shape, here)
    longest = (found.longest if found else 0) // ROUND_TOKENS * ROUND_TOKENS
    if longest >= LEAST_TOKENS and _fits(changed(model, max_model_len=longest), shape, here):
        yield f"engine.maxModelLen: {longest}"


def _smaller_cache(model: ModelSettings, shape: ModelShape, here: Target) -> Iterator[str]:
    gpu = here.gpu
    able = gpu and gpu.compute_capability and gpu.compute_capability >= FP8_CACHE
    plain = model.engine.kv_cache_dtype == "auto" and shape.latent is None
    if able and plain and _fits(changed(model, kv_cache_dtype="fp8"), shape, here):
        yield "engine.kvCacheDtype: fp8"


def _elsewhere(model: ModelSettings, shape: ModelShape, pools: Mapping[str, Target]) -> Iterator[str]:
    for name, there in pools.items():
        if name != model.pool and _fits(model, shape, there):
            yield f"pool: {name}"
            return


def _both(model: ModelSettings, shape: ModelShape, pool: GpuNodePoolSettings, here: Target) -> Iterator[str]:
    """More GPUs and smaller weights together, where neither is enough."""
    if not _takes_fp8(model, shape, here):
        return
    smaller = changed(model, quantization="fp8")
    alone = [*_more_gpus(model, shape, pool, here), *_smaller_weights(model, shape, here)]
    if not alone:
        for way in _more_gpus(smaller, shape, pool, here):
            yield f"{way} with engine.quantization: fp8"


def _takes_fp8(model: ModelSettings, shape: ModelShape, here: Target) -> bool:
    gpu = here.gpu
    able = gpu is not None and gpu.compute_capability is not None and gpu.compute_capability >= FP8_WEIGHTS
    return able and shape.quantization is None and model.engine.quantization is None

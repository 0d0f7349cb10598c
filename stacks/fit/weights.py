"""Memory of a model's weights, by their types and by how GPUs share them."""

from stacks.fit.parameters import Parameters, Share, stage, total
from stacks.fit.quantization import BITS, DTYPE_BYTES, ONLINE, Quantization
from stacks.fit.shape import ModelShape
from stacks.parallelism import parallelism
from stacks.settings.models import ModelSettings

GIB = 1024**3
"""Bytes of a GiB."""


def element_bytes(model: ModelSettings, shape: ModelShape) -> int:
    """Bytes of an unquantized weight and of an activation."""
    dtype = model.engine.dtype
    if dtype != "auto":
        return DTYPE_BYTES[dtype]
    # With `auto`, vLLM serves 32-bit weights in 16 bits.
    return min(DTYPE_BYTES.get(shape.dtype, 2), 2)


def quantization(model: ModelSettings, shape: ModelShape) -> Quantization | None:
    """What the weights are on the GPU. None: as they are published, unquantized."""
    if shape.quantization:
        return shape.quantization
    return ONLINE[model.engine.quantization] if model.engine.quantization else None


def is_known(model: ModelSettings, shape: ModelShape) -> bool:
    """Whether the bytes of the weights can be told."""
    return shape.quantization is not None or model.engine.quantization in {None, *ONLINE}


def share(model: ModelSettings, gpus_per_node: int) -> Share:
    """How the GPUs of a replica share the model, on nodes that have so many each."""
    found = parallelism(model, gpus_per_node)
    return Share(
        # Settings that divide GPUs into less than one are refused elsewhere, with a sentence of their own.
        tensor=max(1, found.tensor),
        pipeline=found.pipeline,
        data=found.data,
        whole_experts=model.engine.enable_expert_parallel,
    )


def weights_bytes(model: ModelSettings, shape: ModelShape, parameters: Parameters) -> float:
    """Bytes of parameters as the engine holds them."""
    plain = element_bytes(model, shape)
    found = quantization(model, shape)
    linear = found.bytes if found and found.scope == "linear" else plain
    experts = found.bytes if found else plain
    return parameters.plain * plain + parameters.linear * linear + parameters.experts * experts


def weights_gib(model: ModelSettings, shape: ModelShape, spread: Share) -> float:
    """GiB of weights on the fullest GPU of a replica."""
    return weights_bytes(model, shape, stage(shape, spread)) / GIB


def published_gib(shape: ModelShape) -> float:
    """GiB of the weights as they are published: what a download is, and what is read at a start."""
    plain = DTYPE_BYTES.get(shape.dtype, 2)
    if shape.quantization is None:
        return total(shape) * plain / GIB
    whole = stage(shape, Share())
    linear = shape.quantization.bits / BITS if shape.quantization.scope == "linear" else plain
    return (whole.plain * plain + whole.linear * linear + whole.experts * shape.quantization.bytes) / GIB

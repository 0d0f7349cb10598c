"""Bytes of quantized weights."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

BITS = 8
"""Bits of a byte."""
DTYPE_BYTES: Mapping[str, int] = {"bfloat16": 2, "float16": 2, "half": 2, "float32": 4, "float": 4}
"""Bytes of an element, by type."""


class UnknownQuantizationError(Exception):
    """A quantization whose bytes are not known. Its text says which."""


@dataclass(frozen=True)
class Quantization:
    """How matrices are stored. Embeddings, output layer, norms and routers stay as they are."""

    method: str
    """Its name, such as ``fp8`` or ``awq``."""
    bits: float
    """Bits of one weight, its share of scales and zero points included."""
    scope: Literal["linear", "experts"] = "linear"
    """Which matrices: all of the layers, or only those of experts."""
    group: int = 0
    """What the rows that a GPU gets of a matrix must be a multiple of. 0: anything."""

    @property
    def bytes(self) -> float:
        """Bytes of one weight."""
        return self.bits / BITS


def grouped(method: str, bits: int, group: int, zero_point: bool) -> Quantization:
    """Weights of few bits with a 16-bit scale, and perhaps a zero point, for each group."""
    extra = (16 + (bits if zero_point else 0)) / group if group > 0 else 0
    return Quantization(method, bits + extra, group=max(group, 0))


FP8 = Quantization("fp8", 8)
"""8-bit floats with one scale a matrix or a row."""
FP8_BLOCKS = Quantization("fp8", 8 + 32 / (128 * 128), group=128)
"""8-bit floats with a 32-bit scale for each block of 128 x 128."""
MXFP4 = Quantization("mxfp4", 4 + 8 / 32, scope="experts")
"""4-bit floats with an 8-bit scale for each 32 of them, as gpt-oss has its experts."""

ONLINE: Mapping[str, Quantization] = {
    "fp8": FP8,
    "fp8_per_tensor": FP8,
    "fp8_per_block": FP8_BLOCKS,
    # NF4 with a 32-bit scale for each 64 weights.
    "bitsandbytes": Quantization("bitsandbytes", 4 + 32 / 64),
}
"""What vLLM makes of unquantized weights while it loads them, by ``--quantization``."""


def of_config(config: Mapping[str, Any] | None) -> Quantization | None:
    """The quantization that a ``quantization_config`` of a ``config.json`` describes. None: there is none.

    Raises:
        UnknownQuantizationError: where its bytes are not known.
    """
    if not config:
        return None
    method = str(config.get("quant_method", "")).lower()
    match method:
        case "fp8":
            return FP8_BLOCKS if config.get("weight_block_size") else FP8
        case "awq" | "gptq":
            bits = int(config.get("bits") or config.get("w_bit") or 4)
            group = int(config.get("group_size") or config.get("q_group_size") or 128)
            return grouped(method, bits, group, zero_point=True)
        case "mxfp4":
            return MXFP4
        case "bitsandbytes" if config.get("load_in_4bit"):
            return ONLINE["bitsandbytes"]
        case "compressed-tensors":
            return _compressed(config)
        case _:
            raise UnknownQuantizationError(f"the quantization {method or 'of its config.json'} is not known")


def _compressed(config: Mapping[str, Any]) -> Quantization:
    """One scheme for all linear layers, which is what llm-compressor writes unless it is told otherwise."""
    groups = list((config.get("config_groups") or {}).values())
    if len(groups) != 1 or groups[0].get("targets") != ["Linear"]:
        raise UnknownQuantizationError("compressed-tensors with a scheme for each kind of layer is not known")
    weights = groups[0].get("weights") or {}
    bits = int(weights.get("num_bits") or 0)
    if bits not in {4, 8}:
        raise UnknownQuantizationError(f"compressed-tensors with weights of {bits} bits is not known")
    group = int(weights.get("group_size") or 0)
    scale = 16 / group if weights.get("strategy") == "group" and group > 0 else 0
    return Quantization("compressed-tensors", bits + scale, group=group if scale else 0)

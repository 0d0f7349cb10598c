"""The KV cache, as vLLM lays it out (``v1/core/kv_cache_utils.py``)."""

from dataclasses import dataclass

from stacks.fit.parameters import Share, kv_heads, stage_layers
from stacks.fit.shape import ModelShape

BLOCK_TOKENS = 16
"""Tokens of a block."""
PADDING_LIMIT = 1.5
"""vLLM pads the smaller kind of layers up to the larger one where it is not this much larger."""


@dataclass(frozen=True)
class KvCache:
    """How the KV cache of a model is made of blocks, on one GPU."""

    block_bytes: int
    """Bytes of one block: a page of every layer of a group. Groups take turns in one pool of blocks."""
    windows: tuple[int | None, ...]
    """The groups of layers, each by its sliding window in tokens. None: it keeps every token."""
    in_flight_tokens: int
    """Tokens that are being computed while those behind the window are still kept."""

    def blocks(self, tokens: int) -> int:
        """Blocks of one sequence of so many tokens."""
        return sum(self._group_blocks(window, tokens) for window in self.windows)

    def bytes(self, tokens: int) -> int:
        """Bytes that have to be there for one sequence of so many tokens, with the block that vLLM keeps back."""
        return (self.blocks(tokens) + 1) * self.block_bytes

    def concurrency(self, available: float, tokens: int) -> float:
        """Sequences of so many tokens for which there is room at a time."""
        return max(0, int(available // self.block_bytes)) / self.blocks(tokens)

    def longest(self, available: float, limit: int) -> int:
        """The longest sequence for which there is room, in tokens, and no more than ``limit``."""
        low, high = 0, limit
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (middle, high) if self.bytes(middle) <= available else (low, middle - 1)
        return low

    def _group_blocks(self, window: int | None, tokens: int) -> int:
        if window is None:
            return -(-tokens // BLOCK_TOKENS)
        # One more, because a window need not begin where a block does.
        return -(-min(window - 1 + self.in_flight_tokens, tokens) // BLOCK_TOKENS) + 1


def layout(shape: ModelShape, share: Share, element_bytes: float, in_flight_tokens: int) -> KvCache:
    """How the KV cache is laid out on the GPU that holds most layers."""
    windows = shape.windows or (None,) * shape.layers
    stages = [stage_layers(shape, share.pipeline, rank) for rank in range(share.pipeline)]
    full = [layer for layer, window in enumerate(windows) if window is None]
    sliding = [layer for layer, window in enumerate(windows) if window is not None]
    groups = _groups(full, sliding) if full and sliding else [full or sliding]
    deepest = max(sum(layer in stage for layer in group) for group in groups for stage in stages)
    return KvCache(
        block_bytes=deepest * int(BLOCK_TOKENS * token_elements(shape, share) * element_bytes),
        windows=tuple(windows[group[0]] for group in groups),
        in_flight_tokens=in_flight_tokens,
    )


def token_elements(shape: ModelShape, share: Share) -> int:
    """Elements that one layer keeps of one token, on one GPU."""
    if shape.latent:
        # The compressed vector is whole on every GPU.
        return shape.latent.kv_rank + shape.latent.rope_dim
    return 2 * kv_heads(shape, share) * shape.head_dim


def _groups(full: list[int], sliding: list[int]) -> list[list[int]]:
    """Layers of two kinds in groups of one size, the size of the smaller kind."""
    fewer, more = sorted((len(full), len(sliding)))
    size = more if more < fewer * PADDING_LIMIT else fewer
    return [group for layers in (full, sliding) for group in _split(layers, size)]


def _split(layers: list[int], size: int) -> list[list[int]]:
    count = -(-len(layers) // size)
    return [layers[first::count] for first in range(count)]

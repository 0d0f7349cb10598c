"""Memory of one GPU beside weights and KV cache, calibrated on vLLM itself.

The constants are from 22 starts of vLLM 0.26.0 with random weights on an H200, by ``bench/fit``; docs/figures.md has
them beside what they predict. Where those starts differ, the constant is the larger figure.
"""

from stacks.fit.engine import Steps
from stacks.fit.parameters import Share, kv_heads, layer, padded_vocab, stage_layers
from stacks.fit.shape import Experts, ModelShape
from stacks.fit.weights import GIB, element_bytes, weights_bytes
from stacks.settings.models import ModelSettings

OTHER_GIB = 0.24
"""CUDA's context, libraries and workspaces: 0.22 to 0.24 seen."""
COMMUNICATION_GIB = 0.75
"""NCCL's and vLLM's buffers where GPUs share a model. Not measured."""
GRAPHS_GIB = 0.65
"""CUDA graphs: 0.50 to 0.64 seen."""
LEAST_ACTIVATIONS_GIB = 0.12
"""The least that a step takes: that of a model of 135M."""
HIDDEN_VECTORS = 7
"""Vectors of the hidden size that a layer holds of every token at its fullest: 5 to 7 seen."""
SORTED_LOGIT_BYTES = 18
"""Bytes of a logit where vLLM takes its older model runner, which it did for models with experts: in the model's type,
in 32 bits, in 32 bits sorted, and its place in 64."""
ROUNDING_BYTES = 2 * 1024**2
"""What PyTorch's allocator loses to rounding in each layer, and no more than the next share of it."""
ROUNDING_SHARE = 0.03
LORA_BYTES = 2
"""Bytes of a LoRA weight."""


def loaded_gib(model: ModelSettings, shape: ModelShape, share: Share) -> float:
    """What vLLM reports of a loaded model beyond its weights: positions' tables, and what the allocator rounds up."""
    layers = stage_layers(shape, share.pipeline, 0)
    each = weights_bytes(model, shape, layer(shape, layers[-1], share))
    positions = shape.longest_context * shape.rotary_dim * element_bytes(model, shape)
    return (len(layers) * min(ROUNDING_BYTES, ROUNDING_SHARE * each) + positions) / GIB


def activations_gib(model: ModelSettings, shape: ModelShape, share: Share, step: Steps) -> float:
    """The most that activations take, in a step with as many tokens and sequences as there may be."""
    element = element_bytes(model, shape)
    token = HIDDEN_VECTORS * shape.hidden_size + max(_mlp(shape, share), _expert_mlp(shape, share))
    forward = step.tokens * token * element
    matrix = padded_vocab(shape) // share.tensor * shape.hidden_size
    # While the compiler tries the kernels of the model's ends, it holds a copy of the embedding.
    compiled = 0 if model.engine.enforce_eager else (matrix + 2 * step.tokens * shape.hidden_size) * element
    logits = step.sequences * padded_vocab(shape) * (SORTED_LOGIT_BYTES if shape.experts else element)
    return max(LEAST_ACTIVATIONS_GIB, max(forward, compiled, logits) / GIB)


def graphs_gib(model: ModelSettings) -> float:
    """CUDA graphs."""
    return 0.0 if model.engine.enforce_eager else GRAPHS_GIB


def other_gib(share: Share) -> float:
    """What is neither PyTorch's nor the model's."""
    return OTHER_GIB + (COMMUNICATION_GIB if share.gpus > 1 else 0)


def lora_gib(model: ModelSettings, shape: ModelShape, share: Share) -> float:
    """Memory that is set aside for LoRA adapters, used or not. vLLM has one slot more than adapters in a step."""
    if model.lora is None:
        return 0.0
    queries = shape.heads // share.tensor * shape.head_dim
    keys = kv_heads(shape, share) * shape.head_dim
    inner, hidden = shape.intermediate_size // share.tensor, shape.hidden_size
    attention = 3 * hidden + queries + 2 * keys + queries + hidden
    mlp = 2 * hidden + 2 * inner + inner + hidden
    ends = 2 * (padded_vocab(shape) + hidden)
    layers = len(stage_layers(shape, share.pipeline, 0))
    slots = model.lora.slots + 1
    return slots * model.lora.rank_limit * (layers * (attention + mlp) + ends) * LORA_BYTES / GIB


def _mlp(shape: ModelShape, share: Share) -> int:
    """Elements of a dense MLP's insides, for one token."""
    if shape.experts and shape.experts.first_layer == 0:
        return 0
    return 3 * shape.intermediate_size // share.tensor


def _expert_mlp(shape: ModelShape, share: Share) -> int:
    """Elements of experts' insides, for one token, which has a copy for every expert that it is sent to."""
    experts: Experts | None = shape.experts
    if experts is None:
        return 0
    inner = experts.intermediate_size // share.expert_slices
    shared = 3 * experts.shared_intermediate_size // share.tensor
    return experts.per_token * (3 * inner + 2 * shape.hidden_size) + shared

"""The shape of a model: the numbers of its ``config.json`` that say how much memory it takes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from stacks.fit.quantization import Quantization, UnknownQuantizationError, of_config

HeadNorm = Literal["none", "head", "all"]
"""Norms of queries and keys. ``head``: one of a head's size. ``all``: one over all heads."""


class UnknownShapeError(Exception):
    """A ``config.json`` that nothing can be computed from. Its text says why."""


@dataclass(frozen=True)
class LatentAttention:
    """Multi-head latent attention (MLA): one compressed vector a token instead of keys and values."""

    query_rank: int | None
    """Rank of the queries' compression. None: they are not compressed."""
    kv_rank: int
    """Rank of the compression that is cached."""
    rope_dim: int
    """Size of the part that carries the position, cached beside it."""
    nope_dim: int
    """Size of the rest of a head's queries and keys."""
    value_dim: int
    """Size of a head's values."""


@dataclass(frozen=True)
class Experts:
    """The experts of a mixture-of-experts model (MoE)."""

    count: int
    """Routed experts of a layer."""
    per_token: int
    """Experts that a token is sent to."""
    intermediate_size: int
    """Inner size of one expert."""
    shared_intermediate_size: int = 0
    """Inner size of the experts that every token is sent to, together."""
    first_layer: int = 0
    """The first layer with experts; those ahead of it are dense."""
    bias: bool = False
    """Whether router and experts add a bias."""
    routing_bias: bool = False
    """Whether the router has a correction for each expert (DeepSeek V3)."""


@dataclass(frozen=True)
class VisionTower:
    """The encoder of images beside a language model."""

    parameters: int
    """Parameters of encoder and projector together."""


@dataclass(frozen=True)
class ModelShape:
    """What of a model's ``config.json`` decides how much memory it takes. Sizes are elements, not bytes."""

    architecture: str
    """The class that vLLM serves it with, such as ``Qwen2ForCausalLM``."""
    dtype: str
    """Type that the weights are published in: ``bfloat16``, ``float16`` or ``float32``."""
    hidden_size: int
    """Size of the vector between layers."""
    layers: int
    """Number of layers."""
    heads: int
    """Query heads of a layer."""
    kv_heads: int
    """Key and value heads of a layer."""
    head_dim: int
    """Size of a head."""
    intermediate_size: int
    """Inner size of a dense layer's MLP."""
    vocab_size: int
    """Tokens of the vocabulary."""
    tied_embeddings: bool
    """Whether one matrix is both the embedding and the output layer."""
    longest_context: int
    """Longest context that the model can be asked for, in tokens."""
    default_context: int
    """Longest context where none is asked for, in tokens."""
    windows: tuple[int | None, ...] = ()
    """Sliding window of each layer in tokens, None where it sees everything."""
    qkv_bias: bool = False
    """Whether queries, keys and values add a bias."""
    output_bias: bool = False
    """Whether the attention's output adds a bias."""
    mlp_bias: bool = False
    """Whether a dense MLP adds biases."""
    head_norm: HeadNorm = "none"
    """Norms of queries and keys."""
    norms: int = 2
    """Norms of a layer over the hidden size."""
    sinks: bool = False
    """Whether every head has a learned sink (gpt-oss)."""
    rotary_dim: int = 0
    """Elements of a head that are rotated by position."""
    latent: LatentAttention | None = None
    """Latent attention, where the model has it."""
    experts: Experts | None = None
    """Experts, where the model has them."""
    vision: VisionTower | None = None
    """The encoder of images, where the model has one."""
    quantization: Quantization | None = None
    """How the published weights are quantized, where they are."""

    def has_experts(self, layer: int) -> bool:
        """Whether a layer's MLP is made of experts."""
        return self.experts is not None and layer >= self.experts.first_layer


def from_config(config: Mapping[str, Any]) -> ModelShape:
    """The shape that a ``config.json`` describes.

    Raises:
        UnknownShapeError: where its architecture is none of those whose parameters are known exactly, or one of its
            numbers is missing.
    """
    names = config.get("architectures")
    architecture = names[0] if isinstance(names, list) and names else ""
    if architecture not in ARCHITECTURES:
        raise UnknownShapeError(f"the architecture {architecture or 'that its config.json does not name'} is not known")
    try:
        return _shape(str(architecture), config)
    except KeyError as missing:
        raise UnknownShapeError(f"its config.json has no {missing.args[0]}") from None
    except (TypeError, ValueError) as error:
        raise UnknownShapeError(f"its config.json cannot be read: {error}") from None
    except UnknownQuantizationError as error:
        raise UnknownShapeError(str(error)) from None


def _shape(architecture: str, config: Mapping[str, Any]) -> ModelShape:
    text = {**MULTIMODAL.get(architecture, {}), **config.get("text_config", {})} or config
    heads = int(text["num_attention_heads"])
    hidden = int(text["hidden_size"])
    layers = int(text["num_hidden_layers"])
    head_dim = int(text.get("head_dim") or hidden // heads)
    latent = _latent(text) if architecture in LATENT else None
    longest = int(int(text["max_position_embeddings"]) * (1 if architecture in UNSCALED else _rope_factor(text)))
    by_lengths = any(_rope_type(rope) in BY_LENGTHS for rope in _ropes(text))
    return ModelShape(
        architecture=architecture,
        dtype=str(config.get("dtype") or config.get("torch_dtype") or text.get("torch_dtype") or "float32"),
        hidden_size=hidden,
        layers=layers,
        heads=heads,
        kv_heads=int(text.get("num_key_value_heads") or heads),
        head_dim=head_dim,
        intermediate_size=int(text["intermediate_size"]),
        vocab_size=int(text["vocab_size"]),
        tied_embeddings=bool(text.get("tie_word_embeddings", architecture in TIED)),
        longest_context=longest,
        default_context=int(text.get("original_max_position_embeddings") or longest) if by_lengths else longest,
        windows=_windows(architecture, text, layers),
        experts=_experts(architecture, text),
        latent=latent,
        vision=_vision(config, hidden) if "text_config" in config else None,
        rotary_dim=latent.rope_dim if latent else int(head_dim * float(text.get("partial_rotary_factor") or 1)),
        quantization=of_config(config.get("quantization_config") or text.get("quantization_config")),
        qkv_bias=architecture in QKV_BIAS or bool(text.get("attention_bias")),
        output_bias=architecture not in QKV_BIAS and bool(text.get("attention_bias")),
        mlp_bias=bool(text.get("mlp_bias")),
        head_norm=HEAD_NORMS.get(architecture, "none"),
        norms=4 if architecture in FOUR_NORMS else 2,
        sinks=architecture == "GptOssForCausalLM",
    )


def _ropes(text: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The ways in which positions are scaled: one, or one for each kind of layer."""
    said = text.get("rope_parameters") or text.get("rope_scaling") or {}
    nested = [value for value in said.values() if isinstance(value, Mapping)]
    return nested or [said]


def _rope_type(rope: Mapping[str, Any]) -> str:
    return str(rope.get("rope_type") or rope.get("type") or "default")


def _rope_factor(text: Mapping[str, Any]) -> float:
    factors = [rope.get("factor") or 1 for rope in _ropes(text) if _rope_type(rope) not in SCALED_ALREADY]
    return float(factors[-1]) if factors else 1.0


def _latent(text: Mapping[str, Any]) -> LatentAttention:
    return LatentAttention(
        query_rank=text.get("q_lora_rank"),
        kv_rank=int(text["kv_lora_rank"]),
        rope_dim=int(text["qk_rope_head_dim"]),
        nope_dim=int(text["qk_nope_head_dim"]),
        value_dim=int(text["v_head_dim"]),
    )


def _experts(architecture: str, text: Mapping[str, Any]) -> Experts | None:
    match architecture:
        case "MixtralForCausalLM" | "GptOssForCausalLM":
            return Experts(
                count=int(text["num_local_experts"]),
                per_token=int(text["num_experts_per_tok"]),
                intermediate_size=int(text["intermediate_size"]),
                bias=architecture == "GptOssForCausalLM",
            )
        case "Qwen3MoeForCausalLM":
            if int(text.get("decoder_sparse_step", 1)) != 1 or text.get("mlp_only_layers"):
                raise UnknownShapeError("layers with experts between layers without are not known")
            return Experts(
                count=int(text["num_experts"]),
                per_token=int(text["num_experts_per_tok"]),
                intermediate_size=int(text["moe_intermediate_size"]),
            )
        case "DeepseekV2ForCausalLM" | "DeepseekV3ForCausalLM":
            if int(text.get("moe_layer_freq", 1)) != 1:
                raise UnknownShapeError("layers with experts between layers without are not known")
            return Experts(
                count=int(text["n_routed_experts"]),
                per_token=int(text["num_experts_per_tok"]),
                intermediate_size=int(text["moe_intermediate_size"]),
                shared_intermediate_size=int(text.get("n_shared_experts") or 0) * int(text["moe_intermediate_size"]),
                first_layer=int(text.get("first_k_dense_replace", 0)),
                routing_bias=text.get("topk_method") == "noaux_tc",
            )
        case _:
            return None


def _windows(architecture: str, text: Mapping[str, Any], layers: int) -> tuple[int | None, ...]:
    window = text.get("sliding_window")
    if not window or text.get("use_sliding_window") is False:
        return ()
    kinds = text.get("layer_types")
    if kinds:
        return tuple(int(window) if kind == "sliding_attention" else None for kind in kinds)
    match architecture:
        case "Gemma2ForCausalLM" | "GptOssForCausalLM":
            return tuple(int(window) if layer % 2 == 0 else None for layer in range(layers))
        case "Gemma3ForCausalLM" | "Gemma3ForConditionalGeneration":
            pattern = int(text.get("sliding_window_pattern", 6))
            return tuple(int(window) if (layer + 1) % pattern else None for layer in range(layers))
        case "Qwen2ForCausalLM" | "Qwen3ForCausalLM" | "Qwen3MoeForCausalLM":
            # Qwen says in use_sliding_window whether it is used, and where it says nothing it isn't.
            return ()
        case _:
            return (int(window),) * layers


def _vision(config: Mapping[str, Any], hidden: int) -> VisionTower:
    """The tower of Gemma 3: SigLIP, whose output a norm and one matrix bring to the language model's size."""
    vision = config["vision_config"]
    size, inner = int(vision["hidden_size"]), int(vision["intermediate_size"])
    patch = int(vision["patch_size"])
    positions = (int(vision["image_size"]) // patch) ** 2
    attention = 4 * (size * size + size)
    mlp = 2 * size * inner + inner + size
    layer = attention + mlp + 4 * size
    ends = 3 * patch * patch * size + size + positions * size + 2 * size
    projector = size * hidden + size
    return VisionTower(parameters=int(vision["num_hidden_layers"]) * layer + ends + projector)


MULTIMODAL: Mapping[str, Mapping[str, Any]] = {
    "Gemma3ForConditionalGeneration": {
        "head_dim": 256,
        "max_position_embeddings": 131072,
        "num_attention_heads": 8,
        "num_key_value_heads": 4,
        "vocab_size": 262208,
    }
}
"""What a language model's configuration inside another one need not say: the defaults of its class in transformers."""
BY_LENGTHS = frozenset({"longrope", "su"})
"""Scalings of positions with one way for short and one for long contexts. vLLM takes the short one by itself."""
SCALED_ALREADY = frozenset({*BY_LENGTHS, "deepseek_llama_scaling", "deepseek_yarn", "llama3", "yarn"})
"""Scalings of positions that ``max_position_embeddings`` counts already (vLLM's ``config/model.py``)."""
UNSCALED = frozenset({"Gemma3ForCausalLM", "Gemma3ForConditionalGeneration"})
"""Architectures whose ``max_position_embeddings`` counts any scaling."""
LATENT = frozenset({"DeepseekV2ForCausalLM", "DeepseekV3ForCausalLM"})
"""Architectures with latent attention."""
TIED = frozenset({"Gemma2ForCausalLM", "Gemma3ForCausalLM", "Gemma3ForConditionalGeneration"})
"""Architectures whose embeddings are tied where config.json says nothing."""
QKV_BIAS = frozenset({"Qwen2ForCausalLM"})
"""Architectures with a bias for queries, keys and values, and none for the output, whatever config.json says."""
FOUR_NORMS = frozenset({"Gemma2ForCausalLM", "Gemma3ForCausalLM", "Gemma3ForConditionalGeneration"})
"""Architectures with norms ahead of and behind both halves of a layer."""
HEAD_NORMS: Mapping[str, HeadNorm] = {
    "Gemma3ForCausalLM": "head",
    "Gemma3ForConditionalGeneration": "head",
    "Olmo2ForCausalLM": "all",
    "Qwen3ForCausalLM": "head",
    "Qwen3MoeForCausalLM": "head",
}
"""Norms of queries and keys."""
ARCHITECTURES = frozenset(
    {
        *FOUR_NORMS,
        *HEAD_NORMS,
        *LATENT,
        *QKV_BIAS,
        "GptOssForCausalLM",
        "GraniteForCausalLM",
        "LlamaForCausalLM",
        "MistralForCausalLM",
        "MixtralForCausalLM",
        "Phi3ForCausalLM",
    }
)
"""Architectures whose parameters are counted exactly."""

"""Does a model fit the GPUs that it is meant for, and how much does it leave for its KV cache?"""

from dataclasses import dataclass

from serving.vllm_arguments import destinations
from stacks.fit import memory
from stacks.fit.engine import UTILIZATION, in_flight_tokens, steps
from stacks.fit.gpus import Target
from stacks.fit.kv_cache import KvCache, layout
from stacks.fit.parameters import Share
from stacks.fit.shape import ModelShape
from stacks.fit.weights import GIB, element_bytes, is_known, share, weights_gib
from stacks.settings.models import ModelSettings

KV_BYTES = {"bfloat16": 2, "float16": 2, "fp8": 1, "fp8_e4m3": 1, "fp8_e5m2": 1}
"""Bytes of an element of the KV cache, by ``kvCacheDtype``."""
OVERRIDING = frozenset(
    {
        "block_size",
        "compilation_config",
        "cpu_offload_gb",
        "data_parallel_size",
        "decode_context_parallel_size",
        "disable_hybrid_kv_cache_manager",
        "dtype",
        "enable_expert_parallel",
        "enforce_eager",
        "gpu_memory_utilization",
        "hf_overrides",
        "kv_cache_dtype",
        "kv_cache_memory_bytes",
        "max_model_len",
        "max_num_batched_tokens",
        "max_num_seqs",
        "num_gpu_blocks_override",
        "pipeline_parallel_size",
        "quantization",
        "speculative_config",
        "tensor_parallel_size",
    }
)
"""Arguments of vLLM that change its memory, and are not read where they stand in ``extraArgs``."""


@dataclass(frozen=True)
class Fit:
    """What one GPU of a replica holds, in GiB, and how many tokens that leaves room for."""

    target: Target
    """The GPU."""
    gpus: int
    """GPUs of a replica."""
    given_gib: float
    """What vLLM may take of the GPU."""
    weights_gib: float
    """Weights, with LoRA adapters and what loading rounds up."""
    activations_gib: float
    """The most that a step's activations take."""
    graphs_gib: float
    """CUDA graphs."""
    other_gib: float
    """CUDA's own memory, and that of the connection between GPUs."""
    max_model_len: int
    """Longest context that is asked for, in tokens."""
    cache: KvCache
    """How the KV cache is laid out."""
    cache_limit_gib: float | None = None
    """The size of KV cache that is asked for, where one is."""

    @property
    def taken_gib(self) -> float:
        """Everything but the KV cache."""
        return self.weights_gib + self.activations_gib + self.graphs_gib + self.other_gib

    @property
    def cache_gib(self) -> float:
        """What is left for the KV cache. Below nothing where not even the rest fits."""
        left = self.given_gib - self.taken_gib
        return left if self.cache_limit_gib is None else min(left, self.cache_limit_gib)

    @property
    def cache_needed_gib(self) -> float:
        """KV cache of one sequence of the longest context, which vLLM insists on."""
        return self.cache.bytes(self.max_model_len) / GIB

    @property
    def needed_gib(self) -> float:
        """Everything that has to be there."""
        return self.taken_gib + max(self.cache_needed_gib, self.cache_limit_gib or 0)

    @property
    def fits(self) -> bool:
        """Whether vLLM starts."""
        wanted = max(self.cache_needed_gib, self.cache_limit_gib or 0)
        return self.cache_gib >= wanted

    @property
    def longest(self) -> int:
        """The longest context that fits, in tokens. 0: none does."""
        return self.cache.longest(self.cache_gib * GIB, self.max_model_len)

    @property
    def tokens(self) -> int:
        """Tokens that the KV cache holds, of sequences of the longest context."""
        return int(self.concurrency * self.max_model_len)

    @property
    def concurrency(self) -> float:
        """Sequences of the longest context that the KV cache holds at a time."""
        return self.cache.concurrency(self.cache_gib * GIB, self.max_model_len)


def fit(model: ModelSettings, shape: ModelShape, target: Target) -> Fit | None:
    """What a model takes of a GPU. None: one of its settings makes that unknown."""
    engine, spread = model.engine, share(model, target.gpus_per_node)
    if not _is_countable(model, shape, spread):
        return None
    step = steps(model, target.memory_gib, target.gpu)
    utilization = engine.gpu_memory_utilization or UTILIZATION
    fixed = engine.kv_cache_memory_bytes
    weights = weights_gib(model, shape, spread) + memory.loaded_gib(model, shape, spread)
    return Fit(
        target=target,
        gpus=model.gpus,
        # A fixed KV cache is not counted against the utilization.
        given_gib=target.memory_gib if fixed else target.memory_gib * utilization,
        weights_gib=max(0.0, weights - (engine.cpu_offload_gb or 0)) + memory.lora_gib(model, shape, spread),
        activations_gib=memory.activations_gib(model, shape, spread, step),
        graphs_gib=memory.graphs_gib(model),
        other_gib=memory.other_gib(spread),
        max_model_len=engine.max_model_len or shape.default_context,
        cache=layout(shape, spread, _kv_bytes(model, shape), in_flight_tokens(model, step)),
        cache_limit_gib=fixed / GIB if fixed else None,
    )


def divides(shape: ModelShape, spread: Share) -> str | None:
    """Why GPUs cannot share a model in that way. None: they can."""
    tensor = spread.tensor
    if shape.heads % tensor:
        return f"its {shape.heads} attention heads"
    if shape.latent is None and max(shape.kv_heads, tensor) % min(shape.kv_heads, tensor):
        return f"its {shape.kv_heads} key and value heads"
    if shape.intermediate_size % tensor:
        return f"its MLP's {shape.intermediate_size} rows"
    if shape.experts and shape.experts.intermediate_size % spread.expert_slices:
        return f"its experts' {shape.experts.intermediate_size} rows"
    if spread.pipeline > shape.layers:
        return f"its {shape.layers} layers"
    return _divides_groups(shape, spread)


def _divides_groups(shape: ModelShape, spread: Share) -> str | None:
    group = shape.quantization.group if shape.quantization else 0
    if not group:
        return None
    sizes = {"MLP's": shape.intermediate_size // spread.tensor}
    if shape.experts:
        sizes = {"experts'": shape.experts.intermediate_size // spread.expert_slices}
    for whose, size in sizes.items():
        if size % group:
            return f"its {whose} rows, quantized in groups of {group} of which a GPU would get {size}"
    return None


def _kv_bytes(model: ModelSettings, shape: ModelShape) -> float:
    said = model.engine.kv_cache_dtype
    return element_bytes(model, shape) if said == "auto" else KV_BYTES[said]


def _is_countable(model: ModelSettings, shape: ModelShape, spread: Share) -> bool:
    engine = model.engine
    speculative = engine.speculative_config
    return (
        is_known(model, shape)
        and engine.kv_cache_dtype in {"auto", *KV_BYTES}
        # A second model has weights, and a KV cache, of its own.
        and (speculative is None or speculative.method == "ngram")
        # So have adapters of experts.
        and (model.lora is None or shape.experts is None)
        and not destinations(model.extra_args) & OVERRIDING
        and divides(shape, spread) is None
    )

"""vLLM's engine arguments, typed."""

from typing import Literal

from pydantic import Field

from stacks.settings.base import Settings


class EngineSettings(Settings):
    """vLLM's engine arguments that are set most. Everything else goes into ``extraArgs`` of the model."""

    max_model_len: int | None = Field(default=None, ge=1)
    """Longest context, in tokens, prompt and answer together. Default: the model's own."""
    dtype: Literal["auto", "bfloat16", "float16", "float32"] = "auto"
    """Type of weights and activations."""
    quantization: str | None = None
    """Quantization method of the weights, such as ``fp8`` or ``awq``. Default: as the weights say."""
    kv_cache_dtype: str = "auto"
    """Type of the KV cache, such as ``fp8``."""
    gpu_memory_utilization: float | None = Field(default=None, gt=0, le=1)
    """Share of the GPU's memory that vLLM may take. Default: vLLM's own."""
    tensor_parallel_size: int | None = Field(default=None, ge=1)
    """GPUs that share each layer. Default: all of the replica's GPUs."""
    pipeline_parallel_size: int = Field(default=1, ge=1)
    """GPUs, or groups of them, that share the layers one after the other."""
    max_num_seqs: int | None = Field(default=None, ge=1)
    """Most sequences in one step. Default: vLLM's own."""
    max_num_batched_tokens: int | None = Field(default=None, ge=1)
    """Most tokens in one step. Default: vLLM's own."""
    enable_prefix_caching: bool | None = None
    """Reuse the KV cache of equal prompt beginnings. Default: vLLM's own."""
    enforce_eager: bool = False
    """Skip compilation and CUDA graphs: a quicker start, slower steps."""
    trust_remote_code: bool = False
    """Run Python code that comes with the weights."""
    tool_call_parser: str | None = None
    """Parser of tool calls, such as ``hermes``. Setting it turns automatic tool choice on."""
    reasoning_parser: str | None = None
    """Parser of reasoning, such as ``deepseek_r1``."""
    seed: int | None = None
    """Seed of sampling. Default: vLLM's own."""

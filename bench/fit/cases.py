"""The shapes and settings that the fit check is compared at."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from stacks.fit.table import config_of

HF_FIELDS: Mapping[str, Mapping[str, Any]] = {
    "DeepseekV2ForCausalLM": {
        "model_type": "deepseek_v2",
        "topk_method": "greedy",
        "n_group": 1,
        "topk_group": 1,
        "norm_topk_prob": False,
        "scoring_func": "softmax",
        "routed_scaling_factor": 1.0,
        "rope_theta": 10000,
        "rope_scaling": {
            "type": "yarn",
            "rope_type": "yarn",
            "factor": 40,
            "beta_fast": 32,
            "beta_slow": 1,
            "mscale": 0.707,
            "mscale_all_dim": 0.707,
            "original_max_position_embeddings": 4096,
        },
    },
    "Gemma2ForCausalLM": {"model_type": "gemma2", "attn_logit_softcapping": 50.0, "final_logit_softcapping": 30.0},
    "Gemma3ForCausalLM": {"model_type": "gemma3_text", "query_pre_attn_scalar": 256},
    "GptOssForCausalLM": {
        "model_type": "gpt_oss",
        "rope_theta": 150000,
        "swiglu_limit": 7.0,
        "initial_context_length": 4096,
        "rope_scaling": {
            "rope_type": "yarn",
            "factor": 32.0,
            "beta_fast": 32.0,
            "beta_slow": 1.0,
            "original_max_position_embeddings": 4096,
            "truncate": False,
        },
    },
    "LlamaForCausalLM": {"model_type": "llama", "hidden_act": "silu", "rope_theta": 500000.0},
    "MistralForCausalLM": {"model_type": "mistral", "hidden_act": "silu"},
    "MixtralForCausalLM": {"model_type": "mixtral", "hidden_act": "silu"},
    "Phi3ForCausalLM": {"model_type": "phi3", "hidden_act": "silu", "pad_token_id": 0},
    "Qwen2ForCausalLM": {"model_type": "qwen2", "hidden_act": "silu", "use_sliding_window": False},
    "Qwen3ForCausalLM": {"model_type": "qwen3", "hidden_act": "silu"},
    "Qwen3MoeForCausalLM": {"model_type": "qwen3_moe", "hidden_act": "silu", "norm_topk_prob": True},
}
"""What config.json has beside the sizes, by architecture: the names of classes, and numbers that change no size."""

SERVER: Mapping[str, Any] = {"maxNumBatchedTokens": 8192, "maxNumSeqs": 1024}
"""What vLLM's server takes by itself on a GPU of 70 GiB or more."""
SMALL: Mapping[str, Any] = {"maxNumBatchedTokens": 2048, "maxNumSeqs": 256}
"""What it takes by itself on a smaller one."""
L4_SHARE = 0.145
"""The share of an H200 that is as much as 0.92 of an L4."""


@dataclass(frozen=True)
class Case:
    """One start of vLLM."""

    name: str
    """What it is called in tables."""
    model: str
    """The table's model that it has the shape of."""
    engine: Mapping[str, Any] = field(default_factory=dict)
    """Settings of the engine, as in a stack file."""
    config: Mapping[str, Any] = field(default_factory=dict)
    """What its config.json has otherwise than the model's."""
    lora: Mapping[str, Any] | None = None
    """LoRA adapters, as in a stack file."""

    @property
    def full_config(self) -> dict[str, Any]:
        """The config.json that vLLM gets."""
        config = {**(config_of(self.model) or {}), **self.config}
        return {"rms_norm_eps": 1e-6, **HF_FIELDS[config["architectures"][0]], **config}


PHI4_MINI: Mapping[str, Any] = {
    "rope_scaling": {"type": "longrope", "short_factor": [1.0] * 48, "long_factor": [1.0] * 48}
}
AWQ: Mapping[str, Any] = {"quant_method": "awq", "bits": 4, "group_size": 128, "zero_point": True, "version": "gemm"}
FP8: Mapping[str, Any] = {"quant_method": "fp8", "weight_block_size": [128, 128], "activation_scheme": "dynamic"}
LORA: Mapping[str, Any] = {"adapters": [{"name": "a", "source": "hf://a/a"}], "maxLoras": 4, "maxLoraRank": 64}

CASES: tuple[Case, ...] = (
    Case("Qwen2.5-1.5B", "Qwen/Qwen2.5-1.5B-Instruct", SERVER),
    Case("Qwen3-8B", "Qwen/Qwen3-8B", SERVER),
    Case("Gemma-2-9B", "google/gemma-2-9b-it", SERVER),
    Case("DeepSeek-V2-Lite", "deepseek-ai/DeepSeek-V2-Lite", SERVER),
    Case("Qwen3-30B-A3B", "Qwen/Qwen3-30B-A3B", SERVER),
    Case("gpt-oss-20b", "openai/gpt-oss-20b", SERVER),
    Case("Qwen3-8B, as on an L4", "Qwen/Qwen3-8B", {**SMALL, "maxModelLen": 8192, "gpuMemoryUtilization": L4_SHARE}),
    Case("Qwen3-8B at 40960, as on an L4", "Qwen/Qwen3-8B", {**SMALL, "gpuMemoryUtilization": L4_SHARE}),
    Case("Qwen2.5-72B", "Qwen/Qwen2.5-72B-Instruct", SERVER),
    Case("Qwen3-8B, fp8 online", "Qwen/Qwen3-8B", {**SERVER, "quantization": "fp8"}),
    Case("Llama-3.1-8B, fp8 KV cache", "meta-llama/Llama-3.1-8B", {**SERVER, "kvCacheDtype": "fp8"}),
    Case("Gemma-3-1B", "google/gemma-3-1b-it", SERVER),
    Case("Phi-4-mini", "microsoft/Phi-4-mini-instruct", SERVER, PHI4_MINI),
    Case("Qwen3-8B-FP8", "Qwen/Qwen3-8B-FP8", SERVER, {"quantization_config": {**FP8, "fmt": "e4m3"}}),
    Case("Qwen2.5-7B-AWQ", "Qwen/Qwen2.5-7B-Instruct-AWQ", SERVER, {"quantization_config": AWQ}),
    Case("Mixtral-8x7B", "mistralai/Mixtral-8x7B-v0.1", SERVER),
    Case("Phi-3-mini-4k", "microsoft/Phi-3-mini-4k-instruct", SERVER),
    Case("phi-4", "microsoft/phi-4", SMALL),
    Case("Gemma-2-2B", "google/gemma-2-2b-it", SMALL),
    Case("Qwen2.5-1.5B, eager", "Qwen/Qwen2.5-1.5B-Instruct", {**SERVER, "enforceEager": True}),
    Case("Qwen3-0.6B, LoRA", "Qwen/Qwen3-0.6B", {**SMALL, "enforceEager": True}, lora=LORA),
    Case("SmolLM2-135M", "HuggingFaceTB/SmolLM2-135M-Instruct", SMALL),
)
"""The cases that the check's constants were taken from, those first that matter most where time is short."""

HELD_OUT: tuple[Case, ...] = (
    Case("Qwen3-14B", "Qwen/Qwen3-14B", SERVER),
    Case("Mistral-7B-v0.3", "mistralai/Mistral-7B-Instruct-v0.3", SERVER),
    Case(
        "Llama-3.2-3B, 16 sequences",
        "meta-llama/Llama-3.2-3B-Instruct",
        {"maxNumBatchedTokens": 4096, "maxNumSeqs": 16},
    ),
    Case(
        "Qwen2.5-14B in 33.6 GiB",
        "Qwen/Qwen2.5-14B-Instruct",
        {**SMALL, "gpuMemoryUtilization": 0.24, "maxModelLen": 4096, "enforceEager": True},
    ),
    Case("Qwen2.5-32B", "Qwen/Qwen2.5-32B-Instruct", {**SERVER, "enforceEager": True}),
    Case("Qwen3-4B, fp8 KV cache", "Qwen/Qwen3-4B", {**SERVER, "kvCacheDtype": "fp8", "enforceEager": True}),
)
"""Cases that no constant was taken from: they show how well the check foresees what it was not made of."""

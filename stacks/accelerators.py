"""What vLLM runs on: how nodes offer it, the image for it, and what vLLM can't do there. A table and nothing else.

Where the facts are from, as of August 2026:
    NVIDIA: vLLM's image, on which this program's stacks have run.
    AMD: vLLM's documentation of ROCm, its ``platforms/rocm.py`` of 0.32.0, and AMD's device plugin.
    Gaudi: the documentation of vllm-gaudi 0.26.0, whose last validated vLLM that is, and Intel's device plugin.
    TPU: the support tables of tpu-inference 0.27.0, and Google's documentation of TPUs in GKE.
Nothing was run on the last three.
"""

from dataclasses import dataclass
from typing import Literal

AcceleratorName = Literal["nvidia", "amd", "gaudi", "tpu"]
"""The accelerators, by the name that a pool has them under."""


@dataclass(frozen=True)
class Accelerator:
    """One make of accelerators."""

    title: str
    """Its name in sentences."""
    resource: str
    """The extended resource under which nodes offer it. By custom their taint has the same key."""
    image: str
    """The image with a vLLM for it."""
    vllm: str
    """The version of vLLM in that image."""
    quantization: frozenset[str] | None
    """The quantization methods that vLLM takes there. None: all."""
    pipeline_parallel: bool
    """Whether layers can be spread over several."""
    multi_node: bool
    """Whether a replica can be on several nodes."""


VLLM = "0.32.0"
"""The version of vLLM that the program was built for."""

ACCELERATORS: dict[AcceleratorName, Accelerator] = {
    "nvidia": Accelerator(
        title="GPUs of NVIDIA's",
        resource="nvidia.com/gpu",
        image=f"docker.io/vllm/vllm-openai:v{VLLM}",
        vllm=VLLM,
        quantization=None,
        pipeline_parallel=True,
        multi_node=True,
    ),
    "amd": Accelerator(
        title="GPUs of AMD's",
        resource="amd.com/gpu",
        image=f"docker.io/vllm/vllm-openai-rocm:v{VLLM}",
        vllm=VLLM,
        quantization=frozenset(
            {
                "auto_awq",
                "auto_gptq",
                "awq",
                "awq_marlin",
                "compressed-tensors",
                "deepseek_v4_fp8",
                "fbgemm_fp8",
                "fp8",
                "fp8_per_block",
                "fp8_per_channel",
                "fp8_per_tensor",
                "gpt_oss_mxfp4",
                "gptq",
                "inc",
                "modelopt",
                "modelopt_fp4",
                "modelopt_mixed",
                "modelopt_mxfp8",
                "mxfp4",
                "mxfp8",
                "online",
                "quark",
                "torchao",
            }
        ),
        pipeline_parallel=True,
        multi_node=True,
    ),
    "gaudi": Accelerator(
        title="Gaudi accelerators",
        resource="habana.ai/gaudi",
        image="vault.habana.ai/gaudi-docker/1.24.1/ubuntu24.04/habanalabs/vllm-0.26.0-ptupstream-2.11.0:latest",
        vllm="0.26.0",
        quantization=frozenset({"awq", "compressed-tensors", "fp8", "gpt_oss_mxfp4", "gptq", "inc", "modelopt"}),
        pipeline_parallel=False,
        multi_node=False,
    ),
    "tpu": Accelerator(
        title="TPUs",
        resource="google.com/tpu",
        image="docker.io/vllm/vllm-tpu:v0.27.0",
        vllm="0.27.0",
        quantization=frozenset(
            {"auto_awq", "awq", "compressed-tensors", "deepseek_v4_fp8", "fp8", "gpt_oss_mxfp4", "modelopt_fp4"}
        ),
        pipeline_parallel=True,
        multi_node=False,
    ),
}
"""The accelerators."""

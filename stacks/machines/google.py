"""Machine types of Google Cloud, and what it calls the GPUs and TPUs in them."""

from collections.abc import Mapping

from stacks.machines.table import Machines

GOOGLE: Machines = {
    "Tesla-T4": {1: ("n1-standard-8",), 2: ("n1-standard-16",), 4: ("n1-standard-32",)},
    "NVIDIA-L4": {
        1: ("g2-standard-8", "g2-standard-4", "g2-standard-12", "g2-standard-16", "g2-standard-32"),
        2: ("g2-standard-24",),
        4: ("g2-standard-48",),
        8: ("g2-standard-96",),
    },
    "NVIDIA-RTX-PRO-6000-Blackwell-Server-Edition": {
        1: ("g4-standard-48",),
        2: ("g4-standard-96",),
        4: ("g4-standard-192",),
        8: ("g4-standard-384",),
    },
    "NVIDIA-A100-SXM4-40GB": {
        1: ("a2-highgpu-1g",),
        2: ("a2-highgpu-2g",),
        4: ("a2-highgpu-4g",),
        8: ("a2-highgpu-8g",),
        16: ("a2-megagpu-16g",),
    },
    "NVIDIA-A100-SXM4-80GB": {
        1: ("a2-ultragpu-1g",),
        2: ("a2-ultragpu-2g",),
        4: ("a2-ultragpu-4g",),
        8: ("a2-ultragpu-8g",),
    },
    "NVIDIA-H100-80GB-HBM3": {
        1: ("a3-highgpu-1g",),
        2: ("a3-highgpu-2g",),
        4: ("a3-highgpu-4g",),
        8: ("a3-highgpu-8g", "a3-megagpu-8g"),
    },
    "NVIDIA-H200": {8: ("a3-ultragpu-8g",)},
    "NVIDIA-B200": {8: ("a4-highgpu-8g",)},
    "tpu-v5-lite-podslice": {1: ("ct5lp-hightpu-1t",), 4: ("ct5lp-hightpu-4t",), 8: ("ct5lp-hightpu-8t",)},
    "tpu-v6e-slice": {1: ("ct6e-standard-1t",), 4: ("ct6e-standard-4t",), 8: ("ct6e-standard-8t",)},
}
"""Machine types with GPUs or TPUs. TPUs have the name that GKE labels their nodes with, and are on one machine."""

GPU_TYPES: Mapping[str, str] = {
    "Tesla-T4": "nvidia-tesla-t4",
    "NVIDIA-L4": "nvidia-l4",
    "NVIDIA-RTX-PRO-6000-Blackwell-Server-Edition": "nvidia-rtx-pro-6000",
    "NVIDIA-A100-SXM4-40GB": "nvidia-tesla-a100",
    "NVIDIA-A100-SXM4-80GB": "nvidia-a100-80gb",
    "NVIDIA-H100-80GB-HBM3": "nvidia-h100-80gb",
    "NVIDIA-H200": "nvidia-h200-141gb",
    "NVIDIA-B200": "nvidia-b200",
}
"""What Google Cloud calls a GPU."""

MEGA = ("a3-megagpu-", "nvidia-h100-mega-80gb")
"""The machine types whose H100 has a name of its own, and that name."""

TPU_TOPOLOGIES: Mapping[int, str] = {1: "1x1", 4: "2x2", 8: "2x4"}
"""How the TPUs of one machine are connected, by their number."""


def gpu_type(gpu_model: str, machine_type: str) -> str:
    """What Google Cloud calls the GPU of a machine type."""
    prefix, mega = MEGA
    return mega if machine_type.startswith(prefix) else GPU_TYPES[gpu_model]

"""How NVIDIA's GPUs can be cut into like slices (Multi-Instance GPU)."""

from collections.abc import Mapping

_OF_80_GB = {"1g.10gb": 7, "1g.20gb": 4, "2g.20gb": 3, "3g.40gb": 2, "4g.40gb": 1, "7g.80gb": 1}

MIG_PROFILES: Mapping[str, Mapping[str, int]] = {
    "NVIDIA-A30": {"1g.6gb": 4, "2g.12gb": 2, "4g.24gb": 1},
    "NVIDIA-A100-SXM4-40GB": {"1g.5gb": 7, "1g.10gb": 4, "2g.10gb": 3, "3g.20gb": 2, "4g.20gb": 1, "7g.40gb": 1},
    "NVIDIA-A100-SXM4-80GB": _OF_80_GB,
    "NVIDIA-A100-80GB-PCIe": _OF_80_GB,
    "NVIDIA-H100-80GB-HBM3": _OF_80_GB,
    "NVIDIA-H100-PCIe": _OF_80_GB,
    "NVIDIA-H100-NVL": {"1g.12gb": 7, "1g.24gb": 4, "2g.24gb": 3, "3g.47gb": 2, "4g.47gb": 1, "7g.94gb": 1},
    "NVIDIA-H200": {"1g.18gb": 7, "1g.35gb": 4, "2g.35gb": 3, "3g.71gb": 2, "4g.71gb": 1, "7g.141gb": 1},
    "NVIDIA-B200": {"1g.23gb": 7, "1g.45gb": 4, "2g.45gb": 3, "3g.90gb": 2, "4g.90gb": 1, "7g.180gb": 1},
    "NVIDIA-RTX-PRO-6000-Blackwell-Server-Edition": {"1g.24gb": 4, "2g.48gb": 2, "4g.96gb": 1},
}
"""Slices of one GPU, by its product name and by their profile, as in the configurations that NVIDIA's MIG manager
comes with."""

"""GPUs, by the product name that NVIDIA's GPU feature discovery writes into the label ``nvidia.com/gpu.product``."""

from dataclasses import dataclass

from stacks.settings.pools import GpuNodePoolSettings


@dataclass(frozen=True)
class Gpu:
    """One product."""

    name: str
    """Its product name."""
    memory_gib: float
    """Memory in GiB as CUDA or HIP reports it: what is printed on the box, less ECC and the driver's share. The
    lowest ``total capacity`` that PyTorch reports of it in public."""
    nominal_gib: int
    """Memory as it is sold, in GB."""
    compute_capability: tuple[int, int] | None
    """CUDA's compute capability. None: it is no NVIDIA GPU."""
    bandwidth_gb_s: int
    """Memory bandwidth in GB/s, from its data sheet."""


_GPUS = (
    Gpu("Tesla-T4", 14.56, 16, (7, 5), 320),
    Gpu("Tesla-V100-SXM2-16GB", 15.77, 16, (7, 0), 900),
    Gpu("Tesla-V100-SXM2-32GB", 31.73, 32, (7, 0), 900),
    Gpu("NVIDIA-A10", 22.03, 24, (8, 6), 600),
    Gpu("NVIDIA-A10G", 22.03, 24, (8, 6), 600),
    Gpu("NVIDIA-A30", 23.49, 24, (8, 0), 933),
    Gpu("NVIDIA-A40", 44.34, 48, (8, 6), 696),
    Gpu("NVIDIA-A100-PCIE-40GB", 39.38, 40, (8, 0), 1555),
    Gpu("NVIDIA-A100-SXM4-40GB", 39.38, 40, (8, 0), 1555),
    Gpu("NVIDIA-A100-80GB-PCIe", 79.14, 80, (8, 0), 1935),
    Gpu("NVIDIA-A100-SXM4-80GB", 79.14, 80, (8, 0), 2039),
    Gpu("NVIDIA-RTX-A6000", 47.27, 48, (8, 6), 768),
    Gpu("NVIDIA-GeForce-RTX-3090", 23.56, 24, (8, 6), 936),
    Gpu("NVIDIA-GeForce-RTX-4090", 23.52, 24, (8, 9), 1008),
    Gpu("NVIDIA-GeForce-RTX-5090", 31.36, 32, (12, 0), 1792),
    Gpu("NVIDIA-L4", 22.03, 24, (8, 9), 300),
    Gpu("NVIDIA-L40", 44.34, 48, (8, 9), 864),
    Gpu("NVIDIA-L40S", 44.34, 48, (8, 9), 864),
    Gpu("NVIDIA-RTX-6000-Ada-Generation", 47.27, 48, (8, 9), 960),
    Gpu("NVIDIA-H100-PCIe", 79.10, 80, (9, 0), 2039),
    Gpu("NVIDIA-H100-80GB-HBM3", 79.10, 80, (9, 0), 3350),
    Gpu("NVIDIA-H100-NVL", 93.00, 94, (9, 0), 3938),
    Gpu("NVIDIA-H200", 139.72, 141, (9, 0), 4800),
    Gpu("NVIDIA-H200-NVL", 139.72, 141, (9, 0), 4800),
    Gpu("NVIDIA-B200", 178.35, 180, (10, 0), 8000),
    Gpu("AMD_Instinct_MI300X_OAM", 191.69, 192, None, 5300),
)
GPUS = {gpu.name.lower(): gpu for gpu in _GPUS}
"""The products, by their names in lower case."""


@dataclass(frozen=True)
class Target:
    """The GPU that a pool's models have to fit on."""

    name: str
    """What it is called in sentences: its product, or its pool."""
    memory_gib: float
    """Its memory in GiB, as CUDA reports it."""
    gpu: Gpu | None
    """Its product, where that is known."""
    gpus_per_node: int
    """How many of them a node has."""


def target(pool: GpuNodePoolSettings) -> Target | None:
    """The smallest GPU that a pool may give a model. None: nothing is known, or a pod gets but turns on one.

    Who writes 24 for an L4 has read the box, where CUDA sees 22: what the table has of a product is the most that
    it has, and a smaller ``gpuMemoryGib`` is a part of it, such as a MIG slice.
    """
    if pool.time_slicing or pool.accelerator not in {"nvidia", "amd"}:
        return None
    kinds = [(each.gpu_model or pool.gpu_model, each.gpu_memory_gib or pool.gpu_memory_gib) for each in pool.flavors]
    found = [_target(pool, *kind) for kind in kinds or [(pool.gpu_model, pool.gpu_memory_gib)]]
    known = [each for each in found if each]
    return min(known, key=lambda each: each.memory_gib) if len(known) == len(found) else None


def _target(pool: GpuNodePoolSettings, product: str | None, said: float | None) -> Target | None:
    gpu = GPUS.get((product or "").lower())
    name = product or f"GPU of pool {pool.name!r}"
    if pool.mig:
        # A slice has no more than its profile says, and how much less differs.
        return Target(f"{pool.mig.profile} slice of {name}", said, gpu, pool.devices_per_node) if said else None
    if gpu is None:
        return Target(name, said, None, pool.devices_per_node) if said else None
    return Target(name, min(said or gpu.memory_gib, gpu.memory_gib), gpu, pool.devices_per_node)

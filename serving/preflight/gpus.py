"""Whether the GPUs are there that the server needs, with a driver that it can use and memory that is free.

They are asked through NVML, NVIDIA's management library, which answers in milliseconds and
takes no memory on them; torch would do neither.
"""

import math
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from serving.exits import ExitCode
from serving.preflight.finding import Finding, failed, ok, skipped
from serving.settings import ServingSettings

_DEFAULT_UTILIZATION = 0.92
"""vLLM 0.32's own (``vllm/config/cache.py``)."""
_GIB = 2**30
_OTHER_BUILDS = ("cpu", "rocm", "xpu", "tpu", "gaudi", "hpu")
_CUDA_PACKAGES = ("nvidia-cuda-runtime", "nvidia-cuda-runtime-cu12")


@dataclass(frozen=True)
class Gpu:
    """A GPU that the container sees."""

    name: str
    """NVIDIA's product name, such as ``NVIDIA H200``."""
    total_gib: float
    """Its memory."""
    free_gib: float
    """What of it no process has."""


@dataclass(frozen=True)
class Nvidia:
    """What NVML says of this node."""

    driver: str
    """Version of the driver, such as ``580.95.05``."""
    cuda: tuple[int, int]
    """The newest CUDA that the driver knows."""
    gpus: tuple[Gpu, ...]
    """The GPUs that the container sees."""


class NoNvidiaError(Exception):
    """NVML does not answer. Its text says why."""


def gpu_findings(settings: ServingSettings) -> Iterator[Finding]:
    """GPUs, driver and free memory."""
    build = _build()
    if build in _OTHER_BUILDS:
        yield skipped("gpus", f"this vLLM is built for {build}, and only NVIDIA's GPUs are looked at")
        return
    try:
        nvidia = nvml()
    except ImportError:
        yield skipped("gpus", "this image has no pynvml, by which they are looked at")
        return
    except NoNvidiaError as error:
        yield failed(
            "gpus",
            ExitCode.GPUS,
            f"NVIDIA's driver does not answer in this container ({error}), and this vLLM is built for CUDA: check that "
            "the pod asks for GPUs (gpus), that the node has the device plugin, and serving.runtimeClass where "
            "containers get the driver by one",
        )
        return
    yield gpus(settings, nvidia.gpus)
    yield driver(nvidia, _cuda_runtime())
    yield free_memory(settings, nvidia.gpus)


def gpus(settings: ServingSettings, seen: Sequence[Gpu]) -> Finding:
    """Whether there are as many GPUs as the engine has processes, of the kind that was said."""
    needed = needed_gpus(settings)
    shown = f"{len(seen)} ({', '.join(sorted({gpu.name for gpu in seen}))})" if seen else "none"
    if len(seen) < needed:
        return failed(
            "gpus",
            ExitCode.GPUS,
            f"{shown} seen, and the engine is spread over {needed} on this node: give the model that many gpus, or "
            "lower engine.tensorParallelSize, engine.pipelineParallelSize or engine.dataParallelSize",
        )
    wanted = settings.gpu_model
    others = sorted({gpu.name for gpu in seen if wanted is not None and _label(wanted) not in _label(gpu.name)})
    if others:
        return failed(
            "gpus",
            ExitCode.GPUS,
            f"{shown} seen, and '{wanted}' was expected: the model's memory and settings were chosen for that one. "
            "Correct the pool's gpuModel, or its node selector",
        )
    return ok("gpus", shown)


def driver(nvidia: Nvidia, runtime: tuple[int, int] | None) -> Finding:
    """Whether the driver knows the CUDA that vLLM was built with. Within one major version all do."""
    known = f"driver {nvidia.driver} knows CUDA {_dotted(nvidia.cuda)}"
    if runtime is None:
        return skipped("driver", f"{known}, and this image does not say which CUDA it was built with")
    if nvidia.cuda[0] < runtime[0] and not _has_compatibility_libraries():
        return failed(
            "driver",
            ExitCode.DRIVER,
            f"{known}, and this vLLM was built with CUDA {_dotted(runtime)}: take nodes with a newer driver, or an "
            f"image for CUDA {nvidia.cuda[0]} (serving.image)",
        )
    return ok("driver", f"{known}, vLLM was built with {_dotted(runtime)}")


def free_memory(settings: ServingSettings, seen: Sequence[Gpu]) -> Finding:
    """Whether each GPU has free what vLLM is going to take at once."""
    if settings.kv_cache_memory_bytes is not None:
        return skipped("gpu-memory", "the KV cache has a size of its own")
    share = settings.gpu_memory_utilization or _DEFAULT_UTILIZATION
    for number, gpu in enumerate(seen[: needed_gpus(settings)]):
        wanted = share * gpu.total_gib
        if gpu.free_gib < wanted:
            return failed(
                "gpu-memory",
                ExitCode.GPU_MEMORY_TAKEN,
                f"GPU {number} has {gpu.free_gib:.1f} of {gpu.total_gib:.1f} GiB free, and vLLM takes {share:g} of it, "
                f"{wanted:.1f} GiB, at its start: end the process that has the rest, or set "
                f"engine.gpuMemoryUtilization to at most {_floored(gpu.free_gib / gpu.total_gib)}",
            )
    return ok("gpu-memory", ", ".join(f"{gpu.free_gib:.1f} of {gpu.total_gib:.1f} GiB free" for gpu in seen))


def nvml() -> Nvidia:
    """Ask NVML.

    Raises:
        ImportError: where its Python package is missing.
        NoNvidiaError: where the library or the driver is missing.
    """
    # Not at the top: only images for CUDA have it.
    import pynvml

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError as error:
        raise NoNvidiaError(str(error)) from error
    try:
        cuda = pynvml.nvmlSystemGetCudaDriverVersion_v2()
        return Nvidia(
            driver=str(pynvml.nvmlSystemGetDriverVersion()),
            cuda=(cuda // 1000, cuda % 1000 // 10),
            gpus=tuple(_gpu(pynvml, number) for number in range(pynvml.nvmlDeviceGetCount())),
        )
    except pynvml.NVMLError as error:
        raise NoNvidiaError(str(error)) from error
    finally:
        pynvml.nvmlShutdown()


def _gpu(pynvml: Any, number: int) -> Gpu:
    handle = pynvml.nvmlDeviceGetHandleByIndex(number)
    memory = pynvml.nvmlDeviceGetMemoryInfo(handle)
    return Gpu(str(pynvml.nvmlDeviceGetName(handle)), memory.total / _GIB, memory.free / _GIB)


def needed_gpus(settings: ServingSettings) -> int:
    """GPUs that the server uses on this node."""
    sizes = (settings.tensor_parallel_size, settings.pipeline_parallel_size, settings.data_parallel_size)
    return max(1, math.prod(size or 1 for size in sizes) // (settings.nnodes or 1))


def _build() -> str:
    """What vLLM was built for, as its version says it: ``cpu``, ``rocm``, ``cu130``, or nothing."""
    for package in ("vllm", "torch"):
        try:
            suffix = version(package).partition("+")[2]
        except PackageNotFoundError:
            continue
        found = next((build for build in _OTHER_BUILDS if build in suffix), "")
        if found:
            return found
    return ""


def _cuda_runtime() -> tuple[int, int] | None:
    for package in _CUDA_PACKAGES:
        try:
            major, minor = version(package).split(".")[:2]
        except PackageNotFoundError:
            continue
        return int(major), int(minor)
    return None


def _has_compatibility_libraries() -> bool:
    """Whether CUDA's own newer user-mode driver is in use, with which an older kernel driver will do."""
    enabled = os.environ.get("VLLM_ENABLE_CUDA_COMPATIBILITY", "") in ("1", "true")
    return enabled or "compat" in os.environ.get("LD_LIBRARY_PATH", "")


def _label(name: str) -> str:
    """A product name as labels of nodes write it, in small letters."""
    return name.replace(" ", "-").lower()


def _dotted(version: tuple[int, int]) -> str:
    return f"{version[0]}.{version[1]}"


def _floored(share: float) -> str:
    return f"{int(share * 100) / 100:g}"

"""Whether the container has the shared memory, the port, the token and the disk that the server needs."""

import os
import shutil
import socket
from pathlib import Path

from serving.exits import ExitCode
from serving.preflight.finding import Finding, failed, ok, skipped
from serving.preflight.gpus import needed_gpus
from serving.settings import ServingSettings

SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - no file is made there
"""Where processes of one engine meet."""

_GIB = 2**30
_SHARED_GIB_FOR_EACH_GPU = 0.25
"""What NCCL and vLLM's own messages between the workers of one engine take of it."""


def shared_memory(settings: ServingSettings, folder: Path = SHARED_MEMORY) -> Finding:
    """Whether the workers of several GPUs have room to exchange what they share."""
    workers = needed_gpus(settings)
    try:
        free = shutil.disk_usage(folder).free / _GIB
    except OSError as error:
        return skipped("shared-memory", f"{folder} does not say its size ({error.strerror})")
    wanted = workers * _SHARED_GIB_FOR_EACH_GPU
    if workers > 1 and free < wanted:
        return failed(
            "shared-memory",
            ExitCode.SHARED_MEMORY,
            f"{folder} has {free:.2f} GiB free, and {workers} GPUs of one engine exchange data there, for which they "
            f"need {wanted:g} GiB: set the model's sharedMemory to at least {wanted + 1:g}Gi",
        )
    return ok("shared-memory", f"{free:.2f} GiB free")


def port(settings: ServingSettings) -> Finding:
    """Whether nobody else listens where the server is going to."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as tried:
        # As vLLM does it: connections that were closed a moment ago are no obstacle.
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind((settings.host, settings.port))
        except OSError as error:
            return failed(
                "port",
                ExitCode.PORT,
                f"{settings.host}:{settings.port} cannot be listened on ({error.strerror}): end what has the port, or "
                "set MODELYARD_HOST and MODELYARD_PORT to an address of this container and a free port",
            )
    return ok("port", f"{settings.host}:{settings.port} is free")


def token(settings: ServingSettings) -> Finding:
    """Whether there is a token of Hugging Face, where the settings say that the weights need one."""
    if not settings.token_required:
        return skipped("token", "the weights are not said to need one")
    if os.environ.get("HF_TOKEN") or _token_file().is_file():
        return ok("token", "there is one")
    return failed(
        "token",
        ExitCode.TOKEN,
        f"there is no HF_TOKEN and no {_token_file()}, and {settings.model} is only given to who has accepted its "
        "terms: put a token of an account that has into the Secret that HF_TOKEN comes from",
    )


def disk(settings: ServingSettings) -> Finding:
    """Whether weights that are yet to be fetched will fit."""
    if Path(settings.model).exists():
        return skipped("disk", "the weights are here already")
    if settings.weights_cache is not None:
        return skipped("disk", "who fetches the weights sees to it, and knows their size")
    if settings.weights_gib is None:
        return skipped("disk", "the size of the weights is not said")
    cache = _cache()
    have = _size(cache / f"models--{settings.model.replace('/', '--')}" / "blobs") / _GIB
    free = shutil.disk_usage(_existing(cache)).free / _GIB
    missing = max(0.0, settings.weights_gib - have)
    if free < missing:
        return failed(
            "disk",
            ExitCode.DISK,
            f"{cache} has {free:.1f} GiB free, and {missing:.1f} GiB of {settings.model} are yet to be fetched: give "
            "the weights a larger volume, or remove other models from it",
        )
    return ok("disk", f"{free:.1f} GiB free for {missing:.1f} GiB")


def _home() -> Path:
    return Path(os.environ.get("HF_HOME") or Path.home() / ".cache" / "huggingface")


def _token_file() -> Path:
    return Path(os.environ.get("HF_TOKEN_PATH") or _home() / "token")


def _cache() -> Path:
    return Path(os.environ.get("HF_HUB_CACHE") or _home() / "hub")


def _size(folder: Path) -> int:
    try:
        return sum(file.stat().st_size for file in folder.iterdir())
    except FileNotFoundError:
        return 0


def _existing(folder: Path) -> Path:
    while not folder.exists():
        folder = folder.parent
    return folder

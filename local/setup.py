"""Everything that `make demo` needs, as steps."""

import os
import platform
import shutil
from pathlib import Path

from local import chat_model, images, toolchain, vllm_environment
from local.errors import LocalError
from local.fingerprint import fingerprint
from local.paths import CHECKOUT, Paths
from local.plugins.launchers import LAUNCHERS, link_plugins, write_launchers
from local.shared_steps import AGAIN, GO_REMEDY, debian_packages, image_step, monitoring_definitions, static_image_step
from local.steps import Reporter, Step, is_done, run_steps


def prepare(paths: Paths, reporter: Reporter) -> None:
    """Make what is not there yet.

    Raises:
        LocalError: when this machine cannot do it, or a step failed.
    """
    check_machine()
    wanted = steps(paths)
    check_disk(paths, wanted)
    if any(not is_done(step, paths) for step in wanted if step.name in _GO_STEPS):
        toolchain.check_go()
    run_steps(wanted, paths, reporter)


def check_machine() -> None:
    """Refuse a machine that the embedded cluster cannot run on.

    Raises:
        LocalError: when it is no Linux on x86-64, or the user is not root.
    """
    if platform.system() != "Linux" or platform.machine() != "x86_64":
        raise LocalError(
            f"This is {platform.system()} on {platform.machine()}, and the embedded cluster is made of Linux "
            "namespaces and x86-64 programs.",
            "Run it on an x86-64 Linux machine, or put the stack on a cluster of your own with "
            "`cluster: {kind: existing}` and `make up STACK=...`.",
        )
    if os.geteuid() != 0:
        raise LocalError(
            "The embedded cluster makes namespaces, mounts and network links, which takes root, and this user "
            f"has the ID {os.geteuid()}.",
            "Run the same command as root, for example with `sudo -E make ...`.",
        )


def check_disk(paths: Paths, wanted: list[Step]) -> None:
    """Refuse to begin downloads that the disk cannot hold.

    Raises:
        LocalError: naming what is needed and what is free, in GiB.
    """
    needed = sum(step.disk_gib for step in wanted if not is_done(step, paths))
    paths.home.mkdir(parents=True, exist_ok=True)
    # Go and uv keep what they download and compile under the user's home.
    for folder in (paths.home, Path.home()):
        free = shutil.disk_usage(folder).free / 2**30
        if free < needed:
            raise LocalError(
                f"{folder} has {free:.1f} GiB free, and what is still to be made needs {needed:.1f} GiB.",
                "Free some disk, or set MODELYARD_HOME, GOPATH, GOCACHE and UV_CACHE_DIR to folders on a larger one.",
            )


def steps(paths: Paths) -> list[Step]:
    """The steps of the setup, those first that others wait for."""
    made = [*debian_packages(), *_kubernetes(paths), *monitoring_definitions(paths), *_serving(paths), *_images(paths)]
    if toolchain.installed_pulumi(paths.bin) is None:
        made += _pulumi(paths)
    return made


_GO_STEPS = ("Kubernetes programs", "Monitoring definitions", "Pulumi CLI", "Pulumi Kubernetes provider")


def _uv(paths: Paths) -> Path:
    return Path(shutil.which("uv") or paths.home / "uv" / "bin" / "uv")


def _kubernetes(paths: Paths) -> list[Step]:
    return [
        Step(
            name="Kubernetes programs",
            fingerprint=toolchain.kubernetes_fingerprint,
            run=lambda log: toolchain.build_kubernetes(paths.bin, log),
            made=tuple(paths.bin / name for name in (*toolchain.COMPONENTS, "coredns", "pause")),
            remedy=GO_REMEDY,
            disk_gib=4,
        ),
    ]


def _pulumi(paths: Paths) -> list[Step]:
    # One after the other: they share packages, and two linkers at once take more memory than time.
    return [
        Step(
            name="Pulumi CLI",
            fingerprint=toolchain.pulumi_fingerprint,
            run=lambda log: toolchain.build_pulumi(paths.bin, log),
            made=(paths.bin / "pulumi",),
            remedy=GO_REMEDY,
            after=("Kubernetes programs",),
            disk_gib=2,
        ),
        Step(
            name="Pulumi Kubernetes provider",
            fingerprint=toolchain.kubernetes_fingerprint,
            run=lambda log: toolchain.build_kubernetes_provider(paths.bin, log),
            made=(paths.bin / "pulumi-resource-kubernetes",),
            remedy=GO_REMEDY,
            after=("Pulumi CLI",),
            disk_gib=2,
        ),
        Step(
            name="Pulumi plugins",
            fingerprint=lambda: fingerprint(
                str(CHECKOUT), CHECKOUT / "uv.lock", CHECKOUT / "local" / "plugins" / "launchers.py"
            ),
            run=lambda _: _install_plugins(paths),
            made=tuple(paths.bin / name for name in LAUNCHERS),
            remedy=AGAIN,
            after=("Pulumi Kubernetes provider",),
        ),
    ]


def _install_plugins(paths: Paths) -> None:
    write_launchers(paths.bin, CHECKOUT / ".venv" / "bin" / "python", CHECKOUT)
    link_plugins(paths.pulumi_home, paths.bin, ("kubernetes", "random"))


def _serving(paths: Paths) -> list[Step]:
    model = paths.models / chat_model.NAME
    return [
        Step(
            name="vLLM environment",
            fingerprint=vllm_environment.fingerprint,
            run=lambda log: vllm_environment.make_vllm_environment(paths.vllm, _uv(paths), log),
            made=(paths.vllm / "bin" / "python",),
            remedy=AGAIN,
            after=("Debian packages",),
            disk_gib=12,
        ),
        Step(
            name="Chat model",
            fingerprint=chat_model.fingerprint,
            run=lambda log: chat_model.make_chat_model(model, paths.vllm / "bin" / "python", log),
            made=(model / "config.json",),
            remedy=AGAIN,
            after=("vLLM environment",),
            disk_gib=1,
        ),
    ]


def _images(paths: Paths) -> list[Step]:
    base = paths.images / "base.tar"
    return [
        image_step("base", images.base_fingerprint, images.make_base, paths, after=("Debian packages",)),
        image_step(
            "envoy",
            images.envoy_fingerprint,
            lambda archive, log: images.make_envoy(base, archive, log),
            paths,
            after=("Image base",),
        ),
        image_step(
            "serving-cpu",
            images.serving_cpu_fingerprint,
            lambda archive, log: images.make_serving_cpu(base, archive, log),
            paths,
            after=("Image base",),
        ),
        static_image_step("pause", images.make_pause, paths),
        static_image_step("coredns", images.make_coredns, paths),
    ]

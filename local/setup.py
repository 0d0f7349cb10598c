"""Everything that `make demo` needs, as steps."""

import os
import platform
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import IO

from local import chat_model, debian, images, toolchain, vllm_environment
from local.enforcement import image as enforcement_image
from local.errors import LocalError
from local.fingerprint import fingerprint
from local.monitoring.images import VERSIONS, image_fingerprint, make_image
from local.paths import CHECKOUT, Paths
from local.plugins.launchers import LAUNCHERS, link_plugins, write_launchers
from local.steps import Reporter, Step, is_done, run_steps

_GO_REMEDY = (
    "Read the end of the log. `go clean -modcache -cache` starts over with an empty cache; then run the same "
    "command again."
)
_AGAIN = "Read the end of the log, correct what it names, and run the same command again: it goes on from here."


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
    made = [*_base(paths), *_kubernetes(paths), *_definitions(paths), *_serving(paths), *_images(paths)]
    if toolchain.installed_pulumi(paths.bin) is None:
        made += _pulumi(paths)
    return made


_GO_STEPS = ("Kubernetes programs", "Monitoring definitions", "Pulumi CLI", "Pulumi Kubernetes provider")


def prepare_simulation(paths: Paths, reporter: Reporter) -> None:
    """Make what plays nodes, which tests need and the demo doesn't.

    Raises:
        LocalError: when it cannot be built.
    """
    step = Step(
        name="Simulated nodes",
        fingerprint=toolchain.kwok_fingerprint,
        run=lambda log: toolchain.build_kwok(paths.bin, paths.kwok_stages, log),
        made=(paths.bin / "kwok", paths.kwok_stages),
        remedy=_GO_REMEDY,
        disk_gib=1,
    )
    run_steps([step], paths, reporter)


def prepare_pulumi_yaml(paths: Paths, reporter: Reporter) -> None:
    """Make what runs Pulumi programs in YAML, which tests need and the demo doesn't.

    Raises:
        LocalError: when it cannot be built.
    """
    step = Step(
        name="Pulumi for YAML",
        fingerprint=toolchain.pulumi_yaml_fingerprint,
        run=lambda log: toolchain.build_pulumi_yaml(paths.bin, log),
        made=(paths.bin / toolchain.YAML_HOST,),
        remedy=_GO_REMEDY,
        disk_gib=1,
    )
    run_steps([step], paths, reporter)


def prepare_prometheus(paths: Paths, reporter: Reporter) -> None:
    """Make a Prometheus, what checks its rules, and its operator's definitions: tests need them, the demo does not.

    Raises:
        LocalError: when it cannot be built.
    """
    run_steps([*_definitions(paths), *_prometheus(paths)], paths, reporter)


def prepare_monitoring(paths: Paths, reporter: Reporter) -> None:
    """Make what the embedded cluster is monitored with: a Prometheus with its operator, and their images.

    Raises:
        LocalError: when it cannot be made.
    """
    programs = (*_prometheus(paths), *_operator(paths))
    run_steps([*_base(paths), *programs, *_monitoring_images(paths)], paths, reporter)


def prepare_enforcement(paths: Paths, reporter: Reporter) -> None:
    """Make what enforces NetworkPolicies on the embedded cluster, which a test needs and the demo doesn't.

    Raises:
        LocalError: when it cannot be made.
    """
    program = Step(
        name="Enforcement of NetworkPolicies",
        fingerprint=toolchain.network_policies_fingerprint,
        run=lambda log: toolchain.build_network_policies(paths.bin, log),
        made=(paths.bin / enforcement_image.PROGRAM,),
        remedy=_GO_REMEDY,
        disk_gib=1,
    )
    image = _static_image(
        enforcement_image.PROGRAM,
        enforcement_image.make_image,
        paths,
        inputs=enforcement_image.image_fingerprint,
        built_by=program.name,
    )
    run_steps([*_base(paths), program, image], paths, reporter)


def prepare_browser(paths: Paths, reporter: Reporter) -> None:
    """Make what tests look at pages with, which the demo doesn't need.

    Raises:
        LocalError: when it cannot be had.
    """
    step = Step(
        name="Browser",
        fingerprint=lambda: fingerprint(*debian.BROWSER),
        run=lambda log: debian.install_packages(log, debian.BROWSER),
        made=(debian.CHROMIUM, debian.CHROMEDRIVER),
        remedy="Read the end of the log. `apt-get install chromium chromium-driver`, as root, installs it by hand.",
        disk_gib=1,
    )
    run_steps([step], paths, reporter)


def prepare_compiler(paths: Paths, reporter: Reporter) -> None:
    """Make a small C compiler, which some tests need and the demo doesn't.

    Raises:
        LocalError: when it cannot be had.
    """
    step = Step(
        name="C compiler",
        fingerprint=lambda: fingerprint(*debian.COMPILER),
        run=lambda log: debian.install_packages(log, debian.COMPILER),
        made=(debian.TCC,),
        remedy="Read the end of the log. `apt-get install tcc`, as root, installs it by hand.",
        disk_gib=1,
    )
    run_steps([step], paths, reporter)


def _uv(paths: Paths) -> Path:
    return Path(shutil.which("uv") or paths.home / "uv" / "bin" / "uv")


def _base(paths: Paths) -> list[Step]:
    return [
        Step(
            name="Debian packages",
            fingerprint=lambda: fingerprint(*debian.PACKAGES, repr(debian.missing_packages())),
            run=debian.install_packages,
            made=(),
            remedy=_AGAIN,
        )
    ]


def _kubernetes(paths: Paths) -> list[Step]:
    return [
        Step(
            name="Kubernetes programs",
            fingerprint=toolchain.kubernetes_fingerprint,
            run=lambda log: toolchain.build_kubernetes(paths.bin, log),
            made=tuple(paths.bin / name for name in (*toolchain.COMPONENTS, "coredns", "pause")),
            remedy=_GO_REMEDY,
            disk_gib=4,
        ),
    ]


def _definitions(paths: Paths) -> list[Step]:
    return [
        Step(
            name="Monitoring definitions",
            fingerprint=toolchain.operator_fingerprint,
            run=lambda log: toolchain.copy_definitions(toolchain.DEFINITIONS, paths.monitoring_crds, log),
            made=(paths.monitoring_crds,),
            remedy=_GO_REMEDY,
        ),
    ]


def _prometheus(paths: Paths) -> list[Step]:
    return [
        Step(
            name="Prometheus",
            fingerprint=toolchain.prometheus_fingerprint,
            run=lambda log: toolchain.build_prometheus(paths.bin, log),
            made=(paths.bin / "prometheus", paths.bin / "promtool"),
            remedy=_GO_REMEDY,
            disk_gib=3,
        )
    ]


def _operator(paths: Paths) -> list[Step]:
    def make(log: IO[str]) -> None:
        toolchain.copy_definitions(toolchain.OWN_DEFINITIONS, paths.prometheus_crds, log)
        toolchain.build_prometheus_operator(paths.bin, log)

    return [
        Step(
            name="Prometheus operator",
            fingerprint=toolchain.operator_fingerprint,
            run=make,
            made=(paths.bin / "prometheus-operator", paths.bin / toolchain.RELOADER, paths.prometheus_crds),
            remedy=_GO_REMEDY,
            after=("Prometheus",),
            disk_gib=2,
        )
    ]


def _pulumi(paths: Paths) -> list[Step]:
    # One after the other: they share packages, and two linkers at once take more memory than time.
    return [
        Step(
            name="Pulumi CLI",
            fingerprint=toolchain.pulumi_fingerprint,
            run=lambda log: toolchain.build_pulumi(paths.bin, log),
            made=(paths.bin / "pulumi",),
            remedy=_GO_REMEDY,
            after=("Kubernetes programs",),
            disk_gib=2,
        ),
        Step(
            name="Pulumi Kubernetes provider",
            fingerprint=toolchain.kubernetes_fingerprint,
            run=lambda log: toolchain.build_kubernetes_provider(paths.bin, log),
            made=(paths.bin / "pulumi-resource-kubernetes",),
            remedy=_GO_REMEDY,
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
            remedy=_AGAIN,
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
            remedy=_AGAIN,
            after=("Debian packages",),
            disk_gib=12,
        ),
        Step(
            name="Chat model",
            fingerprint=chat_model.fingerprint,
            run=lambda log: chat_model.make_chat_model(model, paths.vllm / "bin" / "python", log),
            made=(model / "config.json",),
            remedy=_AGAIN,
            after=("vLLM environment",),
            disk_gib=1,
        ),
    ]


def _images(paths: Paths) -> list[Step]:
    base = paths.images / "base.tar"
    return [
        _image("base", images.base_fingerprint, images.make_base, paths, after=("Debian packages",)),
        _image(
            "envoy",
            images.envoy_fingerprint,
            lambda archive, log: images.make_envoy(base, archive, log),
            paths,
            after=("Image base",),
        ),
        _image(
            "serving-cpu",
            images.serving_cpu_fingerprint,
            lambda archive, log: images.make_serving_cpu(base, archive, log),
            paths,
            after=("Image base",),
        ),
        _static_image("pause", images.make_pause, paths),
        _static_image("coredns", images.make_coredns, paths),
    ]


def _monitoring_images(paths: Paths) -> list[Step]:
    return [
        _static_image(name, make_image, paths, inputs=image_fingerprint, built_by="Prometheus operator")
        for name in VERSIONS
    ]


def _static_image(
    program: str,
    make: Callable[[Path, Path, IO[str]], None],
    paths: Paths,
    *,
    inputs: Callable[[Path], str] = images.program_fingerprint,
    built_by: str = "Kubernetes programs",
) -> Step:
    binary = paths.bin / program
    return _image(
        program,
        lambda: inputs(binary),
        lambda archive, log: make(binary, archive, log),
        paths,
        after=("Debian packages", built_by),
    )


def _image(
    name: str,
    inputs: Callable[[], str],
    make: Callable[[Path, IO[str]], None],
    paths: Paths,
    *,
    after: tuple[str, ...],
) -> Step:
    archive = paths.images / f"{name}.tar"
    return Step(
        name=f"Image {name}",
        fingerprint=inputs,
        run=lambda log: make(archive, log),
        made=(archive,),
        remedy=_AGAIN,
        after=after,
    )

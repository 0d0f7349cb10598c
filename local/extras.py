"""What the demo does without: tests and dashboards have it made when they need it."""

from pathlib import Path
from typing import IO

from local import debian, toolchain
from local.enforcement import image as enforcement_image
from local.fingerprint import fingerprint
from local.monitoring.images import VERSIONS, image_fingerprint, make_image
from local.paths import Paths
from local.shared_steps import GO_REMEDY, debian_packages, monitoring_definitions, static_image_step
from local.steps import Reporter, Step, run_steps


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
        remedy=GO_REMEDY,
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
        remedy=GO_REMEDY,
        disk_gib=1,
    )
    run_steps([step], paths, reporter)


def prepare_prometheus(paths: Paths, reporter: Reporter) -> None:
    """Make a Prometheus, what checks its rules, and its operator's definitions: tests need them, the demo does not.

    Raises:
        LocalError: when it cannot be built.
    """
    run_steps([*monitoring_definitions(paths), *_prometheus(paths)], paths, reporter)


def prepare_monitoring(paths: Paths, reporter: Reporter) -> None:
    """Make what the embedded cluster is monitored with: a Prometheus with its operator, and their images.

    Raises:
        LocalError: when it cannot be made.
    """
    programs = (*_prometheus(paths), *_operator(paths))
    run_steps([*debian_packages(), *programs, *_monitoring_images(paths)], paths, reporter)


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
        remedy=GO_REMEDY,
        disk_gib=1,
    )
    image = static_image_step(
        enforcement_image.PROGRAM,
        enforcement_image.make_image,
        paths,
        inputs=enforcement_image.image_fingerprint,
        built_by=program.name,
    )
    run_steps([*debian_packages(), program, image], paths, reporter)


def prepare_browser(paths: Paths, reporter: Reporter) -> None:
    """Make what tests look at pages with, which the demo doesn't need.

    Raises:
        LocalError: when it cannot be had.
    """
    step = _debian("Browser", debian.BROWSER, debian.CHROMIUM, debian.CHROMEDRIVER)
    run_steps([step], paths, reporter)


def prepare_compiler(paths: Paths, reporter: Reporter) -> None:
    """Make a small C compiler, which some tests need and the demo doesn't.

    Raises:
        LocalError: when it cannot be had.
    """
    run_steps([_debian("C compiler", debian.COMPILER, debian.TCC)], paths, reporter)


def _debian(name: str, packages: tuple[str, ...], *made: Path) -> Step:
    return Step(
        name=name,
        fingerprint=lambda: fingerprint(*packages),
        run=lambda log: debian.install_packages(log, packages),
        made=made,
        remedy=f"Read the end of the log. `apt-get install {' '.join(packages)}`, as root, installs it by hand.",
        disk_gib=1,
    )


def _prometheus(paths: Paths) -> list[Step]:
    return [
        Step(
            name="Prometheus",
            fingerprint=toolchain.prometheus_fingerprint,
            run=lambda log: toolchain.build_prometheus(paths.bin, log),
            made=(paths.bin / "prometheus", paths.bin / "promtool"),
            remedy=GO_REMEDY,
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
            remedy=GO_REMEDY,
            after=("Prometheus",),
            disk_gib=2,
        )
    ]


def _monitoring_images(paths: Paths) -> list[Step]:
    return [
        static_image_step(name, make_image, paths, inputs=image_fingerprint, built_by="Prometheus operator")
        for name in VERSIONS
    ]

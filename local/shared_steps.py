"""Steps that more than one setup has."""

from collections.abc import Callable
from pathlib import Path
from typing import IO

from local import debian, images, toolchain
from local.fingerprint import fingerprint
from local.paths import Paths
from local.steps import Step

GO_REMEDY = (
    "Read the end of the log. `go clean -modcache -cache` starts over with an empty cache; then run the same "
    "command again."
)
AGAIN = "Read the end of the log, correct what it names, and run the same command again: it goes on from here."


def debian_packages() -> list[Step]:
    """The Debian packages that programs here need."""
    return [
        Step(
            name="Debian packages",
            fingerprint=lambda: fingerprint(*debian.PACKAGES, repr(debian.missing_packages())),
            run=debian.install_packages,
            made=(),
            remedy=AGAIN,
        )
    ]


def monitoring_definitions(paths: Paths) -> list[Step]:
    """The definitions of monitors and rules, which stacks make objects of."""
    return [
        Step(
            name="Monitoring definitions",
            fingerprint=toolchain.operator_fingerprint,
            run=lambda log: toolchain.copy_definitions(toolchain.DEFINITIONS, paths.monitoring_crds, log),
            made=(paths.monitoring_crds,),
            remedy=GO_REMEDY,
        ),
    ]


def static_image_step(
    program: str,
    make: Callable[[Path, Path, IO[str]], None],
    paths: Paths,
    *,
    inputs: Callable[[Path], str] = images.program_fingerprint,
    built_by: str = "Kubernetes programs",
) -> Step:
    """The image of one program that was built for it and needs nothing beside itself.

    Args:
        program: its name, in ``paths.bin``.
        make: writes the image of a program to an archive.
        paths: where everything is.
        inputs: the fingerprint of what the image is made from.
        built_by: the step that builds the program.
    """
    binary = paths.bin / program
    return image_step(
        program,
        lambda: inputs(binary),
        lambda archive, log: make(binary, archive, log),
        paths,
        after=("Debian packages", built_by),
    )


def image_step(
    name: str,
    inputs: Callable[[], str],
    make: Callable[[Path, IO[str]], None],
    paths: Paths,
    *,
    after: tuple[str, ...],
) -> Step:
    """An image of the embedded cluster.

    Args:
        name: the archive's name, without its ending.
        inputs: the fingerprint of what it is made from.
        make: writes it to an archive.
        paths: where everything is.
        after: the steps that make what it is made from.
    """
    archive = paths.images / f"{name}.tar"
    return Step(
        name=f"Image {name}",
        fingerprint=inputs,
        run=lambda log: make(archive, log),
        made=(archive,),
        remedy=AGAIN,
        after=after,
    )

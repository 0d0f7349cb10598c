"""Images of what the cluster is monitored with: one static program each, and nothing else."""

from pathlib import Path
from typing import IO

from local import image_build
from local.fingerprint import fingerprint
from local.image_build import Recipe, build_image
from local.images import REGISTRY

VERSIONS = {
    "prometheus": "3.15.0",
    "prometheus-config-reloader": "0.85.0",
    "prometheus-operator": "0.85.0",
}
"""The programs, and their releases: of Prometheus, release 3.15.0 is the Go module's v0.315.0."""


def image_fingerprint(binary: Path) -> str:
    """Hash of what the image of a program is made from."""
    return fingerprint(binary, Path(__file__), Path(image_build.__file__))


def make_image(binary: Path, archive: Path, log: IO[str]) -> None:
    """Make the image of a program, which has the program's name."""
    name = binary.name
    recipe = Recipe(
        reference=f"{REGISTRY}/{name}:{VERSIONS[name]}",
        files={f"/bin/{name}": binary},
        entrypoint=(f"/bin/{name}",),
        user="65534:65534",
    )
    build_image(recipe, archive, log)

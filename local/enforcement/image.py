"""The image of kube-network-policies: one static program, and nothing else."""

from pathlib import Path
from typing import IO

from local import image_build
from local.fingerprint import fingerprint
from local.image_build import Recipe, build_image
from local.images import REGISTRY

PROGRAM = "kube-network-policies"
VERSION = "0.8.0"


def image_fingerprint(binary: Path) -> str:
    """Hash of what the image is made from."""
    return fingerprint(binary, Path(__file__), Path(image_build.__file__))


def make_image(binary: Path, archive: Path, log: IO[str]) -> None:
    """Make the image."""
    recipe = Recipe(
        reference=f"{REGISTRY}/{PROGRAM}:{VERSION}",
        files={f"/bin/{PROGRAM}": binary},
        entrypoint=(f"/bin/{PROGRAM}",),
    )
    build_image(recipe, archive, log)

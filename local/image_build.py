"""Building a container image as an OCI archive, with buildah, from files alone: nothing is run in it."""

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from local.shell import run_logged


@dataclass(frozen=True)
class Recipe:
    """What an image is made of."""

    reference: str
    """Name and tag, such as ``modelyard.local/pause:1``."""
    files: Mapping[str, Path]
    """Files, folders and unpacked tar archives by their path in the image."""
    base: Path | None = None
    """OCI archive of the image below, or None for an empty one."""
    entrypoint: tuple[str, ...] = ()
    """What a container runs."""
    user: str = "0"
    """The user a container runs as, unless its pod says another."""
    env: Mapping[str, str] = field(default_factory=dict)
    """Environment of a container."""


def build_image(recipe: Recipe, archive: Path, log: IO[str]) -> None:
    """Write the image to ``archive``, which is either the whole of it or what was there before.

    Buildah's storage lies beside the archive while it builds, and is removed.

    Raises:
        CommandError: when buildah refuses.
    """
    work = archive.with_name(f"{archive.name}.build")
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    try:
        for command in _commands(recipe, work):
            run_logged(command, log)
        (work / "image.tar").replace(archive)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _commands(recipe: Recipe, work: Path) -> list[list[str]]:
    # vfs and no `buildah run`: works without mounts, so inside other containers too.
    storage = ["--storage-driver", "vfs", "--root", str(work / "storage"), "--runroot", str(work / "run")]
    buildah = ["buildah", *storage]
    source = f"oci-archive:{recipe.base}" if recipe.base else "scratch"
    settings = ["--entrypoint", json.dumps(recipe.entrypoint), "--cmd", "", "--user", recipe.user]
    for name, value in recipe.env.items():
        settings += ["--env", f"{name}={value}"]
    # A fixed time: the same files give the same layer.
    commit = ["commit", "--quiet", "--timestamp", "0", "--disable-compression"]
    return [
        [*buildah, "from", "--quiet", "--name", "image", source],
        *(
            [*buildah, "add", "--quiet", "--chown", "0:0", "image", str(path), target]
            for target, path in recipe.files.items()
        ),
        [*buildah, "config", *settings, "image"],
        [*buildah, *commit, "image", f"oci-archive:{work / 'image.tar'}:{recipe.reference}"],
    ]

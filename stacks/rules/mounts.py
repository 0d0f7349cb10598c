"""Rules about folders of the node in the models' containers."""

from collections.abc import Iterator
from posixpath import normpath
from typing import TYPE_CHECKING

from stacks.rules.rule import Rule, repeats

if TYPE_CHECKING:
    from stacks.settings import StackSettings

WEIGHTS = "/models"
"""Path in a model's container for a claim or an image with its weights."""

CONTAINER_PATHS = ("/cache", "/dev/shm", "/extra", WEIGHTS, "/tmp")  # noqa: S108
"""Paths in a model's container that its own volumes take."""


def _host_paths(stack: "StackSettings") -> Iterator[str]:
    mounts = stack.serving.host_paths
    yield from repeats("serving.hostPaths", "name", (mount.name for mount in mounts))
    taken = {path: "every model's container" for path in CONTAINER_PATHS}
    for index, mount in enumerate(mounts):
        folder = normpath(mount.mount_path)
        if folder in taken:
            yield (
                f"modelyard:serving.hostPaths[{index}].mountPath: {mount.mount_path!r} is taken by "
                f"{taken[folder]}, and a path can hold one volume only: write another"
            )
        taken.setdefault(folder, f"modelyard:serving.hostPaths[{index}]")
    for index, model in enumerate(stack.models):
        folder = normpath(model.source.removeprefix("file://"))
        # Where the weights are a folder of the node, nothing else has the place of a claim with weights.
        if folder in taken and folder != WEIGHTS:
            yield (
                f"modelyard:models[{index}].source: {folder!r} is the mount path of {taken[folder]}, and a path "
                "can hold one volume only: move the weights or the other mount"
            )


MOUNT_RULES: tuple[Rule, ...] = (_host_paths,)

"""The container that every model runs in."""

from typing import Literal

from pydantic import Field

from stacks.settings.base import AbsolutePath, Name, Settings


class HostPathMount(Settings):
    """A folder of the node that every model container sees, read-only."""

    name: Name
    """Name of the volume."""
    host_path: AbsolutePath
    """Absolute path on the node."""
    mount_path: AbsolutePath
    """Absolute path in the container."""


class ServingSettings(Settings):
    """The container that every model runs in."""

    image: str = Field(default="docker.io/vllm/vllm-openai:v0.32.0", min_length=1)
    """Image with vLLM."""
    entrypoint: Literal["vllm", "modelyard"] = "vllm"
    """What the container runs: ``vllm serve``, or Modelyard's ``serving`` package, for an image that
    ``serving/Containerfile`` has made."""
    image_pull_policy: Literal["IfNotPresent", "Always", "Never"] = "IfNotPresent"
    """When the node pulls the image."""
    python: str = "python3"
    """The Python that has vLLM, in the container."""
    host_paths: tuple[HostPathMount, ...] = ()
    """Folders of the node to mount, read-only."""
    runtime_class: str | None = None
    """The pods' RuntimeClass, such as ``nvidia``."""

"""GPUs of which a pod gets less than a whole one: slices by MIG, or turns by time slicing."""

from typing import Annotated, Literal

from pydantic import Field

from stacks.settings.base import Form, Settings

MigProfile = Annotated[
    str,
    Form(
        r"^[1-7]g\.[0-9]+gb(\.[a-z.]+)?$",
        "is no MIG profile: write compute slices and memory as nvidia-smi names them, such as 1g.10gb or 3g.40gb",
    ),
]
"""A MIG profile, such as ``1g.10gb``, in the form of labels and resources: ``.me`` stands for ``+me``."""


class MigSettings(Settings):
    """Multi-Instance GPU: each GPU of the pool is cut into equal slices, with memory and compute of their own."""

    profile: MigProfile
    """The profile of every slice."""
    strategy: Literal["single", "mixed"] = "single"
    """Under which resource nodes offer slices. ``single``: ``nvidia.com/gpu``. ``mixed``:
    ``nvidia.com/mig-<profile>``."""


class TimeSlicingSettings(Settings):
    """Time slicing: pods take turns on a GPU, with no memory of their own and nothing that keeps them apart."""

    replicas: int = Field(ge=2)
    """Pods that share a GPU, and how often nodes offer each."""

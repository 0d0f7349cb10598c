"""GPUs of which a pod gets less than a whole one: slices by MIG, or turns by time slicing."""

from typing import Annotated, Literal, Protocol

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

    replicas: int = Field(ge=2, le=128)
    """Pods that share a GPU, and how often nodes offer each."""


CONFIG_LABEL = "nvidia.com/device-plugin.config"
"""Label of a node by which NVIDIA's device plugin chooses its configuration, which has the pool's name."""
MIG_LABEL = "nvidia.com/mig.config"
"""Label of a node by which the GPU operator's MIG manager cuts its GPUs."""


class SharedPool(Protocol):
    """What a node pool says of how its GPUs are shared."""

    @property
    def name(self) -> str:
        """The pool's name."""

    @property
    def mig(self) -> MigSettings | None:
        """Slices that GPUs are cut into."""

    @property
    def time_slicing(self) -> TimeSlicingSettings | None:
        """Turns that pods take on a GPU."""


def node_labels(pool: SharedPool) -> dict[str, str]:
    """The labels that the nodes of a pool must carry for their GPUs to be shared as its settings say."""
    labels = {}
    if pool.mig or pool.time_slicing:
        labels[CONFIG_LABEL] = pool.name
    if pool.mig:
        labels[MIG_LABEL] = f"all-{pool.mig.profile}"
    return labels

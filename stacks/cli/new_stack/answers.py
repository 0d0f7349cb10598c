"""What has to be known of a stack before its file can be written."""

import re
from dataclasses import dataclass
from typing import Literal

from stacks.settings.base import NAME_LIMIT

GatewayKind = Literal["envoy", "higress"]


@dataclass(frozen=True)
class Weights:
    """A model's weights, as a person names them."""

    source: str
    """Where they are, such as ``hf://Qwen/Qwen3-8B``."""
    revision: str | None
    """Commit, tag or branch. None: what the main branch has."""

    @classmethod
    def parse(cls, text: str) -> "Weights":
        """Weights out of ``Qwen/Qwen3-8B``, ``hf://Qwen/Qwen3-8B@commit``, ``pvc://claim/folder`` and the like."""
        place = text if "://" in text else f"hf://{text}"
        # An image's digest and a login stand behind an @, too.
        if not place.startswith(("hf://", "modelscope://")):
            return cls(place, None)
        source, _, revision = place.partition("@")
        return cls(source, revision or None)

    @property
    def model_name(self) -> str:
        """A name for the model, made of the last part of the place."""
        last = self.source.rstrip("/").rpartition("/")[2].partition(":")[0].lower()
        name = re.sub(r"[^a-z0-9]+", "-", last).strip("-")
        name = name if name[:1].isalpha() else f"model-{name}"
        return name[:NAME_LIMIT].strip("-")


@dataclass(frozen=True)
class Answers:
    """What a person says of a new stack."""

    name: str
    """The stack's name."""
    context: str | None
    """The kubeconfig's context. None: its current one."""
    namespace: str
    """The models' namespace."""
    gpu_model: str
    """The GPUs' product name, as the label ``nvidia.com/gpu.product`` has it."""
    gpus_per_node: int
    """GPUs of one node."""
    nodes: int
    """Nodes with such GPUs, in each zone."""
    zones: tuple[str, ...]
    """Zones that the nodes are in, as the label ``topology.kubernetes.io/zone`` has them. None: it makes no difference.
    Otherwise each is a pool, and models that stand in for each other are spread over them."""
    weights: tuple[Weights, ...]
    """The models' weights; the others stand in for each of them, in this order."""
    gateway: GatewayKind
    """The kind of gateway."""
    production: bool
    """Whether people depend on it: revisions pinned, two replicas of each model."""

"""Which nodes GPU software runs on."""

from components.manifests.objects import Manifest
from stacks.settings import StackSettings, Toleration

TAINT = Toleration(key="nvidia.com/gpu", effect="NoSchedule")
"""The taint that nodes with NVIDIA's GPUs have by custom."""


def tolerations(stack: StackSettings) -> list[Manifest]:
    """The taints of all pools with NVIDIA's GPUs, each once.

    Helm puts a list in place of the chart's own, so the customary taint is among them.
    """
    found = [TAINT, *(taint for pool in stack.pools if pool.accelerator == "nvidia" for taint in pool.tolerations)]
    return [taint.model_dump(exclude_none=True) for taint in dict.fromkeys(found)]


def with_working_gpus() -> Manifest:
    """The affinity of pods that need a GPU with its driver: nodes that GPU feature discovery has labelled."""
    product = {"matchExpressions": [{"key": "nvidia.com/gpu.product", "operator": "Exists"}]}
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [product]}}}

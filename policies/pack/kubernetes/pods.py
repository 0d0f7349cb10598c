"""Pods, whatever object makes them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pulumi_policy.proxy import UnknownValueError

from policies.pack.resource import Resource
from policies.pack.rule import View
from policies.pack.values import Properties, amount, at, items, mapping, text

TEMPLATES: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "Pod": ((),),
    "CronJob": (("spec", "jobTemplate", "spec", "template"),),
    **dict.fromkeys(
        ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController", "Job", "Rollout"),
        (("spec", "template"),),
    ),
    "LeaderWorkerSet": (
        ("spec", "leaderWorkerTemplate", "leaderTemplate"),
        ("spec", "leaderWorkerTemplate", "workerTemplate"),
    ),
    "Service": (
        # llmaz's, not Kubernetes' own.
        ("spec", "workloadTemplate", "leaderTemplate"),
        ("spec", "workloadTemplate", "workerTemplate"),
    ),
}
"""Where the templates of pods stand, by the kind of the object."""

SHORT_LIVED = ("Job", "CronJob")
"""Kinds whose pods end by themselves."""

GPU_RESOURCES = ("nvidia.com/", "amd.com/", "gpu.intel.com/", "habana.ai/", "google.com/tpu", "aliyun.com/gpu")
"""What the names of resources begin with that are accelerators."""
NO_GPUS = ("nvidia.com/gpumem", "nvidia.com/gpucores", "nvidia.com/hostdev", "amd.com/smi")
"""Resources of the same vendors that are none."""


@dataclass(frozen=True)
class Pod:
    """A template of pods."""

    resource: Resource
    """The object that makes them."""
    path: tuple[str, ...]
    """Where it stands in the object."""
    metadata: Properties
    spec: Properties

    @property
    def labels(self) -> Properties:
        """The labels of the pods."""
        return mapping(self.metadata, "labels")

    @property
    def containers(self) -> list["Container"]:
        """The containers that run as long as the pod does, sidecars among the ``initContainers`` included."""
        sidecars = [each for each in items(self.spec, "initContainers") if text(each, "restartPolicy") == "Always"]
        return [Container(self, each) for each in (*items(self.spec, "containers"), *sidecars)]

    @property
    def all_containers(self) -> list["Container"]:
        """These, those that run before them, and those that somebody puts into a running pod."""
        kinds = ("containers", "initContainers", "ephemeralContainers")
        return [Container(self, each) for kind in kinds for each in items(self.spec, kind)]

    @property
    def gpus(self) -> float:
        """GPUs of one pod."""
        return sum(sum(container.gpus.values()) for container in self.containers)

    @property
    def ends(self) -> bool:
        """Whether it ends by itself."""
        is_once = self.resource.kind == "Pod" and text(self.spec, "restartPolicy") in ("Never", "OnFailure")
        return is_once or self.resource.kind in SHORT_LIVED

    @property
    def is_worker(self) -> bool:
        """Whether it takes work from a leader, and answers nobody itself."""
        leader = at(self.resource.props, *self.path[:-1], "leaderTemplate")
        return self.path[-1:] == ("workerTemplate",) and bool(leader)


@dataclass(frozen=True)
class Container:
    """A container of a pod."""

    pod: Pod
    spec: Properties

    @property
    def name(self) -> str:
        """Its name, quoted as messages have it."""
        return f"container {text(self.spec, 'name')!r}"

    @property
    def gpus(self) -> dict[str, float]:
        """The GPUs that it may use, by the names of the resources."""
        limits = mapping(self.spec, "resources", "limits") or mapping(self.spec, "resources", "requests")
        return gpus(limits)


def gpus(quantities: Properties) -> dict[str, float]:
    """The accelerators among quantities of resources."""
    found = {name: amount(quantities[name]) or 0 for name in quantities if is_gpu(name)}
    return {name: count for name, count in found.items() if count}


def is_gpu(name: str) -> bool:
    """Whether a resource of that name is an accelerator."""
    return name.startswith(GPU_RESOURCES) and not name.startswith(NO_GPUS)


def pods_of(resource: Resource) -> Iterator[Pod]:
    """The pods that an object makes."""
    for path in TEMPLATES.get(resource.kind, ()):
        template: Any = at(resource.props, *path) if path else resource.props
        if isinstance(template, Mapping) and at(template, "spec") is not None:
            yield Pod(resource, path, mapping(template, "metadata"), mapping(template, "spec"))


def pods(view: View) -> Iterator[Pod]:
    """All pods of what a rule sees, but for those of objects whose pods are unknown."""
    for resource in view.resources:
        try:
            yield from pods_of(resource)
        except UnknownValueError:
            continue


def containers(view: View, *, initial: bool = False) -> Iterator[Container]:
    """All containers of what a rule sees; with ``initial`` also those that run before the others."""
    for pod in pods(view):
        try:
            yield from pod.all_containers if initial else pod.containers
        except UnknownValueError:
            continue

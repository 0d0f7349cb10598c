"""The volume that keeps weights from a model hub, and what vLLM compiles at its start.

Weights are under ``hub`` and ``modelscope``, as the hubs' own libraries lay them out. These write a
file under another name first and lock what they fetch, so pods may share a volume. Under ``weights``
is what the ``serving`` package has fetched.

Compiled kernels are under ``compiled``, in a folder for each image and pod. Their libraries key what
they keep by version, settings and GPU, but two pods that begin at once would write the same files:
vLLM's temporary names hold the process number, which is the same in every container.
"""

import hashlib
from dataclasses import dataclass, field

from components.manifests.objects import USER, Manifest, labels
from stacks.settings import ModelSettings, ServingSettings
from stacks.settings.weights import (
    ClaimCacheSettings,
    ClaimPerPodCacheSettings,
    NodeCacheSettings,
    WeightsSettings,
)

CACHE_PATH = "/cache"
"""Where the cache is mounted."""

HUB_PATH = f"{CACHE_PATH}/hub"
"""Where the weights of Hugging Face are in it."""

FETCHED_PATH = f"{CACHE_PATH}/weights"
"""Where the entrypoint keeps what it fetches itself."""

VOLUME = "cache"
"""The volume's name."""

POD_NAME = "POD_NAME"
"""The variable with the pod's name."""


@dataclass(frozen=True)
class Cache:
    """A cache as a pod has it."""

    volumes: list[Manifest] = field(default_factory=list)
    """The pod's volumes."""
    mounts: list[Manifest] = field(default_factory=list)
    """The container's mounts of them."""
    claim_templates: list[Manifest] = field(default_factory=list)
    """The claims that a StatefulSet makes for each pod."""
    init_containers: list[Manifest] = field(default_factory=list)
    """What must run before the container."""
    fs_group: bool = False
    """Whether Kubernetes is to let the pod's user write to its claims."""
    home: str | None = None
    """The folder for what is compiled, where it is kept."""
    env: list[Manifest] = field(default_factory=list)
    """The variables that ``home`` has in it."""


def cache(model: ModelSettings, serving: ServingSettings, weights: WeightsSettings, *, fetched: bool) -> Cache:
    """The cache of a model's pods.

    Args:
        model: the model.
        serving: the container that it runs in.
        weights: what is said of its weights.
        fetched: whether they are fetched into it. Others are kept nowhere, and then a cache that ends
            with its pod is of no use.
    """
    mounts: list[Manifest] = [{"name": VOLUME, "mountPath": CACHE_PATH}]
    home = f"{CACHE_PATH}/compiled/{_digest(serving.image)}"
    shared: Manifest = {"mounts": mounts}
    if model.rollout.strategy == "in_place":
        # The pods of a Deployment have names of their own each time, by which nothing is found again.
        shared["home"] = f"{home}/$({POD_NAME})"
        shared["env"] = [{"name": POD_NAME, "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]
    match weights.cache:
        case NodeCacheSettings(path=path, prepare=prepare):
            folder = {"path": path, "type": "DirectoryOrCreate" if prepare else "Directory"}
            return Cache(
                volumes=[{"name": VOLUME, "hostPath": folder}],
                init_containers=[_owner(serving, mounts)] if prepare else [],
                **shared,
            )
        case ClaimCacheSettings(name=name):
            claim = {"claimName": name}
            return Cache(volumes=[{"name": VOLUME, "persistentVolumeClaim": claim}], fs_group=True, **shared)
        case ClaimPerPodCacheSettings(size=size, storage_class=storage_class):
            template = {
                "apiVersion": "v1",
                "kind": "PersistentVolumeClaim",
                "metadata": {"name": VOLUME, "labels": labels("vllm", model.name, "model-service")},
                "spec": claim_spec("ReadWriteOnce", size, storage_class),
            }
            return Cache(mounts=mounts, claim_templates=[template], fs_group=True, home=home)
        case _:
            return Cache(volumes=[{"name": VOLUME, "emptyDir": {}}], mounts=mounts) if fetched else Cache()


def claim_spec(access_mode: str, size: str, storage_class: str | None) -> Manifest:
    """The ``spec`` of a PersistentVolumeClaim."""
    spec: Manifest = {"accessModes": [access_mode], "resources": {"requests": {"storage": size}}}
    if storage_class is not None:
        spec["storageClassName"] = storage_class
    return spec


def _owner(serving: ServingSettings, mounts: list[Manifest]) -> Manifest:
    """Gives the node's folder to the pods' user.

    A folder that the kubelet makes belongs to root, and ``fsGroup`` changes nothing of a node's folder.
    A namespace that lets a pod have such a folder lets it have this container too.
    """
    return {
        "name": "cache-owner",
        "image": serving.image,
        "imagePullPolicy": serving.image_pull_policy,
        "command": ["chown", f"{USER}:{USER}", CACHE_PATH],
        "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"memory": "64Mi"}},
        "securityContext": {
            "runAsNonRoot": False,
            "runAsUser": 0,
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"], "add": ["CHOWN"]},
            "readOnlyRootFilesystem": True,
        },
        "volumeMounts": mounts,
    }


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]

"""Where a model's weights are in its container, and the volumes that bring them there."""

from dataclasses import dataclass, field

from components.manifests.hugging_face import TOKEN_KEY, TOKEN_SECRET
from components.manifests.objects import Manifest
from stacks.settings import ModelSettings

CLAIM_PATH = "/models"
"""Where a claim with weights is mounted."""

CACHE_PATH = "/cache"
"""Where weights from Hugging Face are kept while the pod lives."""


@dataclass(frozen=True)
class ModelSource:
    """A model's weights as its container sees them."""

    model: str
    """What vLLM is told to load: a folder, or a repository of Hugging Face."""
    volumes: list[Manifest] = field(default_factory=list)
    """The pod's volumes."""
    mounts: list[Manifest] = field(default_factory=list)
    """The container's mounts of them."""
    env: list[Manifest] = field(default_factory=list)
    """The container's variables."""


def model_source(model: ModelSettings) -> ModelSource:
    """How the weights of a model come into its container."""
    scheme, _, place = model.source.partition("://")
    match scheme:
        case "hf":
            return _hugging_face(place)
        case "file":
            return _folder_of_node(place)
        case _:
            return _claim(place)


def _hugging_face(repository: str) -> ModelSource:
    return ModelSource(
        model=repository,
        volumes=[{"name": "cache", "emptyDir": {}}],
        mounts=[{"name": "cache", "mountPath": CACHE_PATH}],
        env=[
            {"name": "HF_HOME", "value": CACHE_PATH},
            {
                "name": TOKEN_KEY,
                # Optional: open repositories need no token, and then there is no Secret.
                "valueFrom": {"secretKeyRef": {"name": TOKEN_SECRET, "key": TOKEN_KEY, "optional": True}},
            },
        ],
    )


def _folder_of_node(path: str) -> ModelSource:
    return ModelSource(
        model=path,
        # Type Directory: a node without the folder holds the pod back with an event that names it.
        volumes=[{"name": "model", "hostPath": {"path": path, "type": "Directory"}}],
        mounts=[{"name": "model", "mountPath": path, "readOnly": True}],
    )


def _claim(place: str) -> ModelSource:
    claim, _, path = place.partition("/")
    return ModelSource(
        model=f"{CLAIM_PATH}/{path}".rstrip("/"),
        volumes=[{"name": "model", "persistentVolumeClaim": {"claimName": claim, "readOnly": True}}],
        mounts=[{"name": "model", "mountPath": CLAIM_PATH, "readOnly": True}],
    )

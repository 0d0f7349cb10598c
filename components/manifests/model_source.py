"""Where a model's weights are in its container, and the volumes that bring them there."""

from dataclasses import dataclass, field

from components.manifests.envoy.overload import quantity_bytes
from components.manifests.hugging_face import TOKEN_KEY, TOKEN_SECRET
from components.manifests.objects import Manifest
from components.manifests.weights.cache import CACHE_PATH, FETCHED_PATH, HUB_PATH, Cache, cache
from stacks.settings import ModelSettings, ServingSettings
from stacks.settings.sources import (
    BucketSource,
    ClaimSource,
    FolderSource,
    HubSource,
    ImageSource,
    weights_source,
)
from stacks.settings.weights import ObjectStoreSettings, WeightsSettings

WEIGHTS_PATH = "/models"
"""Where a claim or an image with weights is mounted."""

MODELSCOPE_TOKEN_KEY = "MODELSCOPE_API_TOKEN"  # noqa: S105 - the key's name
"""The variable that ModelScope's library reads a token from."""


@dataclass(frozen=True)
class ModelSource:
    """A model's weights as its container sees them."""

    model: str
    """What vLLM is told to load: a folder, a repository of a hub, or an address of an object store."""
    revision: str | None = None
    """The revision that vLLM is told, where the model is a repository of a hub."""
    volumes: list[Manifest] = field(default_factory=list)
    """The pod's volumes."""
    mounts: list[Manifest] = field(default_factory=list)
    """The container's mounts of them."""
    claim_templates: list[Manifest] = field(default_factory=list)
    """The claims that a StatefulSet makes for each pod, whose volumes the pod has besides."""
    init_containers: list[Manifest] = field(default_factory=list)
    """What must run before the container."""
    variables: dict[str, str] = field(default_factory=dict)
    """The container's variables that say something plainly, and nothing of a volume of the pod's own."""
    env: list[Manifest] = field(default_factory=list)
    """The container's further variables. They stand before all others, which may refer to them."""
    fs_group: bool = False
    """Whether Kubernetes is to let the pod's user write to its claims."""


def model_source(model: ModelSettings, serving: ServingSettings) -> ModelSource:
    """How the weights of a model come into its container."""
    weights = model.weights.over(serving.weights)
    place = weights_source(model.source)
    kept = cache(model, serving, weights, fetched=isinstance(place, HubSource) or fetches_itself(model, serving))
    match place:
        case HubSource(hub="hf"):
            return _with(kept, _hugging_face(model, place, weights))
        case HubSource():
            return _with(kept, _modelscope(model, place, weights))
        case ClaimSource(claim=claim, path=path):
            return _with(kept, _mounted({"persistentVolumeClaim": {"claimName": claim, "readOnly": True}}, path))
        case ImageSource(reference=reference, folder=folder):
            return _with(kept, _mounted({"image": {"reference": reference, "pullPolicy": "IfNotPresent"}}, folder))
        case BucketSource(uri=uri):
            return _with(kept, _bucket(uri, weights.object_store or ObjectStoreSettings()))
        case FolderSource(path=path):
            return _with(kept, _folder_of_node(path))


def fetches_itself(model: ModelSettings, serving: ServingSettings) -> bool:
    """Whether the ``serving`` package fetches the weights, and vLLM is told the folder by it."""
    place = weights_source(model.source)
    return isinstance(place, HubSource | BucketSource) and model.weights.over(serving.weights).download == "modelyard"


def fetch_arguments(model: ModelSettings, serving: ServingSettings) -> dict[str, object]:
    """What the ``serving`` package is told of the weights that it fetches, by the names of its settings."""
    if not fetches_itself(model, serving):
        return {}
    limit = model.weights.over(serving.weights).cache_limit
    return {"weights_cache": FETCHED_PATH, "weights_cache_gib": quantity_bytes(limit) / 2**30 if limit else None}


def fetched_before(model: ModelSettings, serving: ServingSettings) -> bool:
    """Whether a Job fetches the weights before any replica starts."""
    place = weights_source(model.source)
    return isinstance(place, HubSource) and place.hub == "hf" and model.weights.over(serving.weights).prefetch


def hub_token(weights: WeightsSettings) -> Manifest:
    """The variable with the token of Hugging Face."""
    if weights.token_secret is not None:
        return _secret(TOKEN_KEY, weights.token_secret)
    # Optional: open repositories need no token, and then there is no Secret.
    return _secret(TOKEN_KEY, TOKEN_SECRET, optional=True)


def _with(kept: Cache, source: ModelSource) -> ModelSource:
    """A source, in a container that has a cache."""
    hub = [{"name": "HF_HUB_CACHE", "value": HUB_PATH}] if kept.mounts else []
    return ModelSource(
        model=source.model,
        revision=source.revision,
        volumes=[*source.volumes, *kept.volumes],
        mounts=[*source.mounts, *kept.mounts],
        claim_templates=kept.claim_templates,
        init_containers=kept.init_containers,
        variables={**({"HOME": kept.home} if kept.home else {}), **source.variables},
        env=[*kept.env, *hub, *source.env],
        fs_group=kept.fs_group,
    )


def _hugging_face(model: ModelSettings, place: HubSource, weights: WeightsSettings) -> ModelSource:
    token = [hub_token(weights)]
    if weights.prefetch and weights.download == "vllm" and model.revision:
        # The folder of a commit in the cache of Hugging Face's library. Told a folder, vLLM asks the hub nothing.
        folder = f"{HUB_PATH}/models--{place.repository.replace('/', '--')}/snapshots/{model.revision}"
        return ModelSource(folder, env=token)
    return ModelSource(place.repository, model.revision, env=token)


def _modelscope(model: ModelSettings, place: HubSource, weights: WeightsSettings) -> ModelSource:
    token = [_secret(MODELSCOPE_TOKEN_KEY, weights.token_secret)] if weights.token_secret else []
    return ModelSource(
        place.repository,
        model.revision,
        variables={"VLLM_USE_MODELSCOPE": "True"},
        env=[{"name": "MODELSCOPE_CACHE", "value": f"{CACHE_PATH}/modelscope"}, *token],
    )


def _mounted(volume: Manifest, path: str) -> ModelSource:
    return ModelSource(
        f"{WEIGHTS_PATH}/{path}".rstrip("/"),
        volumes=[{"name": "model", **volume}],
        mounts=[{"name": "model", "mountPath": WEIGHTS_PATH, "readOnly": True}],
    )


def _folder_of_node(path: str) -> ModelSource:
    return ModelSource(
        path,
        # Type Directory: a node without the folder holds the pod back with an event that names it.
        volumes=[{"name": "model", "hostPath": {"path": path, "type": "Directory"}}],
        mounts=[{"name": "model", "mountPath": path, "readOnly": True}],
    )


def _bucket(uri: str, store: ObjectStoreSettings) -> ModelSource:
    """Weights that vLLM streams by Run:ai Model Streamer, whose variables these are. The entrypoint reads the same."""
    variables: dict[str, str] = {}
    if store.region:
        variables["AWS_DEFAULT_REGION"] = store.region
    if store.endpoint:
        variables["AWS_ENDPOINT_URL"] = store.endpoint
        variables["RUNAI_STREAMER_S3_USE_VIRTUAL_ADDRESSING"] = str(int(store.virtual_host_addressing))
        # Amazon's library would ask the machine it is on for credentials, and wait for an answer.
        variables["AWS_EC2_METADATA_DISABLED"] = "true"
    secret = store.credentials_secret
    keys = [("AWS_ACCESS_KEY_ID", False), ("AWS_SECRET_ACCESS_KEY", False), ("AWS_SESSION_TOKEN", True)]
    return ModelSource(
        uri,
        variables=variables,
        env=[_secret(key, secret, optional=optional) for key, optional in keys] if secret else [],
    )


def _secret(key: str, name: str, *, optional: bool = False) -> Manifest:
    reference: Manifest = {"name": name, "key": key}
    if optional:
        reference["optional"] = True
    return {"name": key, "valueFrom": {"secretKeyRef": reference}}

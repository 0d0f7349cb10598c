"""How weights come into a model's pods, and where they are kept."""

from typing import Annotated, Literal

from pydantic import Tag

from stacks.settings.base import Form, Quantity, Settings
from stacks.settings.kinds import TAG, by_kind

ObjectName = Annotated[
    str,
    Form(
        r"^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$",
        "is no name that Kubernetes gives to an object: use lower-case letters, digits, '-' and '.', and begin and "
        "end with a letter or digit",
    ),
]
"""The name of an object that is there already."""
NodeFolder = Annotated[
    str,
    Form(
        r"^(/(?!\.{1,2}(/|$))[\w.-]+){2,}$",
        "is no folder that a cache can have for itself: write an absolute path of two folders or more without '..', "
        "such as /var/cache/modelyard",
    ),
]
"""A folder of the node that is the cache's alone."""
EndpointUrl = Annotated[
    str,
    Form(
        r"^https?://[\w.-]+(:[0-9]+)?$",
        "is no address of an object store: write its scheme and host, such as https://minio.example.com:9000",
    ),
]
"""Where an object store answers."""


class PodCacheSettings(Settings):
    """A cache that ends with its pod: every pod fetches the weights for itself."""

    kind: Literal["pod"] = "pod"
    """A volume of the pod's own (``emptyDir``)."""


class NodeCacheSettings(Settings):
    """A cache on each node, for all pods of the node. Only namespaces of Pod Security ``privileged`` allow it."""

    kind: Literal["node"]
    """A folder of the node (``hostPath``)."""
    path: NodeFolder = "/var/cache/modelyard"
    """The folder. It is the cache's alone."""
    prepare: bool = True
    """Make the folder where it is missing, and give it to the pods' user, by an init container that is root and may
    do nothing else. False: it is there on every node, and user 1000 may write to it."""


class ClaimCacheSettings(Settings):
    """A cache on a claim that pods of all nodes mount at once, so it must be ``ReadWriteMany``."""

    kind: Literal["claim"]
    """One PersistentVolumeClaim for all replicas, and for all models that name it."""
    name: ObjectName
    """The claim."""
    create: bool = False
    """Make the claim, and remove it with the stack. False: it is there already."""
    size: Quantity | None = None
    """Size of a claim that is made."""
    storage_class: ObjectName | None = None
    """StorageClass of a claim that is made; its volumes must know ``ReadWriteMany``. Default: the cluster's."""


class ClaimPerPodCacheSettings(Settings):
    """A cache on a claim for each replica, which its pod finds again after a restart."""

    kind: Literal["claim_per_pod"]
    """A PersistentVolumeClaim for each pod (``volumeClaimTemplates``)."""
    size: Quantity
    """Size of each claim."""
    storage_class: ObjectName | None = None
    """StorageClass of the claims. Default: the cluster's."""


CACHE_KINDS: dict[str, type[Settings]] = {
    "pod": PodCacheSettings,
    "node": NodeCacheSettings,
    "claim": ClaimCacheSettings,
    "claim_per_pod": ClaimPerPodCacheSettings,
}
"""The kinds of caches, and what can be said of each."""


CacheSettings = Annotated[
    Annotated[PodCacheSettings, Tag(f"{TAG}pod")]
    | Annotated[NodeCacheSettings, Tag(f"{TAG}node")]
    | Annotated[ClaimCacheSettings, Tag(f"{TAG}claim")]
    | Annotated[ClaimPerPodCacheSettings, Tag(f"{TAG}claim_per_pod")],
    by_kind("cache", CACHE_KINDS, default="pod"),
]
"""A cache of any kind. Where none is named, it is ``pod``."""


class ObjectStoreSettings(Settings):
    """How pods reach the bucket of an ``s3://`` source. Nothing here is a secret."""

    region: str | None = None
    """The bucket's region, such as ``eu-central-1``."""
    endpoint: EndpointUrl | None = None
    """Address of an object store that speaks S3 and is not Amazon's."""
    virtual_host_addressing: bool = False
    """Whether an object store with an ``endpoint`` has the bucket's name in the host, and not in the path."""
    credentials_secret: ObjectName | None = None
    """A Secret of the models' namespace with ``AWS_ACCESS_KEY_ID`` and ``AWS_SECRET_ACCESS_KEY``, and with
    ``AWS_SESSION_TOKEN`` where there is one. Without it the cloud must let ``serving.serviceAccount`` read the
    bucket."""


class WeightsSettings(Settings):
    """How weights come into a model's pods, and where they are kept. A model leaves out what ``serving`` says."""

    cache: CacheSettings = PodCacheSettings()
    """Where weights of a model hub are kept, and what vLLM compiles at its start."""
    download: Literal["vllm", "modelyard"] = "vllm"
    """Who fetches weights of ``hf://``, ``modelscope://`` and ``s3://`` sources: vLLM, each library in its way, or
    ``serving.entrypoint: modelyard``, in parallel parts that go on after a kill, checked, once for all pods of a
    cache. It keeps weights of ``s3://`` in the cache, too, which vLLM streams."""
    cache_limit: Quantity | None = None
    """What all models of a cache may have together, for ``download: modelyard``. Those that no replica of the cache
    serves make room, the one that was started longest ago first. Default: nothing is removed."""
    prefetch: bool = False
    """Fetch the weights of an ``hf://`` source into a cache of kind ``claim`` by a Job, before any replica starts.
    Replicas then load them from there and ask the hub nothing. The model's ``revision`` must be a commit."""
    prefetch_on_pool: bool = False
    """Whether the Job may run on the model's node pool, which it stays away from otherwise."""
    gated: bool | None = None
    """Whether the model's hub gives the weights only to accounts that have been let in. Default: what is known of
    the repository."""
    token_secret: ObjectName | None = None
    """A Secret of the models' namespace with the hub's token: ``HF_TOKEN``, or ``MODELSCOPE_API_TOKEN`` for
    ``modelscope://``. Default for ``hf://``: ``modelhub-secret``, where there is one."""
    object_store: ObjectStoreSettings | None = None
    """How pods reach the bucket of an ``s3://`` source."""

    def over(self, defaults: "WeightsSettings") -> "WeightsSettings":
        """These settings, with those of a stack wherever nothing is said here."""
        return defaults.model_copy(update={name: getattr(self, name) for name in self.model_fields_set})

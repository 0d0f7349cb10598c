"""The claims that caches of several pods are on, where the stack makes them."""

from components.manifests.objects import Manifest, labels, metadata
from components.manifests.weights.cache import claim_spec
from stacks.settings import ModelSettings, ServingSettings, StackSettings
from stacks.settings.weights import ClaimCacheSettings


def created_claims(stack: StackSettings) -> dict[str, Manifest]:
    """The claims that the stack makes, by name.

    Pulumi does not wait until they are bound: many classes bind a claim only once a pod mounts it.
    """
    caches = [_on_claim(model, stack.serving) for model in stack.models]
    return {found.name: _claim(found, stack.cluster.namespace) for found in caches if found and found.create}


def cache_claim(model: ModelSettings, serving: ServingSettings) -> str | None:
    """The claim that a model's cache is on, if it is on one."""
    found = _on_claim(model, serving)
    return found.name if found else None


def _on_claim(model: ModelSettings, serving: ServingSettings) -> ClaimCacheSettings | None:
    found = model.weights.over(serving.weights).cache
    return found if isinstance(found, ClaimCacheSettings) else None


def _claim(found: ClaimCacheSettings, namespace: str) -> Manifest:
    if found.size is None:
        raise TypeError("a claim that is made has a size")
    about = metadata(found.name, namespace, labels("weights", found.name, "model-service"))
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {**about, "annotations": {"pulumi.com/skipAwait": "true"}},
        "spec": claim_spec("ReadWriteMany", found.size, found.storage_class),
    }

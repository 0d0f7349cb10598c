"""Rules about where weights come from and where they are kept."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from stacks.gated import known_as_gated
from stacks.parallelism import spans_nodes
from stacks.rules.rule import Rule, camel
from stacks.settings.sources import BucketSource, HubSource, ImageSource, weights_source
from stacks.settings.weights import (
    ClaimCacheSettings,
    ClaimPerPodCacheSettings,
    NodeCacheSettings,
    ObjectStoreSettings,
)

if TYPE_CHECKING:
    from stacks.settings import ModelSettings, StackSettings

COMMIT = re.compile(r"[0-9a-f]{40}")
"""A commit of a repository, written out."""

SYSTEM_FOLDERS = ("bin", "boot", "dev", "etc", "lib", "lib64", "proc", "root", "run", "sbin", "sys", "usr")
"""Folders of a node's root that are its own."""
NODE_SOFTWARE = (
    "/opt/cni",
    "/var/lib/cni",
    "/var/lib/containerd",
    "/var/lib/containers",
    "/var/lib/docker",
    "/var/lib/etcd",
    "/var/lib/kubelet",
    "/var/lib/rancher",
    "/var/log",
    "/var/run",
)
"""Further folders that are the node's own."""


def _revisions(stack: "StackSettings") -> Iterator[str]:
    for index, model in enumerate(stack.models):
        place = weights_source(model.source)
        if model.revision is None or isinstance(place, HubSource):
            continue
        way = (
            "write the image's digest behind it, @sha256:..., instead"
            if isinstance(place, ImageSource)
            else "leave it out, or name an hf:// or modelscope:// source"
        )
        yield f"modelyard:models[{index}].revision: {model.revision!r}, but {model.source!r} has no revisions: {way}"


def _pinned_in_production(stack: "StackSettings") -> Iterator[str]:
    if not stack.production:
        return
    for index, model in enumerate(stack.models):
        match weights_source(model.source):
            case HubSource(hub="hf") if not COMMIT.fullmatch(model.revision or ""):
                yield (
                    f"modelyard:models[{index}].revision: {_shown(model.revision)} in production, where a restart "
                    "would take whatever the repository then has: write the commit that you have tried, 40 "
                    "hexadecimal digits, as the repository's history shows it"
                )
            case HubSource(hub="modelscope") if model.revision in (None, "master"):
                yield (
                    f"modelyard:models[{index}].revision: {_shown(model.revision)} in production, where a restart "
                    "would take whatever the repository then has: write a tag or a commit of the repository"
                )
            case ImageSource(pinned=False):
                yield (
                    f"modelyard:models[{index}].source: {model.source!r} in production, where a restart would take "
                    "whatever the tag then means: write the image's digest behind it, @sha256:..."
                )


def _gated_without_token(stack: "StackSettings") -> Iterator[str]:
    for index, model in enumerate(stack.models):
        weights = model.weights.over(stack.serving.weights)
        known = stack.production and known_as_gated(model.source)
        gated = known if weights.gated is None else weights.gated
        place = weights_source(model.source)
        if not gated or weights.token_secret or not isinstance(place, HubSource):
            continue
        if place.hub == "hf" and stack.hugging_face_token is None:
            yield (
                f"modelyard:models[{index}].source: {model.source!r} is gated, and the stack names no token, so "
                "no pod could fetch it: run `pulumi config set --secret modelyard:huggingFaceToken`, or name a "
                "Secret with HF_TOKEN in weights.tokenSecret"
            )
        elif place.hub == "modelscope":
            yield (
                f"modelyard:models[{index}].source: {model.source!r} is gated, and the stack names no token, so "
                "no pod could fetch it: name a Secret with MODELSCOPE_API_TOKEN in weights.tokenSecret"
            )


def _claims(stack: "StackSettings") -> Iterator[str]:
    made: dict[str, tuple[str, ClaimCacheSettings]] = {}
    for index, model in enumerate(stack.models):
        found = model.weights.over(stack.serving.weights).cache
        if not isinstance(found, ClaimCacheSettings):
            continue
        path = _path(index, model, "cache")
        if not found.create:
            for name in ("size", "storage_class"):
                if getattr(found, name) is not None:
                    yield (
                        f"{path}.{camel(name)}: {getattr(found, name)!r} of claim {found.name!r}, which is there "
                        "already and stays as it is: write create: true, or leave it out"
                    )
        elif found.size is None:
            yield (
                f"{path}.size: nothing is given, and claim {found.name!r} can't be made without: add it, such as "
                "500Gi, or leave create out where the claim is there already"
            )
        other, before = made.setdefault(found.name, (path, found))
        if before != found:
            yield (
                f"{path}: claim {found.name!r} stands at {other} with other settings, and it can be only one: write "
                "the same there and here, or name another claim"
            )


def _claims_for_pods(stack: "StackSettings") -> Iterator[str]:
    pools = {pool.name: pool for pool in stack.pools}
    for index, model in enumerate(stack.models):
        if not isinstance(model.weights.over(stack.serving.weights).cache, ClaimPerPodCacheSettings):
            continue
        pool = pools.get(model.pool)
        why = None
        if model.backend == "llmaz":
            why = "backend 'llmaz', which makes no claims for its pods"
        elif model.rollout.strategy == "surge":
            why = "rollout.strategy 'surge', whose pods have new names each time and would find no claim again"
        elif pool and spans_nodes(model, pool.devices_per_node):
            why = f"{model.gpus} GPUs a replica, of several pods that all need the same weights"
        if why:
            yield (
                f"{_path(index, model, 'cache')}.kind: 'claim_per_pod' with {why}: write kind: claim, with a claim "
                "that several nodes can mount"
            )


def _node_folders(stack: "StackSettings") -> Iterator[str]:
    for index, model in enumerate(stack.models):
        found = model.weights.over(stack.serving.weights).cache
        if not isinstance(found, NodeCacheSettings):
            continue
        top = found.path.split("/")[1]
        if top in SYSTEM_FOLDERS or any(_overlap(found.path, folder) for folder in NODE_SOFTWARE):
            yield (
                f"{_path(index, model, 'cache')}.path: {found.path!r} belongs to the node's own software, and a cache "
                "is given to the pods' user: write a folder for the cache alone, such as /var/cache/modelyard"
            )


def _overlap(one: str, other: str) -> bool:
    """Whether one of two folders is in the other."""
    return f"{one}/".startswith(f"{other}/") or f"{other}/".startswith(f"{one}/")


def _prefetch(stack: "StackSettings") -> Iterator[str]:
    for index, model in enumerate(stack.models):
        weights = model.weights.over(stack.serving.weights)
        own = "prefetch" in model.weights.model_fields_set
        path = _path(index, model, "prefetch")
        place = weights_source(model.source)
        if not weights.prefetch:
            continue
        if not (isinstance(place, HubSource) and place.hub == "hf"):
            # Of a whole stack it is said for the models that it can be true of.
            if own:
                yield f"{path}: true, but {model.source!r} is no hf:// source: leave it out"
            continue
        if not COMMIT.fullmatch(model.revision or ""):
            yield (
                f"{path}: true for models[{index}], whose revision is {_shown(model.revision)}, so replicas couldn't "
                "know what was fetched: write a commit as its revision, 40 hexadecimal digits, or prefetch: false"
            )
        if not isinstance(weights.cache, ClaimCacheSettings):
            yield (
                f"{path}: true for models[{index}], whose cache is of kind {weights.cache.kind!r}, which no Job can "
                "fill for all replicas: write cache.kind: claim, or prefetch: false"
            )
        if model.backend == "llmaz":
            yield (
                f"{path}: true for models[{index}] with backend 'llmaz', which is told a repository and no folder: "
                "write backend native, or prefetch: false"
            )


def _downloads(stack: "StackSettings") -> Iterator[str]:
    for index, model in enumerate(stack.models):
        weights = model.weights.over(stack.serving.weights)
        path = _path(index, model, "download")
        fetched = isinstance(weights_source(model.source), HubSource | BucketSource)
        if weights.download == "vllm":
            if weights.cache_limit is not None and fetched:
                yield (
                    f"{_path(index, model, 'cache_limit')}: {weights.cache_limit!r} for models[{index}], whose weights "
                    "vLLM fetches, which removes nothing: write download: modelyard, or leave it out"
                )
        elif not fetched:
            # Of a whole stack it is said for the models that it can be true of.
            if "download" in model.weights.model_fields_set:
                yield f"{path}: 'modelyard', but {model.source!r} is not fetched over the network: leave it out"
        elif stack.serving.entrypoint != "modelyard":
            yield (
                f"{path}: 'modelyard' for models[{index}] with serving.entrypoint {stack.serving.entrypoint!r}, which "
                "fetches as it does: write serving.entrypoint: modelyard, with an image that serving/Containerfile has "
                "made, or download: vllm"
            )
        elif model.backend == "llmaz":
            yield (
                f"{path}: 'modelyard' for models[{index}] with backend 'llmaz', whose operator fetches weights itself: "
                "write backend native, or download: vllm"
            )


def _object_stores(stack: "StackSettings") -> Iterator[str]:
    for index, model in enumerate(stack.models):
        weights = model.weights.over(stack.serving.weights)
        path = _path(index, model, "object_store")
        if not isinstance(weights_source(model.source), BucketSource):
            if "object_store" in model.weights.model_fields_set:
                yield f"{path}: settings of an object store, but {model.source!r} is in none: leave them out"
            continue
        store = weights.object_store or ObjectStoreSettings()
        if store.region is None and store.endpoint is None:
            yield (
                f"{path}: neither region nor endpoint is given, so nothing says where the bucket of {model.source!r} "
                "is: add region, such as eu-central-1, or the endpoint of a store that is not Amazon's"
            )
        if store.credentials_secret is None and stack.serving.service_account is None:
            yield (
                f"{path}: neither credentialsSecret nor modelyard:serving.serviceAccount is given, so the pods have no "
                f"right to read {model.source!r}: name a Secret with AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or "
                "the ServiceAccount that the cloud lets read the bucket"
            )


def _tokens_without_hub(stack: "StackSettings") -> Iterator[str]:
    for index, model in enumerate(stack.models):
        sources = (model.source, *(source for _, source in _further_sources(model)))
        if any(isinstance(weights_source(source), HubSource) for source in sources):
            continue
        for name in ("token_secret", "gated"):
            if name in model.weights.model_fields_set:
                yield (
                    f"modelyard:models[{index}].weights.{camel(name)}: {getattr(model.weights, name)!r}, but "
                    f"{model.source!r} is on no model hub, and no token is asked for: leave it out"
                )


def _one_hub_a_model(stack: "StackSettings") -> Iterator[str]:
    for index, model in enumerate(stack.models):
        if not model.source.startswith("modelscope://"):
            continue
        for path, source in _further_sources(model):
            if source.startswith("hf://"):
                yield (
                    f"modelyard:models[{index}].{path}: {source!r} beside a modelscope:// model, and vLLM asks one hub "
                    "for everything: put these weights on a claim and write pvc://<claim>/<path in it>"
                )


def _further_sources(model: "ModelSettings") -> Iterator[tuple[str, str]]:
    for position, adapter in enumerate(model.lora.adapters if model.lora else ()):
        yield f"lora.adapters[{position}].source", adapter.source
    speculative = model.engine.speculative_config
    if speculative and speculative.model:
        yield "engine.speculativeConfig.model", speculative.model


def _path(index: int, model: "ModelSettings", name: str) -> str:
    """Where a setting of a model's weights was given: at the model, or for the whole stack."""
    own = name in model.weights.model_fields_set or name == "object_store"
    return f"modelyard:{f'models[{index}]' if own else 'serving'}.weights.{camel(name)}"


def _shown(revision: str | None) -> str:
    return "nothing is given" if revision is None else repr(revision)


WEIGHTS_RULES: tuple[Rule, ...] = (
    _revisions,
    _pinned_in_production,
    _gated_without_token,
    _claims,
    _claims_for_pods,
    _node_folders,
    _prefetch,
    _downloads,
    _object_stores,
    _tokens_without_hub,
    _one_hub_a_model,
)

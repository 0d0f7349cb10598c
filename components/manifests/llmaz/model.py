"""The objects of a model on llmaz: what it is, how it runs, and the two Services in front of it.

A model is a ``Playground`` where that kind can say all there is to say, else an inference ``Service``
with the pod spelled out. Both make pods ``<model>-0`` and up by a LeaderWorkerSet, and replace them one
after the other in place.

What differs from the native backend, because llmaz decides it:

- A container that ends takes its pod with it, so the weights are fetched again.
- The pods of a Playground have a CPU limit, a writable root, and no security context: a namespace that
  enforces Pod Security ``restricted`` refuses them, as it doesn't those of an inference ``Service``.
- llmaz says that a model is available, but not of which version of it, so ``pulumi up`` waits for a new
  model's replicas, and not for those of a changed one.
- OpenModel and BackendRuntime belong to no namespace: two stacks of one cluster can't have models of one name.
"""

import hashlib
import json

from components.manifests import workload
from components.manifests.autoscaling import AVAILABLE, MetricsSource, replica_annotations
from components.manifests.autoscaling import autoscaler as scaling_object
from components.manifests.extra_weights import extra_weights
from components.manifests.hugging_face import TOKEN_SECRET
from components.manifests.llmaz import names
from components.manifests.model_source import model_source
from components.manifests.objects import Manifest, metadata
from components.manifests.placement import Placement
from components.manifests.workload_pod import (
    command,
    labels_of,
    pod_metadata,
    pod_spec,
    requests,
    unexpanded,
    variables,
)
from stacks.settings import ModelSettings, ServingSettings
from stacks.settings.sources import HubSource, weights_source

DIGEST = "modelyard.dev/made-of"
"""Annotation with a digest of the objects that the operator reads, but does not watch."""


def open_model(model: ModelSettings, placement: Placement) -> Manifest:
    """The OpenModel: where the weights are, and the GPUs of one replica."""
    place = weights_source(model.source)
    if not isinstance(place, HubSource):
        raise TypeError("llmaz takes weights of hubs only")
    hub = {
        "name": names.HUBS[place.hub],
        "modelID": place.repository,
        "revision": model.revision or names.BRANCHES[place.hub],
    }
    return {
        "apiVersion": names.CORE_API,
        "kind": "OpenModel",
        "metadata": {"name": model.name, "labels": labels_of(model)},
        "spec": {
            "familyName": model.name,
            "source": {"modelHub": hub},
            "inferenceConfig": {"flavors": _flavors(model, placement)},
        },
    }


def _flavors(model: ModelSettings, placement: Placement) -> list[Manifest]:
    """The flavors in order of preference.

    llmaz takes the limits of the first. Labels are for a scheduler of its own, so pods say by their affinity where
    they go.
    """
    limits = {placement.gpu_resource: str(model.gpus)}
    if not placement.flavors:
        return [{"name": model.pool, "limits": limits}]
    return [
        {"name": flavor.name, "limits": limits, "nodeSelector": {**placement.node_selector, **flavor.node_selector}}
        for flavor in placement.flavors
    ]


def fits_playground(model: ModelSettings, placement: Placement, serving: ServingSettings) -> bool:
    """Whether a Playground can say all that the model's pods need.

    It has no field for where pods go and how much they matter, for folders of the node, for claims, a runtime
    class, a ServiceAccount, labels, or how the image is pulled, and gives every pod the same time to stop and the
    one Secret with Hugging Face's token.
    """
    weights = model.weights.over(serving.weights)
    return (
        not (placement.node_selector or placement.tolerations or placement.flavors or model.priority_class)
        and not (serving.host_paths or serving.runtime_class or serving.service_account or serving.image_pull_secrets)
        and not (serving.pod_labels or serving.pod_annotations)
        and serving.image_pull_policy == "IfNotPresent"
        and weights.cache.kind == "pod"
        and not extra_weights(model).volumes
        and weights.token_secret in (None, TOKEN_SECRET)
        and model.probes.termination_grace_seconds <= names.PLAYGROUND_GRACE_SECONDS
    )


def backend_runtime(model: ModelSettings, placement: Placement, serving: ServingSettings) -> Manifest:
    """The BackendRuntime of a Playground: image and probes, as the native backend has them.

    There is no hook before the stop. vLLM lets running requests finish by itself, while the hook of
    llmaz's own runtime asks a port that nothing listens on, until the pod is killed.
    """
    image, version = _image_and_version(serving.image)
    container = pod_spec(model, placement, serving)["containers"][0]
    return {
        "apiVersion": names.INFERENCE_API,
        "kind": "BackendRuntime",
        "metadata": {"name": names.backend_runtime(model), "labels": labels_of(model)},
        "spec": {
            # Its words are the Playground's. llmaz shuffles a container's variables whenever it looks at a
            # Playground, and would replace the pods each time, so they are words of a command instead.
            "command": ["env"],
            "image": image,
            "version": version,
            **{probe: container[probe] for probe in ("startupProbe", "readinessProbe", "livenessProbe")},
            "recommendedConfigs": [{"name": "default"}],
        },
    }


def replicas(model: ModelSettings, placement: Placement, serving: ServingSettings, namespace: str) -> Manifest:
    """What runs the replicas: a Playground, or an inference ``Service``."""
    describe = _playground if fits_playground(model, placement, serving) else _inference_service
    return describe(model, placement, serving, namespace)


def headless_service(model: ModelSettings, namespace: str) -> Manifest:
    """The Service ``<model>``: its name resolves to the addresses of the ready pods.

    LeaderWorkerSet leaves it as it is. The one that it would make itself has no port, and the
    addresses of pods that still load.
    """
    return _selecting(workload.headless_service(model, namespace), model)


def lb_service(model: ModelSettings, namespace: str) -> Manifest:
    """The Service ``<model>-lb``: one address for all ready pods. llmaz leaves it as it is."""
    return _selecting(workload.lb_service(model, namespace), model)


def pod_disruption_budget(model: ModelSettings, namespace: str) -> Manifest | None:
    """The budget that lets a drained node take one replica at a time, or None for a single replica."""
    budget = workload.pod_disruption_budget(model, namespace)
    if budget:
        budget["spec"]["selector"] = {"matchLabels": names.pod_labels(model)}
    return budget


def autoscaler(
    model: ModelSettings,
    placement: Placement,
    serving: ServingSettings,
    metrics: MetricsSource | None,
    namespace: str,
) -> Manifest | None:
    """What scales a model, or None where its settings name a number."""
    kind = "Playground" if fits_playground(model, placement, serving) else "Service"
    target = {"apiVersion": names.INFERENCE_API, "kind": kind, "name": model.name}
    return scaling_object(model, metrics, target, metadata(model.name, namespace, labels_of(model)))


def _playground(model: ModelSettings, placement: Placement, serving: ServingSettings, namespace: str) -> Manifest:
    runtime = backend_runtime(model, placement, serving)
    return {
        "apiVersion": names.INFERENCE_API,
        "kind": "Playground",
        "metadata": _metadata(model, namespace, [open_model(model, placement), runtime]),
        "spec": {
            **_replicas(model),
            "modelClaim": {"modelName": model.name},
            "backendRuntimeConfig": {
                "backendName": names.backend_runtime(model),
                "args": _command(model, serving),
                # GPUs are the OpenModel's. Without a CPU limit llmaz would make one.
                "resources": {
                    "requests": requests(model),
                    "limits": {"cpu": model.cpu, "memory": model.memory},
                },
                "sharedMemorySize": model.shared_memory,
            },
        },
    }


def _inference_service(
    model: ModelSettings, placement: Placement, serving: ServingSettings, namespace: str
) -> Manifest:
    pod = pod_spec(model, placement, serving)
    pod["containers"][0]["name"] = names.RUNNER
    return {
        "apiVersion": names.INFERENCE_API,
        "kind": "Service",
        "metadata": _metadata(model, namespace, [open_model(model, placement)]),
        "spec": {
            **_replicas(model),
            "modelClaims": {"models": [{"name": model.name, "role": "main"}]},
            "workloadTemplate": {
                "size": 1,
                "workerTemplate": {"metadata": pod_metadata(model, serving), "spec": pod},
            },
            "rolloutStrategy": {
                "type": "RollingUpdate",
                "rollingUpdateConfiguration": {"maxUnavailable": 1, "maxSurge": 0},
            },
        },
    }


def _command(model: ModelSettings, serving: ServingSettings) -> list[str]:
    source = model_source(model, serving)
    values = variables(model, serving, source)
    return unexpanded([*(f"{name}={value}" for name, value in values.items()), *command(model, serving, source)])


def _replicas(model: ModelSettings) -> Manifest:
    return {} if model.first_replicas is None else {"replicas": model.first_replicas}


def _metadata(model: ModelSettings, namespace: str, made_of: list[Manifest]) -> Manifest:
    specs = json.dumps([manifest["spec"] for manifest in made_of], sort_keys=True)
    return {
        "name": model.name,
        "namespace": namespace,
        "labels": labels_of(model),
        "annotations": {
            **names.SKIP_LOADER,
            # A changed object that the operator does not watch changes this one, which it does.
            DIGEST: hashlib.sha256(specs.encode()).hexdigest()[:16],
            **replica_annotations(model, AVAILABLE),
        },
    }


def _selecting(service: Manifest, model: ModelSettings) -> Manifest:
    service["spec"]["selector"] = names.pod_labels(model)
    return service


def _image_and_version(image: str) -> tuple[str, str]:
    """An image's name in two, for llmaz puts a colon between them. A digest is cut at its own."""
    name, colon, version = image.rpartition(":")
    if colon and "/" not in version:
        return name, version
    return image, "latest"

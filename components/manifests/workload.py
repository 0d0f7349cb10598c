"""The Kubernetes objects of a native model: no operator, only what every cluster has."""

from components.manifests.autoscaling import MetricsSource, replica_annotations
from components.manifests.autoscaling import autoscaler as scaling_object
from components.manifests.model_source import model_source
from components.manifests.objects import Manifest, metadata
from components.manifests.placement import Placement
from components.manifests.workload_pod import PORT, labels_of, pod_metadata, pod_spec, selector_of
from stacks.settings import ModelSettings, ServingSettings
from stacks.startup import replica_seconds


def replicas(model: ModelSettings, placement: Placement, serving: ServingSettings, namespace: str) -> Manifest:
    """What runs a model's replicas: a StatefulSet, or a Deployment where new ones are to start beside the old."""
    describe = _deployment if model.rollout.strategy == "surge" else _stateful_set
    manifest: Manifest = {
        "apiVersion": "apps/v1",
        "kind": "",
        "metadata": metadata(model.name, namespace, labels_of(model)),
        "spec": {
            "selector": {"matchLabels": selector_of(model)},
            "template": {
                "metadata": pod_metadata(model, serving),
                "spec": pod_spec(model, placement, serving),
            },
        },
    }
    describe(model, serving, manifest)
    if model.first_replicas is not None:
        manifest["spec"]["replicas"] = model.first_replicas
    if annotations := replica_annotations(model):
        manifest["metadata"]["annotations"] = annotations
    return manifest


def _stateful_set(model: ModelSettings, serving: ServingSettings, manifest: Manifest) -> None:
    """Pods ``<model>-0`` and up.

    A changed template replaces one pod after the other in place, without a surplus one, so an
    update goes through on a pool whose GPUs are all taken. With pod management ``Parallel`` the
    replicas start at once, and an update whose pod never becomes ready is mended by the next
    update; with ``OrderedReady`` somebody would have to delete that pod.
    """
    manifest["kind"] = "StatefulSet"
    manifest["spec"] |= {
        "serviceName": model.name,
        "podManagementPolicy": "Parallel",
        "updateStrategy": {"type": "RollingUpdate"},
    }
    if model.most_replicas > 1:
        manifest["spec"]["minReadySeconds"] = model.rollout.min_ready_seconds
    if templates := model_source(model, serving).claim_templates:
        manifest["spec"]["volumeClaimTemplates"] = templates
        # They hold nothing that can't be fetched again, so they go with the model. A replica that is only scaled
        # away finds its own when it comes back.
        manifest["spec"]["persistentVolumeClaimRetentionPolicy"] = {"whenDeleted": "Delete", "whenScaled": "Retain"}


def _deployment(model: ModelSettings, _: ServingSettings, manifest: Manifest) -> None:
    """Pods of any names, of which as many answer during an update as before it.

    An update whose pod never becomes ready is given up after the deadline, and the old pods go on.
    """
    rollout = model.rollout
    manifest["kind"] = "Deployment"
    manifest["spec"] |= {
        "strategy": {
            "type": "RollingUpdate",
            "rollingUpdate": {"maxSurge": rollout.max_surge, "maxUnavailable": 0},
        },
        "minReadySeconds": rollout.min_ready_seconds,
        # The time of one replica, after each of which it begins anew. Its GPUs may be those of one that still stops.
        "progressDeadlineSeconds": _replacement_seconds(model),
    }


def headless_service(model: ModelSettings, namespace: str) -> Manifest:
    """The Service ``<model>``: its name resolves to the addresses of the ready pods."""
    return _service(model, namespace, model.name, {"clusterIP": "None", "publishNotReadyAddresses": False})


def lb_service(model: ModelSettings, namespace: str) -> Manifest:
    """The Service ``<model>-lb``: one address for all ready pods.

    Pulumi does not wait for it. It has pods as soon as the StatefulSet is ready, which is
    waited for, and on its own account the provider would give up after ten minutes.
    """
    service = _service(model, namespace, lb_service_name(model), {"type": "ClusterIP"})
    service["metadata"]["annotations"] = {"pulumi.com/skipAwait": "true"}
    return service


def pod_disruption_budget(model: ModelSettings, namespace: str) -> Manifest | None:
    """The budget that lets a drained node take one replica at a time, or None for a single replica.

    A single replica has none: it would only keep its node from being drained.
    """
    if model.most_replicas < 2:
        return None
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": metadata(model.name, namespace, labels_of(model)),
        "spec": {
            "maxUnavailable": 1,
            # A pod that is not ready answers nothing, and must not keep its node from being drained.
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
            "selector": {"matchLabels": selector_of(model)},
        },
    }


def autoscaler(model: ModelSettings, metrics: MetricsSource | None, namespace: str) -> Manifest | None:
    """What scales a model, or None where its settings name a number."""
    kind = "Deployment" if model.rollout.strategy == "surge" else "StatefulSet"
    target = {"apiVersion": "apps/v1", "kind": kind, "name": model.name}
    return scaling_object(model, metrics, target, metadata(model.name, namespace, labels_of(model)))


def lb_service_name(model: ModelSettings) -> str:
    """The name of the Service with one address for all replicas."""
    return f"{model.name}-lb"


def base_url(model: ModelSettings, namespace: str) -> str:
    """The URL of the model's OpenAI-compatible API in the cluster, ending in ``/v1``."""
    return f"http://{lb_service_name(model)}.{namespace}.svc.cluster.local:{PORT}/v1"


def rollout_seconds(model: ModelSettings) -> int:
    """The longest that an update of all replicas may take: each stops and starts after the one before it."""
    return _replacement_seconds(model) * max(1, model.most_replicas)


def _replacement_seconds(model: ModelSettings) -> int:
    """The longest that a rollout may take for one replica: the end of an old one, and the start of its successor."""
    return replica_seconds(model) + model.rollout.min_ready_seconds + model.probes.termination_grace_seconds


def _service(model: ModelSettings, namespace: str, name: str, fields: Manifest) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(name, namespace, labels_of(model)),
        "spec": {
            **fields,
            "selector": selector_of(model),
            "ports": [{"name": "http", "port": PORT, "targetPort": "http"}],
        },
    }

"""The Kubernetes objects of a native model: no operator, only what every cluster has."""

from components.manifests.objects import Manifest, labels, metadata, selector
from components.manifests.placement import Placement
from components.manifests.workload_pod import PORT, pod_spec
from stacks.settings import ModelSettings, ServingSettings

APPLICATION = "vllm"
"""``app.kubernetes.io/name`` of every model's objects."""

START_MARGIN_SECONDS = 300
"""What a replica may take before its container starts: scheduling, and the pull of an image of several GB."""


def stateful_set(model: ModelSettings, placement: Placement, serving: ServingSettings, namespace: str) -> Manifest:
    """The StatefulSet that runs a model's replicas, pods ``<model>-0`` and up.

    A changed template replaces one pod after the other in place, without a surplus one, so an
    update goes through on a pool whose GPUs are all taken. With pod management ``Parallel`` the
    replicas start at once, and an update whose pod never becomes ready is mended by the next
    update; with ``OrderedReady`` somebody would have to delete that pod.
    """
    spec: Manifest = {
        "serviceName": model.name,
        "podManagementPolicy": "Parallel",
        "updateStrategy": {"type": "RollingUpdate"},
        "selector": {"matchLabels": _selector(model)},
        "template": {
            "metadata": {"labels": _labels(model)},
            "spec": pod_spec(model, placement, serving),
        },
    }
    if model.first_replicas is not None:
        spec["replicas"] = model.first_replicas
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": metadata(model.name, namespace, _labels(model)),
        "spec": spec,
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
        "metadata": metadata(model.name, namespace, _labels(model)),
        "spec": {"maxUnavailable": 1, "selector": {"matchLabels": _selector(model)}},
    }


def horizontal_pod_autoscaler(model: ModelSettings, namespace: str) -> Manifest | None:
    """The autoscaler of a model by the length of its queue, or None where its settings name a number.

    The pods' metric ``vllm:num_requests_waiting`` must be served by a metrics adapter, such as
    Prometheus Adapter, at ``custom.metrics.k8s.io``. Without one the autoscaler reports
    ``FailedGetPodsMetric`` and the number of replicas stays as it is.
    """
    scaling = model.autoscaling
    if scaling is None:
        return None
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": metadata(model.name, namespace, _labels(model)),
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": model.name},
            "minReplicas": scaling.min_replicas,
            "maxReplicas": scaling.max_replicas,
            "metrics": [
                {
                    "type": "Pods",
                    "pods": {
                        "metric": {"name": "vllm:num_requests_waiting"},
                        "target": {"type": "AverageValue", "averageValue": str(scaling.target_waiting_requests)},
                    },
                }
            ],
        },
    }


def lb_service_name(model: ModelSettings) -> str:
    """The name of the Service with one address for all replicas."""
    return f"{model.name}-lb"


def base_url(model: ModelSettings, namespace: str) -> str:
    """The URL of the model's OpenAI-compatible API in the cluster, ending in ``/v1``."""
    return f"http://{lb_service_name(model)}.{namespace}.svc.cluster.local:{PORT}/v1"


def rollout_seconds(model: ModelSettings) -> int:
    """The longest that an update of all replicas may take: each stops and starts after the one before it."""
    probes = model.probes
    one_replica = START_MARGIN_SECONDS + probes.startup_seconds + probes.termination_grace_seconds
    return one_replica * max(1, model.most_replicas)


def _service(model: ModelSettings, namespace: str, name: str, fields: Manifest) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(name, namespace, _labels(model)),
        "spec": {
            **fields,
            "selector": _selector(model),
            "ports": [{"name": "http", "port": PORT, "targetPort": "http"}],
        },
    }


def _selector(model: ModelSettings) -> dict[str, str]:
    return selector(APPLICATION, model.name)


def _labels(model: ModelSettings) -> dict[str, str]:
    return labels(APPLICATION, model.name, "model-service")

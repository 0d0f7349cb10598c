"""What makes a model have as many replicas as it needs: a HorizontalPodAutoscaler, or a ScaledObject of KEDA."""

from dataclasses import dataclass

from components.manifests import series
from components.manifests.objects import Manifest
from stacks.settings import AutoscalingSettings, ModelSettings, PrometheusSettings, StackSettings
from stacks.startup import replica_seconds

POLLING_SECONDS = 15
"""How often KEDA looks whether somebody has asked for a model that has no replica."""

WINDOW = "2m"
"""What rates are taken over: twice the longest usual interval of scraping, so that two samples are in it."""

TTFT_QUANTILE = 0.95
"""The share of requests that must have their first token in time."""

SCALE_DOWN_PERIOD_SECONDS = 60
"""At most one replica goes in this time."""

AVAILABLE = {"pulumi.com/waitFor": "condition=Available"}
"""Annotation of a custom resource whose replicas an update waits for by its condition."""

NOT_AWAITED = {"pulumi.com/waitFor": "jsonpath={.metadata.uid}"}
"""Annotation of what runs replicas that no update waits for. That it is deleted is waited for, so that another kind can
take its place: with ``pulumi.com/skipAwait`` Pulumi would make that one beside it."""

TAKES_OVER = {"pulumi.com/patchForce": "true"}
"""Annotation of an object whose fields the stack may take from whoever changed them last."""


@dataclass(frozen=True)
class MetricsSource:
    """Where KEDA finds what it has to know of a model."""

    prometheus: PrometheusSettings
    """Who is asked."""
    namespace: str
    """The namespace of the model's pods."""
    unanswered: str
    """The gateway's counter of requests for the model that found none of its pods."""


def metrics_source(stack: StackSettings, model: ModelSettings) -> MetricsSource | None:
    """Where KEDA finds what it has to know of a model, or None in a stack that names no Prometheus."""
    if stack.prometheus is None:
        return None
    return MetricsSource(stack.prometheus, stack.cluster.namespace, series.unanswered(stack, model))


def replica_annotations(model: ModelSettings, awaited: dict[str, str] | None = None) -> dict[str, str]:
    """The annotations of what runs a model's replicas: its own, and how Pulumi treats it, by who knows their number.

    Args:
        model: the model.
        awaited: those by which Pulumi waits for the replicas, where it doesn't by itself.
    """
    if model.scales_to_zero:
        # How many there are is known to nobody, so an update that waited for them could wait for ever.
        return {**model.annotations, **NOT_AWAITED}
    if model.autoscaling:
        return {**model.annotations, **(awaited or {})}
    # An autoscaler still owns the field after it is gone, and `kubectl scale` does, so the number would be a conflict.
    return {**model.annotations, **(awaited or {}), **TAKES_OVER}


def autoscaler(
    model: ModelSettings, source: MetricsSource | None, target: Manifest, own_metadata: Manifest
) -> Manifest | None:
    """The object that scales a model, or None where its settings name a number.

    Args:
        model: the model.
        source: where KEDA finds what it has to know. Rules see to it that there is one where KEDA scales.
        target: ``apiVersion``, ``kind`` and ``name`` of what runs the replicas.
        own_metadata: the object's metadata.
    """
    if model.autoscaling is None:
        return None
    if model.autoscaling.kind == "hpa":
        return _horizontal_pod_autoscaler(model.autoscaling, target, own_metadata)
    if source is None:
        raise TypeError(f"KEDA scales {model.name!r}, and there is no Prometheus that it could ask")
    return _scaled_object(model, model.autoscaling, source, target, own_metadata)


def _horizontal_pod_autoscaler(scaling: AutoscalingSettings, target: Manifest, own_metadata: Manifest) -> Manifest:
    """The autoscaler of Kubernetes.

    A metrics adapter, such as Prometheus Adapter, must serve the pods' metrics at ``custom.metrics.k8s.io``.
    Without one the autoscaler reports ``FailedGetPodsMetric`` and the number of replicas stays as it is.
    """
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": own_metadata,
        "spec": {
            "scaleTargetRef": target,
            "minReplicas": scaling.min_replicas,
            "maxReplicas": scaling.max_replicas,
            "metrics": [
                _pods_metric("vllm:num_requests_waiting", str(scaling.target_waiting_requests)),
                _pods_metric("vllm:kv_cache_usage_perc", f"{scaling.target_kv_cache_percent * 10}m"),
            ],
            "behavior": _behavior(scaling),
        },
    }


def _pods_metric(name: str, average: str) -> Manifest:
    return {
        "type": "Pods",
        "pods": {"metric": {"name": name}, "target": {"type": "AverageValue", "averageValue": average}},
    }


def _scaled_object(
    model: ModelSettings, scaling: AutoscalingSettings, source: MetricsSource, target: Manifest, own_metadata: Manifest
) -> Manifest:
    """KEDA's object, of which KEDA makes a HorizontalPodAutoscaler. It scales from zero and to zero itself.

    KEDA takes the last replica when no trigger's query has given more than 0 for the cool-down, and brings the
    first one back as soon as one does. A query without an answer counts as 0; one that fails changes nothing.
    """
    spec: Manifest = {
        "scaleTargetRef": target,
        "pollingInterval": POLLING_SECONDS,
        "minReplicaCount": scaling.min_replicas,
        "maxReplicaCount": scaling.max_replicas,
        "advanced": {"horizontalPodAutoscalerConfig": {"behavior": _behavior(scaling)}},
        "triggers": _triggers(model, scaling, source),
    }
    if model.scales_to_zero:
        # A replica that was woken must not go before it has started, nor the first one of a new model, which KEDA
        # takes for one that nobody has asked for.
        idle = scaling.idle_seconds or replica_seconds(model)
        spec |= {"cooldownPeriod": idle, "initialCooldownPeriod": idle}
    return {"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "metadata": own_metadata, "spec": spec}


def _triggers(model: ModelSettings, scaling: AutoscalingSettings, source: MetricsSource) -> list[Manifest]:
    pods = series.of_pods(model, source.namespace)
    asked = [
        ("waiting", f"sum(vllm:num_requests_waiting{{{pods}}})", float(scaling.target_waiting_requests)),
        # Of several engines in one pod each has a cache of its own.
        ("kv-cache", f"sum(avg by (pod) (vllm:kv_cache_usage_perc{{{pods}}}))", scaling.target_kv_cache_percent / 100),
    ]
    if model.scales_to_zero:
        # Each is 1 or 0, so that it asks for one replica and never for a second one.
        asked += [("wake", _any(f"sum(increase({source.unanswered}[{WINDOW}]))"), 1), ("busy", _busy(pods), 1)]
    found = [_trigger(source.prometheus, *each) for each in asked]
    if scaling.target_ttft_seconds is not None:
        buckets = f"sum by (le) (rate(vllm:time_to_first_token_seconds_bucket{{{pods}}}[{WINDOW}]))"
        # Without requests the quantile is no number, and no number is more than 0.
        query = f"(histogram_quantile({TTFT_QUANTILE}, {buckets}) > 0) or vector(0)"
        # A time, of which every replica has the whole and not its share.
        found.append({**_trigger(source.prometheus, "ttft", query, scaling.target_ttft_seconds), "metricType": "Value"})
    return found


def _busy(pods: str) -> str:
    return _any(
        f"sum(vllm:num_requests_running{{{pods}}})",
        f"sum(increase(vllm:request_success_total{{{pods}}}[{WINDOW}]))",
    )


def _any(*sums: str) -> str:
    """1 where one of the sums is more than 0, and 0 where none is or there are no series to add up."""
    return f"({' + '.join(f'({each} or vector(0))' for each in sums)}) > bool 0"


def _trigger(prometheus: PrometheusSettings, name: str, query: str, threshold: float) -> Manifest:
    trigger: Manifest = {
        "type": "prometheus",
        "name": name,
        "metadata": {"serverAddress": prometheus.url, "query": query, "threshold": f"{threshold:g}"},
    }
    if prometheus.trigger_authentication:
        trigger["authenticationRef"] = {"name": prometheus.trigger_authentication}
    return trigger


def _behavior(scaling: AutoscalingSettings) -> Manifest:
    return {
        "scaleDown": {
            "stabilizationWindowSeconds": scaling.scale_down_seconds,
            "policies": [{"type": "Pods", "value": 1, "periodSeconds": SCALE_DOWN_PERIOD_SECONDS}],
        }
    }

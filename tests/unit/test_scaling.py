"""What scales a model, and which series are asked."""

import re
from typing import Any

import pytest

from components.manifests import series, workload
from components.manifests.autoscaling import MetricsSource, metrics_source
from components.manifests.envoy.chains import all_chains
from stacks.settings import PrometheusSettings, StackSettings, load
from tests.unit.test_workload import labelled, model

SOURCE = MetricsSource(PrometheusSettings(url="http://prometheus:9090"), "llm", 'unanswered{cluster="qwen"}')
COLD: dict[str, Any] = {"kind": "keda", "minReplicas": 0, "maxReplicas": 2}


def scaled_object(source: MetricsSource = SOURCE, **scaling: Any) -> dict[str, Any]:
    found = workload.autoscaler(model(autoscaling={"kind": "keda", "maxReplicas": 3, **scaling}), source, "llm")
    assert found
    return found


def triggers(**scaling: Any) -> dict[str, dict[str, Any]]:
    return {trigger["name"]: trigger for trigger in scaled_object(**scaling)["spec"]["triggers"]}


def test_horizontal_pod_autoscaler() -> None:
    scaling = {
        "minReplicas": 2,
        "maxReplicas": 5,
        "targetWaitingRequests": 8,
        "targetKvCachePercent": 75,
        "scaleDownSeconds": 900,
    }
    assert workload.autoscaler(model(autoscaling=scaling), None, "default") == labelled("""
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  name: qwen2-1-5b
  namespace: default
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: StatefulSet, name: qwen2-1-5b}
  minReplicas: 2
  maxReplicas: 5
  metrics:
    - type: Pods
      pods:
        metric: {name: "vllm:num_requests_waiting"}
        target: {type: AverageValue, averageValue: "8"}
    - type: Pods
      pods:
        metric: {name: "vllm:kv_cache_usage_perc"}
        target: {type: AverageValue, averageValue: 750m}
  behavior:
    scaleDown:
      stabilizationWindowSeconds: 900
      policies:
        - {type: Pods, value: 1, periodSeconds: 60}
""")


def test_scaled_object() -> None:
    found = workload.autoscaler(model(autoscaling={"kind": "keda", "maxReplicas": 3}), SOURCE, "llm")
    pods = 'namespace="llm",pod=~"qwen2-1-5b-([0-9]+|[0-9a-z]{5,10}-?[0-9a-z]{5})"'
    expected = labelled("""
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata:
  name: qwen2-1-5b
  namespace: llm
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: StatefulSet, name: qwen2-1-5b}
  pollingInterval: 15
  minReplicaCount: 1
  maxReplicaCount: 3
  advanced:
    horizontalPodAutoscalerConfig:
      behavior:
        scaleDown:
          stabilizationWindowSeconds: 600
          policies:
            - {type: Pods, value: 1, periodSeconds: 60}
""")
    expected["spec"]["triggers"] = [
        {
            "type": "prometheus",
            "name": name,
            "metadata": {"serverAddress": "http://prometheus:9090", "query": query, "threshold": threshold},
        }
        for name, query, threshold in (
            ("waiting", f"sum(vllm:num_requests_waiting{{{pods}}})", "4"),
            ("kv-cache", f"sum(avg by (pod) (vllm:kv_cache_usage_perc{{{pods}}}))", "0.8"),
        )
    ]
    assert found == expected


def test_a_model_that_may_go_to_zero_is_woken_by_what_it_could_not_answer_and_kept_by_what_it_answers() -> None:
    spec = scaled_object(**COLD)["spec"]
    assert (spec["minReplicaCount"], spec["maxReplicaCount"]) == (0, 2)
    found = triggers(**COLD)
    assert list(found) == ["waiting", "kv-cache", "wake", "busy"]
    wake = '((sum(increase(unanswered{cluster="qwen"}[2m])) or vector(0))) > bool 0'
    assert found["wake"]["metadata"] | {"serverAddress": ""} == {
        "serverAddress": "",
        "query": wake,
        "threshold": "1",
    }
    pods = 'namespace="llm",pod=~"qwen2-1-5b-([0-9]+|[0-9a-z]{5,10}-?[0-9a-z]{5})"'
    assert found["busy"]["metadata"]["query"] == (
        f"((sum(vllm:num_requests_running{{{pods}}}) or vector(0)) + "
        f"(sum(increase(vllm:request_success_total{{{pods}}}[2m])) or vector(0))) > bool 0"
    )


@pytest.mark.parametrize(("idle", "seconds"), [({}, 300 + 420), ({"idleSeconds": 800}, 800)])
def test_the_last_replica_stays_as_long_as_a_whole_start_takes(idle: dict[str, Any], seconds: int) -> None:
    spec = scaled_object(**COLD, **idle)["spec"]
    assert (spec["cooldownPeriod"], spec["initialCooldownPeriod"]) == (seconds, seconds)
    assert not {"cooldownPeriod", "initialCooldownPeriod"} & set(scaled_object()["spec"])


def test_the_time_to_the_first_token_is_the_whole_of_every_replica() -> None:
    ttft = triggers(targetTtftSeconds=1.5)["ttft"]
    assert ttft["metricType"] == "Value"
    assert ttft["metadata"]["threshold"] == "1.5"
    assert ttft["metadata"]["query"] == (
        "(histogram_quantile(0.95, sum by (le) (rate(vllm:time_to_first_token_seconds_bucket"
        '{namespace="llm",pod=~"qwen2-1-5b-([0-9]+|[0-9a-z]{5,10}-?[0-9a-z]{5})"}[2m]))) > 0) or vector(0)'
    )
    assert "metricType" not in triggers()["waiting"]


def test_a_prometheus_may_ask_who_calls() -> None:
    prometheus = PrometheusSettings(url="https://prometheus", trigger_authentication="prometheus-token")
    spec = scaled_object(MetricsSource(prometheus, "llm", "x"), **COLD)["spec"]
    references = [trigger["authenticationRef"] for trigger in spec["triggers"]]
    assert references == [{"name": "prometheus-token"}] * 4
    assert "authenticationRef" not in triggers()["waiting"]


def test_what_scales_follows_the_workload() -> None:
    scaler = workload.autoscaler(model(autoscaling={"maxReplicas": 3}, rollout={"strategy": "surge"}), None, "default")
    assert scaler
    assert scaler["spec"]["scaleTargetRef"] == {"apiVersion": "apps/v1", "kind": "Deployment", "name": "qwen2-1-5b"}


def test_a_number_of_replicas_has_no_autoscaler() -> None:
    assert workload.autoscaler(model(replicas=3), SOURCE, "llm") is None


def test_keda_is_never_left_without_a_prometheus() -> None:
    with pytest.raises(TypeError, match="qwen2-1-5b"):
        workload.autoscaler(model(autoscaling={"kind": "keda", "maxReplicas": 3}), None, "llm")


@pytest.mark.parametrize("pod", ["qwen-0", "qwen-17", "qwen-6d4b75cb6d-x7k2p", "qwen-5c7f9d-abcde"])
def test_the_pods_of_a_model_are_known_by_name(pod: str) -> None:
    assert re.fullmatch(_pattern("qwen"), pod)


@pytest.mark.parametrize(
    "pod", ["qwen", "qwen-8b-0", "qwen-8b-6d4b75cb6d-x7k2p", "qwen-0-1", "my-qwen-0", "gateway-6d4b75cb6d-x7k2p"]
)
def test_other_models_pods_are_others(pod: str) -> None:
    assert not re.fullmatch(_pattern("qwen"), pod)


@pytest.mark.parametrize("name", ["m" * length for length in range(44, 53)])
def test_the_pods_of_a_long_name_are_known_by_what_is_left_of_their_words(name: str) -> None:
    # As Kubernetes makes names: what is before the last five characters ends at the 58th.
    pod = f"{name}-6d4b75cb6d-"[:58] + "x7k2p"
    assert len(pod) <= 63
    assert re.fullmatch(_pattern(name), pod)


def _pattern(name: str) -> str:
    (found,) = re.findall('pod=~"(.*)"', series.of_pods(model(name=name), "default"))
    return str(found)


def stack(**changes: Any) -> StackSettings:
    models = [{"name": name, "source": "hf://a/b", "pool": "gpu"} for name in ("qwen", "gemma")]
    return load({"pools": [{"name": "gpu"}], "models": models, "cluster": {"namespace": "llm"}, **changes})


def test_what_an_envoy_gateway_could_not_answer() -> None:
    found = stack()
    assert series.unanswered(found, found.model("qwen")) == (
        'envoy_cluster_upstream_cx_none_healthy{namespace="llm",envoy_cluster_name="qwen"}'
    )


def test_what_a_higress_gateway_could_not_answer() -> None:
    found = stack(gateway={"kind": "higress", "namespace": "edge"})
    assert series.unanswered(found, found.model("qwen")) == (
        'envoy_cluster_upstream_cx_none_healthy{namespace="edge",'
        'cluster_name=~"outbound[|]8080[|][|]llm-qwen[.]internal[.]dns;?"}'
    )


def test_a_model_that_may_have_no_pods_is_asked_where_it_is_counted() -> None:
    models: list[dict[str, Any]] = [{"name": name, "source": "hf://a/b", "pool": "gpu"} for name in ("qwen", "gemma")]
    models[0]["autoscaling"] = COLD
    routes = [{"model": "qwen", "fallback": ["gemma"]}, {"model": "gemma"}]
    found = stack(models=models, routes=routes, prometheus={"url": "http://prometheus:9090"})
    cold, warm = all_chains(found)
    assert cold.members == ("map:qwen", "via:gemma")
    assert warm.members == ("gemma", "gemma")


def test_a_stack_without_a_prometheus_has_nothing_to_ask() -> None:
    found = stack()
    assert metrics_source(found, found.model("qwen")) is None


def test_a_stacks_prometheus_is_asked_for_the_models_namespace() -> None:
    found = stack(prometheus={"url": "http://prometheus:9090"})
    source = metrics_source(found, found.model("qwen"))
    assert source
    assert (source.prometheus.url, source.namespace) == ("http://prometheus:9090", "llm")
    assert source.unanswered == series.unanswered(found, found.model("qwen"))

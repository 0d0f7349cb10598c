"""Budgets, time to drain, and who may reach whom."""

from typing import Any

from components.manifests import workload
from components.manifests.higress import operations
from stacks.settings import StackSettings, load

GATEWAY_PODS = {"app": "higress-gateway", "higress": "edge-higress-gateway"}
GATEWAY = {
    "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "edge"}},
    "podSelector": {"matchLabels": GATEWAY_PODS},
}


def stack(backend: str = "native", **gateway: Any) -> StackSettings:
    return load(
        {
            "cluster": {"namespace": "llm"},
            "serving": {"image": "registry.example/serving:1"},
            "pools": [{"name": "gpu"}],
            "models": [{"name": "qwen", "source": "hf://o/r", "pool": "gpu", "backend": backend}],
            "gateway": {"kind": "higress", "namespace": "edge", **gateway},
        }
    )


def labels(name: str) -> dict[str, str]:
    return {
        "app.kubernetes.io/name": "higress",
        "app.kubernetes.io/instance": name,
        "app.kubernetes.io/component": "gateway",
        "app.kubernetes.io/part-of": "modelyard",
        "app.kubernetes.io/managed-by": "pulumi",
    }


def budgets(**gateway: Any) -> list[str]:
    return [budget["metadata"]["name"] for budget in operations.pod_disruption_budgets(stack(**gateway))]


def policies(**gateway: Any) -> dict[str, dict[str, Any]]:
    return {policy["metadata"]["name"]: policy for policy in operations.network_policies(stack(**gateway))}


def test_the_gateways_budget() -> None:
    assert operations.pod_disruption_budgets(stack()) == [
        {
            "apiVersion": "policy/v1",
            "kind": "PodDisruptionBudget",
            "metadata": {"name": "higress-gateway", "namespace": "edge", "labels": labels("higress-gateway")},
            "spec": {"maxUnavailable": 1, "selector": {"matchLabels": GATEWAY_PODS}},
        }
    ]


def test_budgets_are_for_several_pods() -> None:
    assert budgets(replicas=1) == []
    assert budgets(autoscaling={"minReplicas": 1, "maxReplicas": 2}) == ["higress-gateway"]
    assert budgets(controller={"replicas": 2}) == ["higress-gateway", "higress-controller"]
    assert budgets(replicas=1, controller={"replicas": 2}) == ["higress-controller"]


def test_the_controllers_budget_is_for_its_pods() -> None:
    _, controller = operations.pod_disruption_budgets(stack(controller={"replicas": 2}))
    assert controller["spec"]["selector"] == {
        "matchLabels": {"app": "higress-controller", "higress": "higress-controller"}
    }


def test_requests_get_their_time_to_end() -> None:
    assert operations.drain_patch(stack(drainSeconds=900)) == {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": "higress-gateway",
            "namespace": "edge",
            "annotations": {"pulumi.com/patchForce": "true"},
        },
        "spec": {"template": {"spec": {"terminationGracePeriodSeconds": 900}}},
    }


def test_who_may_reach_models() -> None:
    assert policies()["models"] == {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {
            "name": "models",
            "namespace": "llm",
            "labels": {
                "app.kubernetes.io/name": "vllm",
                "app.kubernetes.io/instance": "models",
                "app.kubernetes.io/component": "model-service",
                "app.kubernetes.io/part-of": "modelyard",
                "app.kubernetes.io/managed-by": "pulumi",
            },
        },
        "spec": {
            "podSelector": {
                "matchLabels": {
                    "app.kubernetes.io/part-of": "modelyard",
                    "app.kubernetes.io/component": "model-service",
                }
            },
            "policyTypes": ["Ingress"],
            "ingress": [
                {"from": [GATEWAY, {"podSelector": {}}], "ports": [{"protocol": "TCP", "port": 8080}]},
                {
                    "from": [
                        {
                            "namespaceSelector": {},
                            "podSelector": {"matchLabels": {"app.kubernetes.io/name": "prometheus"}},
                        }
                    ],
                    "ports": [{"protocol": "TCP", "port": 8080}],
                },
            ],
        },
    }


def test_the_models_policy_finds_their_pods() -> None:
    settings = stack()
    wanted = policies()["models"]["spec"]["podSelector"]["matchLabels"]
    budget = workload.headless_service(settings.models[0], "llm")
    assert wanted.items() <= budget["metadata"]["labels"].items()


def test_who_may_reach_models_on_llmaz() -> None:
    specs = {name: policy["spec"] for name, policy in policies(backend="llmaz").items()}
    assert specs["models-on-llmaz"] == {
        **specs["models"],
        "podSelector": {
            "matchExpressions": [{"key": "leaderworkerset.sigs.k8s.io/name", "operator": "In", "values": ["qwen"]}]
        },
    }


def test_the_pods_of_a_model_that_spans_nodes_reach_each_other() -> None:
    big = {"name": "big", "source": "file:///m", "pool": "gpu", "gpus": 16}
    pools = [{"name": "gpu", "gpusPerNode": 8, "maxNodes": 2}]
    settings = load(
        {"pools": pools, "models": [big, {**big, "name": "small", "gpus": 8}], "gateway": {"kind": "higress"}}
    )
    found = {policy["metadata"]["name"]: policy["spec"] for policy in operations.network_policies(settings)}
    pods = {"podSelector": {"matchLabels": {"app.kubernetes.io/name": "vllm", "app.kubernetes.io/instance": "big"}}}
    assert found.keys() == {"models", "big-nodes", "higress-console"}
    assert found["big-nodes"] == {**pods, "policyTypes": ["Ingress"], "ingress": [{"from": [pods]}]}


def test_only_the_gateway_reaches_the_console() -> None:
    assert policies()["higress-console"] == {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "higress-console", "namespace": "edge", "labels": labels("higress-console")},
        "spec": {
            "podSelector": {
                "matchLabels": {
                    "app.kubernetes.io/name": "higress-console",
                    "app.kubernetes.io/instance": "higress",
                }
            },
            "policyTypes": ["Ingress"],
            "ingress": [{"from": [GATEWAY], "ports": [{"protocol": "TCP", "port": 8080}]}],
        },
    }


def test_only_the_gateway_reaches_the_charts_redis() -> None:
    assert policies(redis={})["redis-stack-server"]["spec"] == {
        "podSelector": {
            "matchLabels": {
                "app.kubernetes.io/name": "redis-stack-server",
                "app.kubernetes.io/instance": "higress",
            }
        },
        "policyTypes": ["Ingress"],
        "ingress": [{"from": [GATEWAY], "ports": [{"protocol": "TCP", "port": 6379}]}],
    }
    assert set(policies(redis={"host": "redis.example.com"})) == {"models", "higress-console"}


def test_a_stack_without_policies() -> None:
    assert policies(networkPolicy=False, redis={}) == {}

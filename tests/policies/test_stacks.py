"""The whole pack against the stacks that are here, as the program renders them."""

import datetime
from collections.abc import Callable

import pytest

from policies.pack.catalogue import RULES
from policies.pack.judge import findings
from policies.pack.resource import Resource
from policies.pack.rule import Level, View
from stacks.settings import StackSettings, load
from stacks.stack_file import FOLDER, read

Render = Callable[[StackSettings], list[Resource]]


def broken(stack: StackSettings, resources: list[Resource]) -> dict[str, tuple[Level, int]]:
    """The rules that a stack breaks, with their level and how often."""
    found: dict[str, tuple[Level, int]] = {}
    for rule in RULES:
        alone = [[each] for each in resources]
        views = alone if rule.scope == "resource" else [resources]
        count = sum(len(list(findings(rule, View(view, stack.production, rule.defaults)))) for view in views)
        if count:
            found[rule.id] = (rule.level if stack.production else rule.elsewhere, count)
    return found


def test_prod_breaks_no_rule(rendered: Render) -> None:
    stack = read(FOLDER / "Pulumi.prod.yaml")
    assert stack.production
    assert broken(stack, rendered(stack)) == {}


def test_local_is_advised_only(rendered: Render) -> None:
    stack = read(FOLDER / "Pulumi.local.yaml")
    assert broken(stack, rendered(stack)) == {
        "route-auth": ("advisory", 1),
        "route-tls": ("advisory", 1),
        "fallback-elsewhere": ("advisory", 1),
        "gateway-availability": ("advisory", 2),
        # Weights and vLLM are mounted from the node.
        "pod-security": ("advisory", 4),
    }


def test_seed_is_advised_only(rendered: Render) -> None:
    stack = read(FOLDER / "Pulumi.seed.yaml")
    assert broken(stack, rendered(stack)) == {
        "route-auth": ("advisory", 4),
        "route-tls": ("advisory", 4),
        "load-balancer-sources": ("advisory", 1),
        "fallback-elsewhere": ("advisory", 1),
    }


MODELS = [
    {"name": "qwen", "source": "hf://Qwen/Qwen2.5-1.5B-Instruct", "revision": "a" * 40, "pool": "gpu"},
    {"name": "gemma", "source": "hf://Qwen/Qwen2.5-1.5B-Instruct", "revision": "a" * 40, "pool": "gpu"},
]
STACK = {
    "production": True,
    "pools": [{"name": "gpu", "nodeSelector": {"nvidia.com/gpu.product": "NVIDIA-L4"}}],
    "models": MODELS,
    "routes": [{"model": "qwen", "fallback": ["gemma"]}, {"model": "gemma"}],
    "gateway": {"auth": {"consumers": [{"name": "web", "keys": ["k" * 40]}]}},
}


def test_an_envoy_in_the_cluster_needs_another_pool_only(rendered: Render) -> None:
    stack = load(STACK)
    assert broken(stack, rendered(stack)) == {"fallback-elsewhere": ("mandatory", 1)}


@pytest.mark.parametrize(
    ("gateway", "rules"),
    [
        ({"serviceType": "LoadBalancer"}, {"route-tls", "load-balancer-sources"}),
        ({"serviceType": "LoadBalancer", "sourceRanges": ["203.0.113.0/24"]}, {"route-tls"}),
        ({"serviceType": "NodePort", "auth": {"consumers": []}}, {"route-auth", "route-tls"}),
        (
            {
                "serviceType": "LoadBalancer",
                "sourceRanges": ["203.0.113.0/24"],
                "serviceAnnotations": {"service.beta.kubernetes.io/aws-load-balancer-ssl-cert": "arn:aws:acm:c"},
            },
            set(),
        ),
        ({"replicas": 1}, {"gateway-availability"}),
        ({"networkPolicy": False}, {"network-policy"}),
        ({"image": "envoyproxy/envoy:latest"}, {"pinned-images"}),
    ],
)
def test_what_leaves_the_cluster(rendered: Render, gateway: dict[str, object], rules: set[str]) -> None:
    base = STACK["gateway"]
    assert isinstance(base, dict)
    stack = load({**STACK, "gateway": {**base, **gateway}})
    assert set(broken(stack, rendered(stack))) == {"fallback-elsewhere", *rules}


@pytest.mark.parametrize(
    ("model", "rules"),
    [
        ({"engine": {"trustRemoteCode": True}}, {"trust-remote-code"}),
        (
            {
                "engine": {"trustRemoteCode": True},
                "annotations": {"waive.modelyard.dev/trust-remote-code": f"{datetime.date.today()}: read at aaaaaaa"},
            },
            set(),
        ),
        ({"annotations": {"waive.modelyard.dev/trust-remote-code": "2020-01-01: read at aaaaaaa"}}, {"waivers"}),
        ({"env": {"TELEMETRY_TOKEN": "letmein-letmein"}}, {"literal-secrets"}),
    ],
)
def test_what_a_model_says(rendered: Render, model: dict[str, object], rules: set[str]) -> None:
    stack = load({**STACK, "models": [{**MODELS[0], **model}, MODELS[1]]})
    assert set(broken(stack, rendered(stack))) == {"fallback-elsewhere", *rules}


def test_a_model_that_spans_nodes_has_as_many_gpus_as_it_uses(rendered: Render) -> None:
    model = {**MODELS[0], "source": "hf://Qwen/Qwen2.5-72B-Instruct", "gpus": 16}
    pools = [{"name": "gpu", "gpusPerNode": 8, "maxNodes": 4, "nodeSelector": {"pool": "gpu"}}]
    stack = load({**STACK, "models": [model], "pools": pools, "routes": []})
    assert broken(stack, rendered(stack)) == {}


def test_a_model_that_scales_to_zero_needs_somebody_who_does_not(rendered: Render) -> None:
    scaling = {"kind": "keda", "minReplicas": 0, "maxReplicas": 2}
    stack = load(
        {
            **STACK,
            "prometheus": {"url": "http://prometheus.monitoring.svc.cluster.local:9090"},
            "models": [{**MODELS[0], "autoscaling": scaling}, MODELS[1]],
        }
    )
    assert set(broken(stack, rendered(stack))) == {"fallback-elsewhere"}

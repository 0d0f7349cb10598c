"""Stacks whose rules and dashboards are looked at."""

from typing import Any

from components.manifests.alerts import rule_groups
from components.manifests.objects import Manifest
from stacks.settings import ObservabilitySettings, StackSettings, load

KINDS = ("envoy", "higress")
QWEN = {
    "name": "qwen",
    "servedNames": ["Qwen/Qwen2.5-1.5B"],
    "source": "hf://Qwen/Qwen2.5-1.5B-Instruct",
    "pool": "gpu",
}
GEMMA = {"name": "gemma", "source": "hf://google/gemma-2-2b-it", "pool": "gpu"}
ROUTES = [
    {"model": "chat", "upstreams": [{"model": "qwen"}], "fallback": ["gemma"]},
    {"model": "Big/Model", "upstreams": [{"model": "gemma"}]},
]


def observed(kind: str = "envoy", **changes: Any) -> StackSettings:
    """Two models, one of them under another name, behind a gateway of a kind, in the namespace ``models``."""
    return load(
        {
            "serving": {"image": "registry.example/serving:1"},
            "cluster": {"namespace": "models"},
            "pools": [{"name": "gpu", "gpusPerNode": 2}],
            "models": [QWEN, GEMMA],
            "routes": ROUTES,
            "gateway": {"kind": kind},
            "observability": {},
            **changes,
        }
    )


def of(stack: StackSettings) -> ObservabilitySettings:
    """The stack's settings of observability, which it has."""
    assert stack.observability is not None
    return stack.observability


def rules(stack: StackSettings) -> list[Manifest]:
    """All rules of a stack."""
    return [rule for group in rule_groups(stack, of(stack)) for rule in group["rules"]]

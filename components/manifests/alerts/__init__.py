"""Recorded series and alerts of a stack, as a PrometheusRule.

Both kinds of gateway and vLLM count under names of their own. What is recorded has one set of names, which
dashboards and alerts use: docs/observability.md lists them.
"""

from components.manifests.alerts import envoy, higress
from components.manifests.alerts.conditions import conditions
from components.manifests.alerts.engines import engine_rules
from components.manifests.alerts.objectives import INTERVAL_SECONDS, burn_alerts, objective_rules
from components.manifests.monitors import API, observability_labels, owner
from components.manifests.objects import Manifest, metadata
from stacks.settings import ObservabilitySettings, StackSettings

__all__ = ["prometheus_rule", "rule_groups"]


def prometheus_rule(stack: StackSettings, settings: ObservabilitySettings) -> Manifest:
    """The PrometheusRule of a stack."""
    own_labels = observability_labels(stack, settings)
    return {
        "apiVersion": API,
        "kind": "PrometheusRule",
        "metadata": metadata(f"{owner(stack)}-modelyard", stack.cluster.namespace, own_labels),
        "spec": {"groups": rule_groups(stack, settings)},
    }


def rule_groups(stack: StackSettings, settings: ObservabilitySettings) -> list[Manifest]:
    """The groups of rules, in the terms of Prometheus."""
    recorded = {
        "gateway": envoy.gateway_rules(stack) if stack.gateway.kind == "envoy" else higress.gateway_rules(stack),
        "engines": engine_rules(stack, settings),
        "objectives": objective_rules(stack),
    }
    groups = [_group(stack, name, rules) for name, rules in recorded.items()]
    if settings.alerts.enabled:
        groups.append(_group(stack, "alerts", [*burn_alerts(stack, settings), *conditions(stack, settings)]))
    return groups


def _group(stack: StackSettings, name: str, rules: list[Manifest]) -> Manifest:
    # In place of the gateway's own namespace, so that what it counts and what models count can be joined.
    own_labels = {"namespace": stack.cluster.namespace}
    found = [{**rule, "labels": {**rule.get("labels", {}), **own_labels}} for rule in rules]
    return {
        "name": f"modelyard-{stack.cluster.namespace}-{owner(stack)}-{name}",
        "interval": f"{INTERVAL_SECONDS}s",
        "rules": found,
    }

"""The network between pods."""

from collections.abc import Iterator

from policies.pack.kubernetes.selectors import selects
from policies.pack.kubernetes.workloads import Workload, models
from policies.pack.resource import Resource
from policies.pack.rule import Problem, Rule, View, each
from policies.pack.values import at, items, mapping, texts


def _network_policies(view: View) -> Iterator[Problem]:
    return each(models(view), lambda model: _guarded(view, model))


def _guarded(view: View, model: Workload) -> Iterator[Problem]:
    if not model.is_server:
        return
    # All labels are of one pod where they are of a set: a policy may choose by any of them.
    for labels in model.labels:
        chosen = [
            policy
            for policy in view.of_kind("NetworkPolicy")
            if policy.namespace == model.resource.namespace
            and selects(mapping(policy.props, "spec", "podSelector"), labels)
            and _is_of_ingress(policy)
        ]
        if not chosen:
            yield Problem(model.resource, "no NetworkPolicy says who may reach its pods")
        elif any(map(_lets_everybody_in, chosen)):
            yield Problem(model.resource, "a NetworkPolicy lets everybody reach its pods")


def _is_of_ingress(policy: Resource) -> bool:
    types = texts(policy.props, "spec", "policyTypes")
    return not types or "Ingress" in types


def _lets_everybody_in(policy: Resource) -> bool:
    return any(not items(rule, "from") for rule in items(policy.props, "spec", "ingress") if at(rule) is not None)


RULES = (
    Rule(
        id="network-policy",
        what="A NetworkPolicy says who may reach a model's pods.",
        why="so every pod of the cluster can use it past the gateway, its keys and its limits",
        instead="write one that lets in the gateway (modelyard:gateway.networkPolicy: true)",
        severity="high",
        scope="stack",
        check=_network_policies,
        elsewhere="advisory",
    ),
)

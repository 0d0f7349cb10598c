"""The network between pods."""

from collections.abc import Iterator

from policies.pack.kubernetes.addresses import holds_every_pod, networks
from policies.pack.kubernetes.engines import engines_of
from policies.pack.kubernetes.selectors import selects
from policies.pack.kubernetes.workloads import Workload, models
from policies.pack.resource import Resource
from policies.pack.rule import Problem, Rule, View, each
from policies.pack.values import Properties, at, items, mapping, number, text, texts

USUAL_PORTS = {"8000", "8080"}
"""Where vLLM listens when it is told nothing: its own choice, and that of `serving/`."""


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
        elif _let_everybody_in(chosen, _doors(model)):
            yield Problem(model.resource, "a NetworkPolicy lets everybody reach its pods")


def _is_of_ingress(policy: Resource) -> bool:
    types = texts(policy.props, "spec", "policyTypes")
    return not types or "Ingress" in types


def _let_everybody_in(policies: list[Resource], doors: set[str] | None) -> bool:
    """Whether policies, which add up, let everybody in by one of these ports."""
    rules = [rule for policy in policies for rule in items(policy.props, "spec", "ingress") if _opens(rule, doors)]
    peers = [peer for rule in rules for peer in items(rule, "from")]
    blocks = [mapping(peer, "ipBlock") for peer in peers]
    addresses = [each for block in blocks for each in networks(text(block, "cidr"), texts(block, "except"))]
    return any(not items(rule, "from") for rule in rules) or any(map(_is_any_pod, peers)) or holds_every_pod(addresses)


def _is_any_pod(peer: object) -> bool:
    everywhere = at(peer, "namespaceSelector") is not None and not _asks(mapping(peer, "namespaceSelector"))
    return everywhere and not _asks(mapping(peer, "podSelector"))


def _asks(selector: Properties) -> bool:
    return bool(mapping(selector, "matchLabels") or items(selector, "matchExpressions"))


def _opens(rule: Properties, doors: set[str] | None) -> bool:
    """Whether a rule is about one of these ports. None stands for all of them."""
    ports = items(rule, "ports")
    return doors is None or not ports or any(_is_of(port, doors) for port in ports)


def _is_of(port: Properties, doors: set[str]) -> bool:
    first, last = text(port, "port"), number(port, "endPort")
    if text(port, "protocol") not in ("", "TCP"):
        return False
    if last is None or not first.isdigit():
        return not first or first in doors
    return any(int(first) <= int(door) <= last for door in doors if door.isdigit())


def _doors(model: Workload) -> set[str] | None:
    """The ports by which vLLM is asked, by number and by name. None: whoever reaches any port can use it."""
    # Nodes of one replica have each other run code, on ports of their choice.
    if model.is_playground or model.nodes > 1:
        return None
    found: set[str] = set()
    for container in (one for pod in model.pods for one in pod.containers):
        for engine in engines_of(container):
            said = engine.setting("port")
            found |= {said} if said else USUAL_PORTS
            for port in items(container.spec, "ports"):
                name, where = text(port, "name"), text(port, "containerPort")
                if where == said or (said is None and "metrics" not in name):
                    found |= {name, where} - {""}
    return found


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

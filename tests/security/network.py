"""What NetworkPolicies let through, by the rules of ``networking.k8s.io/v1``, for those fields that ours have.

https://kubernetes.io/docs/concepts/services-networking/network-policies/
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Manifest = Mapping[str, Any]


@dataclass(frozen=True)
class Pod:
    """A pod as policies see it."""

    namespace: str
    labels: Mapping[str, str] = field(default_factory=dict)


def reaches(policies: Sequence[Manifest], caller: Pod, called: Pod, port: int) -> bool:
    """Whether a pod gets through to another one's TCP port.

    A pod that no policy chooses is open. One that is chosen takes what one rule of one of its policies lets in.
    """
    of_called = [policy["spec"] for policy in policies if _chooses(policy, called)]
    rules = [rule for spec in of_called for rule in spec["ingress"]]
    return not of_called or any(_lets_in(rule, caller, called, port) for rule in rules)


def _chooses(policy: Manifest, pod: Pod) -> bool:
    _known(policy["spec"], "podSelector", "policyTypes", "ingress")
    assert policy["spec"]["policyTypes"] == ["Ingress"], "nothing else is evaluated here"
    return bool(
        policy["metadata"]["namespace"] == pod.namespace and _matches(policy["spec"]["podSelector"], pod.labels)
    )


def _lets_in(rule: Manifest, caller: Pod, called: Pod, port: int) -> bool:
    _known(rule, "from", "ports")
    ports = rule.get("ports", [{"protocol": "TCP", "port": port}])
    assert all(one["protocol"] == "TCP" and isinstance(one["port"], int) for one in ports)
    on_port = any(one["port"] == port for one in ports)
    # Without peers, or with none of them, everybody is let in.
    peers = rule.get("from") or [{"namespaceSelector": {}}]
    return on_port and any(_is_peer(peer, caller, called) for peer in peers)


def _is_peer(peer: Manifest, caller: Pod, called: Pod) -> bool:
    _known(peer, "namespaceSelector", "podSelector")
    if (namespaces := peer.get("namespaceSelector")) is not None:
        there = _matches(namespaces, {"kubernetes.io/metadata.name": caller.namespace})
    else:
        there = caller.namespace == called.namespace
    return there and _matches(peer.get("podSelector", {}), caller.labels)


def _matches(selector: Manifest, labels: Mapping[str, str]) -> bool:
    _known(selector, "matchLabels", "matchExpressions")
    expressions = selector.get("matchExpressions", [])
    assert all(one["operator"] == "In" for one in expressions), "no other operator is evaluated here"
    return selector.get("matchLabels", {}).items() <= labels.items() and all(
        labels.get(one["key"]) in one["values"] for one in expressions
    )


def _known(found: Manifest, *keys: str) -> None:
    assert found.keys() <= set(keys), f"not evaluated here: {sorted(found.keys() - set(keys))}"

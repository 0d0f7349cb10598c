"""A route: which models answer, and which stand in for them."""

from collections.abc import Iterable
from dataclasses import dataclass

from policies.pack.kubernetes.selectors import chooses
from policies.pack.kubernetes.workloads import Workload, workloads
from policies.pack.resource import Resource
from policies.pack.rule import View
from policies.pack.values import Properties, mapping

CLUSTER_DOMAIN = ".svc.cluster.local"
"""How the hosts of Services end."""
WORKER_INDEX = "leaderworkerset.sigs.k8s.io/worker-index"
"""The label by which the pods of a replica are told apart."""


@dataclass(frozen=True)
class Target:
    """What a gateway calls a model by."""

    name: str
    """As messages have it."""
    host: str | None
    """The host that it is found by, or None where the gateway's configuration has no such target."""


@dataclass(frozen=True)
class Route:
    """What happens to requests that name a model."""

    name: str
    """As messages about other objects have it."""
    short: str
    """As messages about its own object have it."""
    resource: Resource
    """The object that says so."""
    targets: tuple[Target, ...]
    """Models that share its requests."""
    fallback: tuple[Target, ...]
    """Models that are asked when one of these fails, in their order."""


@dataclass(frozen=True)
class Directory:
    """The models of a stack by the hosts of their Services."""

    view: View

    def is_known(self, host: str) -> bool:
        """Whether the stack would have made what is behind a host: it has Services in that namespace."""
        _, namespace = split(host)
        return namespace is not None and any(each.namespace == namespace for each in self._services())

    def has(self, host: str) -> bool:
        """Whether a Service of the stack is behind a host."""
        return self._service(host) is not None

    def workload(self, target: Target) -> Workload | None:
        """What serves the model, or None where the stack has no such thing."""
        service = self._service(target.host) if target.host else None
        if service is None:
            return None
        chosen = _plain(mapping(service.props, "spec", "selector"))
        for each in workloads(self.view):
            if each.resource.namespace == service.namespace and any(chooses(chosen, one) for one in each.labels):
                return each
        return None

    def workloads(self, targets: Iterable[Target]) -> list[Workload]:
        """What serves these models, as far as it is in the stack."""
        found = (self.workload(target) for target in targets)
        return [each for each in found if each is not None]

    def _service(self, host: str) -> Resource | None:
        name, namespace = split(host)
        for each in self._services():
            if each.object_name == name and each.namespace == namespace:
                return each
        return None

    def _services(self) -> list[Resource]:
        # One whose name is not known yet may be any, so nothing can be said of what is missing.
        return [each for each in self.view.of_kind("Service") if not each.group and each.object_name]


def split(host: str) -> tuple[str, str | None]:
    """The name and the namespace of the Service that a host belongs to. No namespace: it is no Service's."""
    inner, dot, rest = host.removesuffix(".").removesuffix(".cluster.local").removesuffix(".svc").partition(".")
    if not dot or "." in rest or not host.removesuffix(".").endswith((".svc", CLUSTER_DOMAIN)):
        return host, None
    return inner, rest


def _plain(selector: Properties) -> Properties:
    # Leaders are told from workers by a label that their set writes.
    return {key: selector[key] for key in selector if key != WORKER_INDEX}

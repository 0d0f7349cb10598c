"""A route: which models answer, and which stand in for them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from policies.pack.kubernetes.selectors import chooses
from policies.pack.kubernetes.workloads import Workload, workloads
from policies.pack.resource import Resource
from policies.pack.rule import View, each
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
        return any(namespace == known for _, known in self._services)

    def has(self, host: str) -> bool:
        """Whether a Service of the stack is behind a host."""
        return split(host) in self._services

    def workload(self, target: Target) -> Workload | None:
        """What serves the model, or None where the stack has no such thing."""
        service = self._services.get(split(target.host)) if target.host else None
        if service is None:
            return None
        chosen = _plain(mapping(service.props, "spec", "selector"))
        for namespace, labels, workload in self._pods:
            if namespace == service.namespace and chooses(chosen, labels):
                return workload
        return None

    def workloads(self, targets: Iterable[Target]) -> list[Workload]:
        """What serves these models, as far as it is in the stack."""
        found = (self.workload(target) for target in targets)
        return [workload for workload in found if workload is not None]

    @cached_property
    def _services(self) -> dict[tuple[str, str | None], Resource]:
        # One whose name is not known yet may be any, so nothing can be said of what is missing.
        services = [service for service in self.view.of_kind("Service") if not service.group]
        return {(service.object_name, service.namespace): service for service in services if service.object_name}

    @cached_property
    def _pods(self) -> list[tuple[str, Properties, Workload]]:
        return list(each(workloads(self.view), _with_labels))


def _with_labels(workload: Workload) -> Iterator[tuple[str, Properties, Workload]]:
    for labels in workload.labels:
        yield workload.resource.namespace, dict(labels), workload


def split(host: str) -> tuple[str, str | None]:
    """The name and the namespace of the Service that a host belongs to. No namespace: it is no Service's."""
    inner, dot, rest = host.removesuffix(".").removesuffix(".cluster.local").removesuffix(".svc").partition(".")
    if not dot or "." in rest or not host.removesuffix(".").endswith((".svc", CLUSTER_DOMAIN)):
        return host, None
    return inner, rest


def _plain(selector: Properties) -> Properties:
    # Leaders are told from workers by a label that their set writes.
    return {key: selector[key] for key in selector if key != WORKER_INDEX}

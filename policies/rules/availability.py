"""The gateway, through which everything goes."""

import math
from collections.abc import Iterator

from policies.pack.kubernetes import exposure
from policies.pack.kubernetes.pods import SHORT_LIVED
from policies.pack.kubernetes.selectors import selects
from policies.pack.kubernetes.workloads import Workload, workloads
from policies.pack.resource import Resource
from policies.pack.rule import Parameter, Problem, Rule, View, each
from policies.pack.values import Properties, amount, at, mapping, number, text
from policies.rules.exposure import is_gateway


def _available(view: View) -> Iterator[Problem]:
    least = int(view.parameters["minReplicas"])
    yield from each(workloads(view), lambda workload: _gateway(view, workload, least))
    yield from each(exposure.higress_releases(view), lambda release: _higress(view, release, least))


def _gateway(view: View, workload: Workload, least: int) -> Iterator[Problem]:
    if workload.is_playground or not is_gateway(workload):
        return
    if workload.resource.kind not in ("DaemonSet", *SHORT_LIVED):
        yield from _replicas(workload.resource, workload.least, least)
        # Of fewer pods than there have to be, that is said, and not that none would be left.
        pods = max(workload.least, least)
        yield from _budget(view, workload.resource, workload.resource.namespace, workload.labels[0], pods)


def _higress(view: View, release: Resource, least: int) -> Iterator[Problem]:
    gateway = mapping(release.props, "values", "higress-core", "gateway")
    scaling = mapping(gateway, "autoscaling")
    # The chart's own numbers are 2 pods, and 1 at least with its autoscaler.
    found = number(scaling, "minReplicas") or 1 if at(scaling, "enabled") is True else number(gateway, "replicas") or 2
    yield from _replicas(release, int(found), least)
    namespace = str(at(release.props, "namespace") or "default")
    labels = {"app": exposure.HIGRESS_GATEWAY, "higress": f"{namespace}-{exposure.HIGRESS_GATEWAY}"}
    yield from _budget(view, release, namespace, labels, max(int(found), least))


def _replicas(resource: Resource, found: int, least: int) -> Iterator[Problem]:
    if found < least:
        yield Problem(
            resource,
            f"the gateway may have {found} {'pod' if found == 1 else 'pods'}",
            f"write {least} replicas or more (modelyard:gateway.replicas, or gateway.autoscaling.minReplicas)",
        )


def _budget(view: View, resource: Resource, namespace: str, labels: Properties, pods: int) -> Iterator[Problem]:
    chosen = [
        budget
        for budget in view.of_kind("PodDisruptionBudget")
        # One without a selector chooses nothing, other than one with an empty one.
        if budget.namespace == namespace
        and at(budget.props, "spec", "selector") is not None
        and selects(mapping(budget.props, "spec", "selector"), labels)
    ]
    if not chosen:
        yield Problem(
            resource,
            "no PodDisruptionBudget chooses the gateway's pods",
            "write one with maxUnavailable: 1; a gateway of two replicas or more gets it from the program",
        )
    elif all(_left(budget, pods) < 1 for budget in chosen):
        yield Problem(
            resource,
            f"PodDisruptionBudget {chosen[0].namespace}/{chosen[0].object_name} lets all {pods} of the gateway's pods "
            "be taken at once",
            "write maxUnavailable: 1",
            waived_by=(chosen[0],),
        )


def _left(budget: Resource, pods: int) -> int:
    """The fewest pods that a budget leaves running, as Kubernetes rounds: up, both what goes and what stays."""
    spec = mapping(budget.props, "spec")
    if text(spec, "maxUnavailable"):
        return pods - _share(text(spec, "maxUnavailable"), pods)
    return _share(text(spec, "minAvailable"), pods)


def _share(said: str, pods: int) -> int:
    """A number of pods that is written as such, or in per cent. Nothing that can be read is none."""
    found = amount(said.removesuffix("%")) or 0
    return math.ceil(pods * found / 100) if said.endswith("%") else int(found)


RULES = (
    Rule(
        id="gateway-availability",
        what="In production the gateway has two pods or more, and a budget by which drained nodes take one at a time.",
        why="so a node that fails or is drained may take every model out of reach",
        instead="write two replicas and a PodDisruptionBudget",
        severity="high",
        scope="stack",
        check=_available,
        elsewhere="advisory",
        parameters=(Parameter("minReplicas", "integer", "Fewest pods of a gateway", 2, minimum=1),),
    ),
)

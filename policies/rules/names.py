"""Names and labels, by which objects are found."""

import re
from collections.abc import Iterator

from policies.pack.kubernetes.pods import SHORT_LIVED
from policies.pack.kubernetes.workloads import Workload, workloads
from policies.pack.resource import Resource
from policies.pack.rule import Parameter, Problem, Rule, View, each
from policies.pack.values import Properties, text

LONGEST = {"StatefulSet": 52, "LeaderWorkerSet": 52, "Deployment": 63, "Service": 63}
"""Longest names, in characters. Those of pods, with what is put behind them, have to be host names or labels."""
HOST = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")


def _names(view: View) -> Iterator[Problem]:
    return each(view.of_kind(*LONGEST), _named)


def _named(resource: Resource) -> Iterator[Problem]:
    name, longest = resource.object_name, LONGEST[resource.kind]
    if not name:
        yield Problem(resource, "it has no metadata.name, so Pulumi makes one up, and another with each replacement")
    elif len(name) > longest:
        yield Problem(
            resource, f"its name has {len(name)} characters, and pods get a longer one", f"write {longest} or fewer"
        )
    elif resource.kind == "Service" and not HOST.fullmatch(name):
        yield Problem(resource, f"{name!r} is no host name", "write lower-case letters, digits and '-', a letter first")


def _labels(view: View) -> Iterator[Problem]:
    wanted = [str(key) for key in view.parameters["required"]]
    yield from each(workloads(view), lambda workload: _labelled(workload, wanted))
    yield from each(view.of_kind("Service"), lambda service: _missing(service, "it has", service.labels, wanted))


def _labelled(workload: Workload, wanted: list[str]) -> Iterator[Problem]:
    if workload.resource.kind in (*SHORT_LIVED, "Pod"):
        return
    yield from _missing(workload.resource, "it has", workload.resource.labels, wanted)
    if not workload.is_playground:
        for pod in workload.pods:
            yield from _missing(workload.resource, "its pods have", pod.labels, wanted)


def _missing(resource: Resource, begin: str, labels: Properties, wanted: list[str]) -> Iterator[Problem]:
    missing = [key for key in wanted if not text(labels, key)]
    if missing:
        yield Problem(
            resource, f"{begin} no label {' and no label '.join(missing)}", f"write {', '.join(missing)} as labels"
        )


RULES = (
    Rule(
        id="object-names",
        what="Workloads and Services have names of their own, short enough for what is made of them.",
        why="so what looks for it by its name may not find it",
        instead="write metadata.name",
        severity="low",
        scope="resource",
        check=_names,
        elsewhere="advisory",
    ),
    Rule(
        id="object-labels",
        what="Workloads, their pods and Services have the labels that Kubernetes recommends.",
        why="so selectors, dashboards and bills miss it",
        instead="write the labels",
        severity="low",
        scope="resource",
        check=_labels,
        elsewhere="advisory",
        parameters=(
            Parameter(
                "required",
                "array",
                "Keys of the labels",
                ["app.kubernetes.io/name", "app.kubernetes.io/instance", "app.kubernetes.io/part-of"],
            ),
        ),
    ),
)

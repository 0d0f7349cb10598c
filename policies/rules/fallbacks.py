"""Fallbacks, which have to answer when what they stand in for can't."""

from collections.abc import Iterator

from policies.pack.kubernetes.workloads import Workload, are_apart, models
from policies.pack.routing import envoy, higress
from policies.pack.routing.route import Directory, Route, Target
from policies.pack.rule import Parameter, Problem, Rule, View, each


def _routes(view: View) -> Iterator[Route]:
    for read in (envoy.routes, higress.routes):
        yield from each([view], read)


def _exist(view: View) -> Iterator[Problem]:
    directory = Directory(view)
    return each(_routes(view), lambda route: _existing(directory, route))


def _existing(directory: Directory, route: Route) -> Iterator[Problem]:
    for target in route.fallback:
        if target.host is None:
            yield Problem(route.resource, f"{route.short} falls back on {target.name!r}, unknown to the gateway")
        elif directory.is_known(target.host) and not directory.has(target.host):
            yield Problem(route.resource, f"{route.short} falls back on {target.host!r}, and there is no such Service")


def _differ(view: View) -> Iterator[Problem]:
    directory = Directory(view)
    return each(_routes(view), lambda route: _different(directory, route))


def _different(directory: Directory, route: Route) -> Iterator[Problem]:
    seen = [_identity(directory, target) for target in route.targets]
    for target in route.fallback:
        found = _identity(directory, target)
        if found and found in seen:
            yield Problem(route.resource, f"{route.short} falls back on {target.name!r}, which it has asked before")
        seen.append(found)


def _identity(directory: Directory, target: Target) -> str | None:
    workload = directory.workload(target)
    return workload.resource.urn if workload else target.host


def _warm(view: View) -> Iterator[Problem]:
    directory = Directory(view)
    return each(_routes(view), lambda route: _warm_ones(directory, route))


def _warm_ones(directory: Directory, route: Route) -> Iterator[Problem]:
    for target in route.fallback:
        workload = directory.workload(target)
        if workload and workload.least == 0:
            yield Problem(
                route.resource,
                f"{route.short} falls back on {target.name!r}, which may have no replica",
                f"write at least one replica for {workload.resource.object_name!r}, or another fallback",
                waived_by=(workload.resource,),
            )


def _elsewhere(view: View) -> Iterator[Problem]:
    directory = Directory(view)
    every = bool(view.parameters["every"])
    return each(_routes(view), lambda route: _apart(directory, route, every=every))


def _apart(directory: Directory, route: Route, *, every: bool) -> Iterator[Problem]:
    stand_ins = directory.workloads(route.fallback)
    # One that is not in the stack may be anywhere.
    if len(stand_ins) < len(route.fallback):
        return
    for primary in directory.workloads(route.targets):
        found = [_is_apart(primary, other) for other in stand_ins]
        if found and not (all(found) if every else any(found)):
            names = " and ".join(repr(each.resource.object_name) for each in stand_ins)
            yield Problem(
                route.resource,
                f"{route.short} falls back from {primary.resource.object_name!r} on {names}, all of one pool and zone",
                waived_by=(primary.resource,),
            )


def _is_apart(one: Workload, other: Workload) -> bool:
    return all(are_apart(place, another) for place in one.places for another in other.places)


def _zero(view: View) -> Iterator[Problem]:
    routes = list(_routes(view))
    directory = Directory(view)
    return each(models(view), lambda model: _stood_in_for(directory, routes, model))


def _stood_in_for(directory: Directory, routes: list[Route], model: Workload) -> Iterator[Problem]:
    if model.least > 0 or not routes:
        return
    name = model.resource.object_name
    for route in routes:
        if not any(found.resource is model.resource for found in directory.workloads(route.targets)):
            continue
        stand_ins = directory.workloads(route.fallback)
        # One that is not in the stack may well be warm.
        if len(stand_ins) == len(route.fallback) and not any(found.least > 0 for found in stand_ins):
            yield Problem(
                model.resource,
                f"it may have no replica, and {route.name} has nobody with one who answers until it is back",
                f"write a fallback that always has a replica, or at least one for {name!r}",
                waived_by=(route.resource,),
            )


RULES = (
    Rule(
        id="fallback-exists",
        what="A fallback is a model that there is.",
        why="so nothing would answer when it is needed",
        instead="write the name of a model of the stack",
        severity="high",
        scope="stack",
        check=_exist,
    ),
    Rule(
        id="fallback-differs",
        what="A fallback is another model than those asked before it.",
        why="so what has just failed is asked again, and the client waits twice",
        instead="write another model, or none",
        severity="high",
        scope="stack",
        check=_differ,
    ),
    Rule(
        id="fallback-warm",
        what="A fallback always has a replica.",
        why="so its requests would wait minutes for a start, or fail",
        instead="write at least one replica for it",
        severity="high",
        scope="stack",
        check=_warm,
    ),
    Rule(
        id="fallback-elsewhere",
        what="In production a fallback is on another pool, or in another zone, than what it stands in for.",
        why="so a zone without power, or a pool without machines, takes both",
        instead="put one model of the chain on a pool of another zone (topology.kubernetes.io/zone) or other GPUs",
        severity="medium",
        scope="stack",
        check=_elsewhere,
        elsewhere="advisory",
        parameters=(
            Parameter(
                "every", "boolean", "Whether all fallbacks of a chain must be elsewhere, and not just one", False
            ),
        ),
    ),
    Rule(
        id="scale-to-zero-fallback",
        what="A model that may have no replica has a fallback that always has one.",
        why="so requests would fail until a replica has started",
        instead="write a fallback that always has a replica",
        severity="high",
        scope="stack",
        check=_zero,
    ),
)

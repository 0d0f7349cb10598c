"""Containers: what they ask for, how they say that they are well, how long they have to stop."""

import re
from collections.abc import Iterator

from policies.pack.kubernetes.engines import Engine, engines_of
from policies.pack.kubernetes.pods import Container, Pod, containers, pods
from policies.pack.rule import Parameter, Problem, Rule, View, each
from policies.pack.values import Properties, at, items, mapping, number, text, texts

DEFAULT_GRACE_SECONDS = 30
"""What Kubernetes gives a pod that says nothing."""


def _resources(view: View) -> Iterator[Problem]:
    wanted = [("requests", "cpu"), ("requests", "memory"), ("limits", "memory")]
    if view.parameters["cpuLimit"]:
        wanted.append(("limits", "cpu"))
    return each(containers(view), lambda container: _sized(container, wanted))


def _sized(container: Container, wanted: list[tuple[str, str]]) -> Iterator[Problem]:
    for kind, name in wanted:
        # Where only a limit is given, the request is the same.
        found = at(container.spec, "resources", kind, name) or (
            at(container.spec, "resources", "limits", name) if kind == "requests" else None
        )
        if found is None:
            yield Problem(
                container.pod.resource,
                f"{container.name} has no {kind}.{name}",
                f"write resources.{kind}.{name} of what was measured",
            )


def _probes(view: View) -> Iterator[Problem]:
    return each(containers(view), _probed)


def _probed(container: Container) -> Iterator[Problem]:
    pod = container.pod
    is_model = any(engine.serves for engine in engines_of(container))
    if pod.ends or pod.is_worker or not (is_model or items(container.spec, "ports")):
        return
    # A model loads for minutes, through which a liveness probe alone would restart it for ever.
    wanted = ["readinessProbe", "livenessProbe", *(["startupProbe"] if is_model else [])]
    for name in wanted:
        probe = mapping(container.spec, name)
        if not probe:
            yield Problem(pod.resource, f"{container.name} has no {name}", f"write a {name}, such as of /health")
        elif problem := _asking(container, probe):
            yield Problem(pod.resource, f"the {name} of {container.name} {problem}", f"write {name}.httpGet.port")


def _asking(container: Container, probe: Properties) -> str | None:
    """What is wrong with what a probe asks, or None."""
    if texts(probe, "exec", "command"):
        return None
    for kind in ("httpGet", "tcpSocket", "grpc"):
        if at(probe, kind) is not None:
            port = text(probe, kind, "port")
            known = [text(each, "name") for each in items(container.spec, "ports")]
            if port.isdigit() or port in known:
                return None
            return f"asks port {port!r}, which the container does not have" if port else "asks no port"
    return "asks nothing"


def _grace(view: View) -> Iterator[Problem]:
    return each(pods(view), _stopping)


def _stopping(pod: Pod) -> Iterator[Problem]:
    grace = number(pod.spec, "terminationGracePeriodSeconds")
    grace = DEFAULT_GRACE_SECONDS if grace is None else grace
    for container in pod.containers:
        drain = _drain_seconds(container)
        if drain and grace <= drain:
            yield Problem(
                pod.resource,
                f"its pods get {grace:g} seconds to stop, and {container.name} takes up to {drain:g} to drain",
                f"write terminationGracePeriodSeconds: {drain + 30:g}",
            )


def _drain_seconds(container: Container) -> float:
    return _pre_stop_seconds(container) + max(map(_engine_seconds, engines_of(container)), default=0)


def _engine_seconds(engine: Engine) -> float:
    said = engine.setting("drain_seconds") or engine.setting("shutdown_timeout")
    return float(said) if said and re.fullmatch(r"[0-9.]+", said) else 0


def _pre_stop_seconds(container: Container) -> float:
    hook = mapping(container.spec, "lifecycle", "preStop")
    if sleep := number(hook, "sleep", "seconds"):
        return sleep
    words = " ".join(texts(hook, "exec", "command"))
    return sum(float(each) for each in re.findall(r"(?:^|[\s;&/])sleep\s+([0-9.]+)(?=s?\b)", words))


RULES = (
    Rule(
        id="container-resources",
        what="Containers ask for CPU and memory, and have a limit of memory.",
        why="so the scheduler may put it where there is no room, and it or a neighbour is killed",
        instead="write resources.requests and resources.limits",
        severity="medium",
        scope="resource",
        check=_resources,
        parameters=(Parameter("cpuLimit", "boolean", "Whether a limit of CPU is asked for, too", False),),
    ),
    Rule(
        id="probes",
        what="Containers that answer requests have a readiness and a liveness probe, and models a startup probe.",
        why="so requests would go to a pod that still loads or hangs, or a start is taken for one that hangs",
        instead="write the probe",
        severity="medium",
        scope="resource",
        check=_probes,
    ),
    Rule(
        id="grace-period",
        what="Pods have longer to stop than their running requests may take.",
        why="so running answers would be cut off",
        instead="write a longer terminationGracePeriodSeconds",
        severity="medium",
        scope="resource",
        check=_grace,
    ),
)

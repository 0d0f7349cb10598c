"""What a pod does, by its conditions, its containers and what happened to it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from components.manifests.multi_node.names import WORKER_INDEX
from stacks.cli.platform.engine_log import engine_progress

Stage = Literal[
    "scheduling",
    "pulling",
    "preparing",
    "starting",
    "downloading",
    "loading",
    "compiling",
    "warming",
    "ready",
    "stopping",
    "failing",
    "ended",
]
"""What a pod does, from its creation until it is ready. ``preparing``: what has to be done before the model's
container starts."""

STAGES: dict[Stage, str] = {
    "failing": "failing",
    "scheduling": "waiting for a node",
    "pulling": "pulling the image",
    "preparing": "preparing",
    "starting": "starting",
    "downloading": "downloading weights",
    "loading": "loading weights",
    "compiling": "compiling",
    "warming": "warming up",
    "stopping": "stopping",
    "ended": "ended",
    "ready": "ready",
}
"""The stages in words, those first that are furthest from being ready."""

_FAILURES = frozenset(
    {
        "CrashLoopBackOff",
        "ImagePullBackOff",
        "ErrImagePull",
        "ErrImageNeverPull",
        "InvalidImageName",
        "CreateContainerConfigError",
        "CreateContainerError",
        "RunContainerError",
    }
)
"""Reasons for which a container waits and that mean that it does not start."""

_MOUNTS = frozenset({"FailedMount", "FailedAttachVolume"})


@dataclass(frozen=True)
class PodState:
    """What one pod does."""

    name: str
    """Its name."""
    stage: Stage
    """What it does."""
    detail: str
    """Why, or how far it is. Empty where there is nothing to add."""
    node: str | None
    """The node that it is on. None: on none yet."""
    worker: bool
    """Whether it is no replica by itself, but another node of one."""
    restarts: int
    """How often its containers were started again."""


def pod_state(pod: dict[str, Any], events: Sequence[dict[str, Any]] = (), log: Iterable[str] = ()) -> PodState:
    """What a pod does.

    Args:
        pod: the pod, as Kubernetes has it.
        events: the events about it, oldest first.
        log: the end of what its engine wrote. Read only where the pod runs and is not ready.
    """
    status = pod.get("status", {})
    stage, detail = _doing(pod, events, log)
    return PodState(
        name=pod["metadata"]["name"],
        stage=stage,
        detail=" ".join(detail.split()),
        node=pod.get("spec", {}).get("nodeName"),
        worker=pod["metadata"].get("labels", {}).get(WORKER_INDEX, "0") != "0",
        restarts=sum(each.get("restartCount", 0) for each in status.get("containerStatuses", [])),
    )


def is_starting(pod: dict[str, Any]) -> bool:
    """Whether a pod's containers run and it is not ready yet, so that its log says how far it is."""
    return pod_state(pod).stage == "starting" and any(
        "running" in each.get("state", {}) for each in pod.get("status", {}).get("containerStatuses", [])
    )


def _doing(pod: dict[str, Any], events: Sequence[dict[str, Any]], log: Iterable[str]) -> tuple[Stage, str]:
    status = pod.get("status", {})
    if "deletionTimestamp" in pod["metadata"]:
        return "stopping", ""
    if status.get("phase") in ("Succeeded", "Failed"):
        return "ended", status.get("message") or status.get("reason") or ""
    conditions = {each["type"]: each for each in status.get("conditions", [])}
    scheduled = conditions.get("PodScheduled", {})
    if scheduled.get("status") != "True":
        return "scheduling", scheduled.get("message") or ""
    if conditions.get("Ready", {}).get("status") == "True":
        return "ready", ""
    before = status.get("initContainerStatuses", [])
    containers = status.get("containerStatuses", [])
    for container in (*before, *containers):
        if failure := _failure(container):
            return "failing", failure
    return _before(before, events) or _starting(containers, events, log)


def _before(containers: Sequence[dict[str, Any]], events: Sequence[dict[str, Any]]) -> tuple[Stage, str] | None:
    """What containers do that run before the model's."""
    for container in containers:
        state = container.get("state", {})
        if "running" in state and not container.get("started"):
            return "preparing", f"container {container['name']}"
        if "waiting" in state:
            return _creating(events)
    return None


def _starting(
    containers: Sequence[dict[str, Any]], events: Sequence[dict[str, Any]], log: Iterable[str]
) -> tuple[Stage, str]:
    if not any("running" in each.get("state", {}) for each in containers):
        return _creating(events)
    progress = engine_progress(log)
    return progress.stage, progress.detail or _last_end(containers)


def _creating(events: Sequence[dict[str, Any]]) -> tuple[Stage, str]:
    """What a node does with a pod whose container is not there yet, by the last event that says so."""
    for event in reversed(events):
        reason, message = event.get("reason"), event.get("message") or ""
        if reason == "Pulling":
            return "pulling", message.removeprefix("Pulling image ").strip('"')
        if reason in _MOUNTS:
            return "preparing", message
        if reason in ("Pulled", "Created", "Started"):
            break
    return "starting", ""


def _failure(container: dict[str, Any]) -> str | None:
    waiting = container.get("state", {}).get("waiting", {})
    if waiting.get("reason") not in _FAILURES:
        return None
    if waiting["reason"] == "CrashLoopBackOff":
        return _last_end([container]) or waiting.get("message") or waiting["reason"]
    return f"{waiting['reason']}: {waiting['message']}" if waiting.get("message") else str(waiting["reason"])


def _last_end(containers: Sequence[dict[str, Any]]) -> str:
    """Why a container ended the last time, in its own words where it left some."""
    for container in containers:
        if ended := container.get("lastState", {}).get("terminated"):
            why = ended.get("message") or ended.get("reason") or "no reason given"
            return f"ended before with code {ended.get('exitCode')}: {why.strip()}"
    return ""

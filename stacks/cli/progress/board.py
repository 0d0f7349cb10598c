"""What is known of a running update, by component: what Pulumi tells, and what the pods of models and gateway do."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from stacks.automation.events import (
    Component,
    Done,
    Event,
    Failed,
    Finished,
    Message,
    Recovered,
    Resource,
    Retrying,
    Started,
)
from stacks.cli.platform.state import PlatformState, ReplicaState
from stacks.cli.progress.wording import is_component, kind_of

SETTLED_SECONDS = 1.5
"""How long nothing may happen to a component until it counts as done: its next resource begins at once."""

State = Literal["running", "done", "failed", "stopped"]
"""``stopped``: the update failed elsewhere, before this one was done, or begun."""

_DOING = {
    "create": "creating",
    "update": "updating",
    "delete": "deleting",
    "read": "reading",
    "refresh": "reading",
    "import": "importing",
    "replace": "replacing",
    "create-replacement": "replacing",
    "delete-replaced": "deleting the old",
}


@dataclass(frozen=True)
class Row:
    """A component as it is shown."""

    name: str
    """What it is and how it is called, such as ``model qwen2-1-5b``."""
    state: State
    """Whether it is being worked on."""
    seconds: float
    """How long it has been, or was, worked on."""
    detail: str
    """What it waits for. Of one that is done: how many resources were changed. Of one that is stopped: how far."""


@dataclass
class _Work:
    """What is known of one component."""

    began: float
    touched: float
    active: dict[str, tuple[Resource, str]] = field(default_factory=dict)
    changed: int = 0
    failed: bool = False
    again: bool = False
    """Whether it failed, and waits for another attempt."""
    status: str = ""

    def try_again(self) -> None:
        """What an attempt has left is of no interest to the next one."""
        self.again |= self.failed
        self.failed = False
        self.status = ""
        self.active.clear()


class Board:
    """Gathers what happens, from several threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._work: dict[Component, _Work] = {}
        self._seen: dict[str, ReplicaState] = {}
        self._over = False
        self._succeeded = False

    def heard(self, event: Event) -> None:
        """Take note of what Pulumi tells."""
        with self._lock:
            match event:
                case Started(resource, operation):
                    self._over = False
                    self._of(resource).active[resource.urn] = (resource, operation)
                case Done(resource):
                    work = self._of(resource)
                    work.active.pop(resource.urn, None)
                    work.changed += not is_component(resource)
                    work.again &= is_component(resource)
                    work.status = ""
                case Failed(resource):
                    work = self._of(resource)
                    work.active.pop(resource.urn, None)
                    work.failed = True
                case Message("status", text, Resource() as resource):
                    self._of(resource).status = " ".join(text.split())
                case Retrying():
                    self._over = False
                    for work in self._work.values():
                        work.try_again()
                case Recovered():
                    # All of it was read from the cluster; what the update itself does begins now.
                    self._over = False
                    self._work.clear()
                case Finished(succeeded):
                    self._over = True
                    self._succeeded = succeeded

    def seen(self, state: PlatformState) -> None:
        """Take note of what pods do."""
        with self._lock:
            self._seen = {each.name: each for each in (*state.models, state.gateway)}

    def rows(self) -> list[Row]:
        """The components that something was done to, in the order in which it began."""
        with self._lock:
            now = self._clock()
            return [self._row(component, work, now) for component, work in self._work.items()]

    def _of(self, resource: Resource) -> _Work:
        now = self._clock()
        work = self._work.setdefault(resource.component, _Work(began=now, touched=now))
        work.touched = now
        return work

    def _row(self, component: Component, work: _Work, now: float) -> Row:
        name = f"{_noun(component)} {component.name}" if _noun(component) else component.name
        if work.failed:
            return Row(name, "failed", work.touched - work.began, "")
        waits = any(not is_component(resource) for resource, _ in work.active.values())
        # A component that is known may wait long for others, before anything in it is begun.
        settled = work.changed and now - work.touched >= SETTLED_SECONDS
        if not self._over and (waits or work.again or not settled):
            return Row(name, "running", now - work.began, self._doing(component, work))
        if self._over and not self._succeeded and (waits or work.again or not work.changed):
            how_far = "not finished" if waits or work.again else "nothing was done"
            return Row(name, "stopped", work.touched - work.began, how_far)
        what = f"{work.changed} resource{'' if work.changed == 1 else 's'}"
        return Row(name, "done", work.touched - work.began, what)

    def _doing(self, component: Component, work: _Work) -> str:
        pods = self._seen.get("gateway" if _noun(component) == "gateway" else component.name)
        if pods is not None and pods.pods and not pods.is_ready:
            return pods.doing
        leaves = [(resource, operation) for resource, operation in work.active.values() if not is_component(resource)]
        if work.again and not leaves:
            return "waiting for the next attempt"
        if work.status or not leaves:
            return work.status
        resource, operation = leaves[0]
        more = f" and {len(leaves) - 1} more" if len(leaves) > 1 else ""
        return f"{_DOING.get(operation, operation)} {kind_of(resource)} {resource.name}{more}"


def _noun(component: Component) -> str:
    for suffix, noun in (("ModelService", "model"), ("Gateway", "gateway"), ("NodePool", "pool")):
        if component.kind.endswith(suffix):
            return noun if component.name != noun else ""
    return ""

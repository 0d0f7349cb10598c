"""What an update that was killed leaves behind: a lock, and operations that nobody knows the end of."""

import json
import os
import socket
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stacks.automation.explain import Failure, explained, locked
from stacks.automation.state_folder import state_folder
from stacks.automation.workspace import Workspace

HELM_RELEASE = "kubernetes:helm.sh/v3:Release"
"""Its name stands in its inputs, which have no metadata."""


def adopt_pending_creates(state: dict[str, Any]) -> list[str]:
    """Move the Kubernetes objects that an exported state says were being made to those that it says are there.

    Their IDs are known, for the program names its objects and Helm releases itself. Other pending operations are
    dropped, as ``pulumi refresh`` does with them, and so is what has no name.

    Returns:
        The URNs of what was moved.
    """
    deployment = state["deployment"]
    adopted = []
    for operation in deployment.pop("pending_operations", None) or ():
        resource = operation["resource"]
        identifier = _identifier(resource)
        if operation["type"] == "creating" and identifier:
            deployment["resources"].append({**resource, "id": identifier, "outputs": resource["inputs"]})
            adopted.append(resource["urn"])
    return adopted


def _identifier(resource: Mapping[str, Any]) -> str | None:
    """The ID that the Kubernetes provider gives a resource: namespace and name. None: the inputs do not say it."""
    if not resource["type"].startswith("kubernetes:"):
        return None
    inputs = resource.get("inputs") or {}
    named = inputs if resource["type"] == HELM_RELEASE else inputs.get("metadata")
    if not isinstance(named, Mapping):
        return None
    name, namespace = named.get("name"), named.get("namespace") or ""
    # A secret stands there as a mapping of its own.
    if not isinstance(name, str) or not isinstance(namespace, str):
        return None
    return f"{namespace}/{name}" if namespace else name


def take_up(workspace: Workspace) -> tuple[str, ...] | None:
    """Read what a killed update was making into the state, or the next one would not know that it is there.

    A refresh has to follow: what was not made after all then goes out of the state again. Where it fails, `put_back` is
    to be called, or the next update would take all of it for made. An update that runs has
    operations of the same kind in the state, and reading the state takes no lock: it is read twice, and stays as it
    is where somebody writes it meanwhile.

    Returns:
        The URNs of what was being made, or None where no operation was left.

    Raises:
        AutomationError: the state cannot be read, or an update runs, as ``LockedError``.
    """
    refuse_locked(workspace)
    exported = checked(workspace, "stack", "export", *workspace.chosen)
    state = json.loads(exported)
    if not (state.get("deployment") or {}).get("pending_operations"):
        return None
    adopted = adopt_pending_creates(state)
    repaired = workspace.file.with_name("repaired.json")
    repaired.write_text(json.dumps(state), encoding="utf-8")
    _killed(workspace).write_text(exported, encoding="utf-8")
    if checked(workspace, "stack", "export", *workspace.chosen) != exported:
        raise locked(workspace.stack, None, None)
    checked(workspace, "stack", "import", *workspace.chosen, f"--file={repaired}")
    return tuple(adopted)


def put_back(workspace: Workspace) -> None:
    """Put the state back that `take_up` found, so that the next operation takes up the same again.

    Raises:
        AutomationError: the state cannot be written.
    """
    checked(workspace, "stack", "import", *workspace.chosen, f"--file={_killed(workspace)}")


def _killed(workspace: Workspace) -> Path:
    return workspace.file.with_name("killed.json")


def refuse_locked(workspace: Workspace) -> None:
    """Leave the state of an update that runs alone.

    Raises:
        LockedError: one does, as far as it can be seen from here.
    """
    for lock in _locks(workspace):
        raise locked(workspace.stack, lock.holder, lock.since)


def break_dead_locks(workspace: Workspace) -> None:
    """Take away the locks of updates that were killed, where that is certain.

    They are of processes of this machine that are gone, and the state is a folder of this machine. Any other lock
    stays: its holder may run where it can't be seen. ``pulumi cancel`` would take that one too.
    """
    for lock in _locks(workspace):
        if lock.hostname == socket.gethostname() and lock.process is not None and not _is_pulumi(lock.process):
            lock.file.unlink(missing_ok=True)


@dataclass(frozen=True)
class _Lock:
    """A lock of a state that is a folder of this machine."""

    file: Path
    """Its file, whose name no other lock ever has."""
    process: int | None
    hostname: str | None
    holder: str | None
    """Who holds it, as ``LockedError`` has it."""
    since: str | None


def _locks(workspace: Workspace) -> list[_Lock]:
    """The locks of the stack, as far as they can be seen from here."""
    folder = state_folder(workspace)
    if folder is None:
        return []
    found = []
    for file in (folder / "locks").rglob(f"{workspace.project}/{workspace.name}/*.json"):
        # An update that ends takes its lock with it.
        with suppress(FileNotFoundError):
            found.append(_lock(file, file.read_text(encoding="utf-8")))
    return found


def _lock(file: Path, text: str) -> _Lock:
    try:
        said = json.loads(text)
        process, hostname = said["pid"], said["hostname"]
        return _Lock(file, process, hostname, f"{said['username']}@{hostname} (process {process})", said["timestamp"])
    except (ValueError, KeyError, TypeError):
        return _Lock(file, None, None, None, None)


def checked(workspace: Workspace, *arguments: str) -> str:
    """What a command of Pulumi prints.

    Raises:
        AutomationError: when it fails, as the subclass that says why.
    """
    ended = workspace.pulumi.run(arguments)
    if ended.code:
        raise explained(Failure(workspace.stack, " ".join(arguments[:2]), ended.complaints + ended.output))
    return ended.output


def _is_pulumi(process: int) -> bool:
    """Whether a process runs, and is a Pulumi as far as this machine can say."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:
        return Path(f"/proc/{process}/comm").read_text(encoding="utf-8").startswith("pulumi")
    except OSError:
        return True

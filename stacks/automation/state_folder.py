"""A state that is a folder of this machine, and what a full disk does to it.

Pulumi writes such files under another name first, and gives them theirs also where there was no room for them (Close
in ``blob/fileblob`` of gocloud.dev 0.46): the state is then an empty file, and so may be the copy beside it.
"""

import json
import shutil
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from stacks.automation.errors import UpdateFailedError
from stacks.automation.workspace import Workspace

WRITTEN_WITHIN_SECONDS = 1.0
"""A lock of a few hundred bytes is written in far less."""


def state_folder(workspace: Workspace) -> Path | None:
    """Where Pulumi keeps the state, where that is a folder of this machine."""
    place = workspace.pulumi.environment.get("PULUMI_BACKEND_URL", "")
    if not place.startswith("file://"):
        return None
    return Path(place.removeprefix("file://")).expanduser() / ".pulumi"


def remove_unwritten_locks(workspace: Workspace) -> None:
    """Remove the files of locks that nobody finishes: Pulumi reads them as locks, and can read none of them."""
    folder = state_folder(workspace)
    if folder is None or not (left := _unwritten(folder, workspace)):
        return
    time.sleep(WRITTEN_WITHIN_SECONDS)
    for file in left & _unwritten(folder, workspace):
        file.unlink(missing_ok=True)


def restore_emptied(workspace: Workspace) -> str | None:
    """Put the last whole copy in the place of a state of which only an empty file is left.

    Only while no update runs: its copies are read and this one is written without a lock. A refresh has to follow, for
    the copy may be older than what was last done.

    Returns:
        What was done, in a sentence. None: the state is not empty, or is no folder of this machine.

    Raises:
        UpdateFailedError: there is no whole copy, or no room for one yet.
    """
    folder = state_folder(workspace)
    if folder is None:
        return None
    file = folder / "stacks" / workspace.project / f"{workspace.name}.json"
    if not file.exists() or file.stat().st_size:
        return None
    emptied = f"The state of '{workspace.stack}' is empty, as a full disk leaves it: {file}."
    backups = folder / "backups" / workspace.project / workspace.name
    copies = [file.with_name(f"{file.name}.bak"), *backups.glob(f"{workspace.name}.*.json")]
    dated = sorted((made, copy) for copy in copies if (made := _made(copy)) is not None)
    if not dated:
        raise UpdateFailedError(
            f"{emptied} Neither the copy beside it nor one in {backups} is whole.",
            "Put back a copy that you keep elsewhere, or remove the file and import what there is "
            "(docs/stacks.md#taking-over-what-is-there).",
        )
    _, copy = dated[-1]
    restored = file.with_name(f"{file.name}.restored")
    try:
        shutil.copyfile(copy, restored)
    except OSError as error:
        restored.unlink(missing_ok=True)
        raise UpdateFailedError(
            f"{emptied} Its copy {copy} cannot be put there ({error.strerror}).",
            "Free some of that disk, and run it again.",
        ) from error
    restored.rename(file)
    return f"{emptied} {copy} was put in its place, and everything is read from the cluster."


def _unwritten(folder: Path, workspace: Workspace) -> set[Path]:
    return set((folder / "locks").rglob(f"{workspace.project}/{workspace.name}/*.json.*.tmp"))


def _made(copy: Path) -> datetime | None:
    """When a copy of a state was made, as it says itself; nothing where it is no whole state."""
    try:
        state: dict[str, Any] = json.loads(copy.read_text(encoding="utf-8"))
        latest = state["checkpoint"].get("latest")
        # A stack that was only just made has neither resources nor a time.
        return datetime.fromisoformat(latest["manifest"]["time"]) if latest else datetime.min.replace(tzinfo=UTC)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None

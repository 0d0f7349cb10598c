"""The operations on a stack that Pulumi does."""

import json
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from stacks.automation.options import DEFAULTS, Options
from stacks.automation.recovery import checked
from stacks.automation.results import DestroyResult, PreviewResult, RefreshResult, UpResult
from stacks.automation.runner import OnEvent, Runner
from stacks.automation.workspace import opened, settings_of_file

if TYPE_CHECKING:
    from stacks.settings import StackSettings


def preview(
    stack: str,
    *,
    options: Options = DEFAULTS,
    on_event: OnEvent | None = None,
    cancelled: threading.Event | None = None,
) -> PreviewResult:
    """Find out what ``up`` would do. Nothing is changed.

    Args:
        stack: the stack's name.
        options: how it is run.
        on_event: called with every event as it comes, from the thread that called this. What it raises ends the
            operation, in an orderly way, and is raised from here.
        cancelled: set it from another thread to end the operation in an orderly way.

    Raises:
        AutomationError: as the subclass that says why.
    """
    with opened(stack, options) as workspace:
        run = Runner(workspace, options, on_event, cancelled).run("preview")
    return PreviewResult(**run.result(stack), steps=tuple(run.planned))


def up(
    stack: str,
    *,
    options: Options = DEFAULTS,
    on_event: OnEvent | None = None,
    cancelled: threading.Event | None = None,
) -> UpResult:
    """Bring the cluster to what the stack's settings say.

    What an update that was killed left behind is taken up first, as ``recover`` does. Arguments are as those of
    ``preview``.

    Raises:
        AutomationError: as the subclass that says why.
    """
    with opened(stack, options) as workspace:
        run = Runner(workspace, options, on_event, cancelled).run("up")
    return UpResult(**run.result(stack), outputs=run.outputs)


def refresh(
    stack: str,
    *,
    options: Options = DEFAULTS,
    on_event: OnEvent | None = None,
    cancelled: threading.Event | None = None,
) -> RefreshResult:
    """Read from the cluster into the state what is there. The cluster is not changed.

    Arguments are as those of ``preview``.

    Raises:
        AutomationError: as the subclass that says why.
    """
    with opened(stack, options, file_needed=False) as workspace:
        run = Runner(workspace, options, on_event, cancelled).run("refresh")
    return RefreshResult(**run.result(stack))


def destroy(
    stack: str,
    *,
    options: Options = DEFAULTS,
    on_event: OnEvent | None = None,
    cancelled: threading.Event | None = None,
) -> DestroyResult:
    """Remove from the cluster everything that the stack has made. It needs no stack file any more.

    Arguments are as those of ``preview``.

    Raises:
        AutomationError: as the subclass that says why.
    """
    with opened(stack, options, file_needed=False) as workspace:
        run = Runner(workspace, options, on_event, cancelled).run("destroy")
        if options.remove:
            checked(workspace, "stack", "rm", stack, "--yes", "--preserve-config")
    return DestroyResult(**run.result(stack))


def recover(stack: str, *, options: Options = DEFAULTS, on_event: OnEvent | None = None) -> tuple[str, ...]:
    """Take up what an update that was killed left behind. ``up``, ``refresh`` and ``destroy`` do it by themselves.

    Its lock goes where its process is gone for certain: the state is a folder of this machine, and so was the
    process. Kubernetes objects that it was making are read into the state by their names, and everything is read
    from the cluster.

    Returns:
        The URNs of what it was making.

    Raises:
        AutomationError: as the subclass that says why; an update that runs as ``LockedError``.
    """
    with opened(stack, options, file_needed=False) as workspace:
        return Runner(workspace, options, on_event, None).recover()


def settings(stack: str, *, options: Options = DEFAULTS) -> "StackSettings":
    """The stack's settings as its files and ``options.settings`` say them, with something else in place of secrets.

    Raises:
        StackMissingError: there is no such file.
        SettingsRefusedError: it cannot work.
    """
    return settings_of_file(stack, options)


def outputs(stack: str, *, secrets: bool = False, options: Options = DEFAULTS) -> Mapping[str, Any]:
    """The stack's outputs as the last update left them.

    Args:
        stack: the stack's name.
        secrets: whether secret ones come as they are, and not as ``[secret]``.
        options: how it is run.

    Raises:
        AutomationError: as the subclass that says why.
    """
    shown = ["--show-secrets"] if secrets else []
    with opened(stack, options, file_needed=False) as workspace:
        found: Mapping[str, Any] = json.loads(
            checked(workspace, "stack", "output", "--json", *shown, *workspace.chosen)
        )
    return found

"""The operations on a stack that Pulumi does."""

import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from stacks.automation.engine import Translator
from stacks.automation.errors import AutomationError, StackMissingError
from stacks.automation.events import Event, Finished, Message, Planned, PolicyViolated, Retrying
from stacks.automation.explain import explained, transient
from stacks.automation.options import DEFAULTS, Options
from stacks.automation.results import DestroyResult, PreviewResult, RefreshResult, UpResult
from stacks.automation.workspace import Workspace, opened

OnEvent = Callable[[Event], None]


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
        on_event: called with every event as it comes, from this thread.
        cancelled: set it from another thread to end the operation in an orderly way.

    Raises:
        AutomationError: as the subclass that says why.
    """
    with opened(stack, options) as workspace:
        run = _run(workspace, "preview", (), options, on_event, cancelled)
    return PreviewResult(**run.common(stack), steps=tuple(run.planned))


def up(
    stack: str,
    *,
    options: Options = DEFAULTS,
    on_event: OnEvent | None = None,
    cancelled: threading.Event | None = None,
) -> UpResult:
    """Bring the cluster to what the stack's settings say.

    Args, raises: as for ``preview``.
    """
    with opened(stack, options) as workspace:
        run = _run(workspace, "up", ("--yes", "--skip-preview"), options, on_event, cancelled)
    return UpResult(**run.common(stack), outputs=run.outputs)


def refresh(
    stack: str,
    *,
    options: Options = DEFAULTS,
    on_event: OnEvent | None = None,
    cancelled: threading.Event | None = None,
) -> RefreshResult:
    """Read from the cluster into the state what is there. The cluster is not changed.

    Args, raises: as for ``preview``.
    """
    with opened(stack, options, file_needed=False) as workspace:
        run = _run(workspace, "refresh", ("--yes", "--skip-preview"), options, on_event, cancelled)
    return RefreshResult(**run.common(stack))


def destroy(
    stack: str,
    *,
    options: Options = DEFAULTS,
    on_event: OnEvent | None = None,
    cancelled: threading.Event | None = None,
) -> DestroyResult:
    """Remove from the cluster everything that the stack has made.

    Args, raises: as for ``preview``.
    """
    with opened(stack, options, file_needed=False) as workspace:
        run = _run(workspace, "destroy", ("--yes", "--skip-preview"), options, on_event, cancelled)
        if options.remove:
            _checked(workspace, "stack", "rm", workspace.stack, "--yes", "--preserve-config")
    return DestroyResult(**run.common(stack))


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
            _checked(workspace, "stack", "output", "--json", *shown, *workspace.chosen)
        )
    return found


@dataclass
class _Run:
    """What is gathered while Pulumi runs."""

    began: float = field(default_factory=time.monotonic)
    attempts: int = 1
    finished: Finished | None = None
    errors: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    violations: list[PolicyViolated] = field(default_factory=list)
    planned: list[Planned] = field(default_factory=list)
    outputs: Mapping[str, Any] = field(default_factory=dict)

    def note(self, event: Event) -> None:
        """Keep what the result needs of an event."""
        match event:
            case Message("error", text):
                self.errors.append(text)
            case Message("warning", text):
                self.warnings.append(text)
            case PolicyViolated():
                self.violations.append(event)
            case Planned():
                self.planned.append(event)
            case Finished():
                self.finished = event

    def common(self, stack: str) -> dict[str, Any]:
        """The fields of every result."""
        return {
            "stack": stack,
            "changes": self.finished.changes if self.finished else {},
            "seconds": time.monotonic() - self.began,
            "warnings": tuple(self.warnings),
            "violations": tuple(self.violations),
            "attempts": self.attempts,
        }


def _run(
    workspace: Workspace,
    command: str,
    flags: tuple[str, ...],
    options: Options,
    on_event: OnEvent | None,
    cancelled: threading.Event | None,
) -> _Run:
    """Run an operation until it succeeds, fails for good, or has failed too often."""
    began, attempt, wait = time.monotonic(), 1, options.retries.wait_seconds
    while True:
        try:
            run = _attempt(workspace, command, (*flags, *_flags(command, options)), on_event, cancelled)
        except StackMissingError:
            if not options.create or command not in {"up", "preview"}:
                raise
            _create(workspace, options)
        except AutomationError as error:
            if attempt == options.retries.attempts or not transient(error):
                raise
            attempt += 1
            if on_event:
                on_event(Retrying(attempt, options.retries.attempts, wait, error.problem))
            if (cancelled or threading.Event()).wait(wait):
                raise
            wait *= 2
        else:
            run.began, run.attempts = began, attempt
            return run


def _attempt(
    workspace: Workspace,
    command: str,
    flags: tuple[str, ...],
    on_event: OnEvent | None,
    cancelled: threading.Event | None,
) -> _Run:
    run, translator = _Run(), Translator(preview=command == "preview")

    def heard(raw: Mapping[str, Any]) -> None:
        event = translator.translate(raw)
        if event is not None:
            run.note(event)
            if on_event:
                on_event(event)

    ended = workspace.pulumi.run([command, "--json", *workspace.configured, *flags], on_json=heard, cancelled=cancelled)
    if ended.code:
        was_cancelled = cancelled is not None and cancelled.is_set()
        raise explained(workspace.stack, command, [*run.errors, ended.complaints], run.violations, was_cancelled)
    run.outputs = translator.outputs
    return run


def _flags(command: str, options: Options) -> list[str]:
    flags = [f"--target={urn}" for urn in options.targets]
    if options.message:
        flags.append(f"--message={options.message}")
    if options.parallel:
        flags.append(f"--parallel={options.parallel}")
    if options.expect_no_changes and command != "destroy":
        flags.append("--expect-no-changes")
    if options.refresh and command != "refresh":
        flags.append("--refresh=true")
    if command in {"up", "preview"}:
        flags += [f"--policy-pack={pack.absolute()}" for pack in options.policy_packs]
        flags += [f"--policy-pack-config={file.absolute()}" for file in options.policy_pack_configs]
    return flags


def _create(workspace: Workspace, options: Options) -> None:
    provider = [f"--secrets-provider={options.secrets_provider}"] if options.secrets_provider else []
    ended = workspace.maker.run(["stack", "init", workspace.stack, "--no-select", *provider])
    if ended.code:
        raise explained(workspace.stack, "stack init", [ended.complaints], [], cancelled=False)


def _checked(workspace: Workspace, *arguments: str) -> str:
    ended = workspace.pulumi.run(arguments)
    if ended.code:
        raise explained(workspace.stack, " ".join(arguments[:2]), [ended.complaints], [], cancelled=False)
    return ended.output

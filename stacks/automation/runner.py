"""Runs an operation of Pulumi to its end: its events, another attempt where that helps, an error or a result."""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from stacks.automation.engine import Translator
from stacks.automation.errors import AutomationError, CancelledError, StackMissingError
from stacks.automation.events import Event, Finished, Message, Planned, PolicyViolated, Recovered, Retrying
from stacks.automation.explain import Failure, explained, transient
from stacks.automation.options import Options
from stacks.automation.recovery import break_dead_locks, refuse_locked, take_up
from stacks.automation.state_folder import remove_unwritten_locks, restore_emptied
from stacks.automation.workspace import Workspace

OnEvent = Callable[[Event], None]


@dataclass
class Run:
    """What is kept of an operation."""

    finished: Finished | None = None
    seconds: float = 0.0
    attempts: int = 1
    errors: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    violations: list[PolicyViolated] = field(default_factory=list)
    planned: list[Planned] = field(default_factory=list)
    outputs: Mapping[str, Any] = field(default_factory=dict)

    def note(self, event: Event) -> None:
        """Keep what the result or an error needs of an event."""
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

    def result(self, stack: str) -> dict[str, Any]:
        """The fields that every result has."""
        return {
            "stack": stack,
            "changes": self.finished.changes if self.finished else {},
            "seconds": self.seconds,
            "warnings": tuple(self.warnings),
            "violations": tuple(self.violations),
            "attempts": self.attempts,
        }


@dataclass(frozen=True)
class Runner:
    """Runs operations on one stack."""

    workspace: Workspace
    options: Options
    on_event: OnEvent | None
    cancelled: threading.Event | None

    def run(self, command: str) -> Run:
        """Run ``preview``, ``up``, ``refresh`` or ``destroy``.

        Raises:
            AutomationError: when it does not succeed, as the subclass that says why.
        """
        began, attempt, wait = time.monotonic(), 1, self.options.retries.wait_seconds
        while True:
            try:
                self._prepare(command)
                run = self._attempt(command)
            except AutomationError as error:
                if attempt == self.options.retries.attempts or not transient(error):
                    raise
                attempt += 1
                self._tell(Retrying(attempt, self.options.retries.attempts, wait, error.problem))
                self._pause(wait)
                wait *= 2
            else:
                run.seconds, run.attempts = time.monotonic() - began, attempt
                return run

    def recover(self) -> tuple[str, ...]:
        """Take up what a killed update left: its lock, where its process is gone, and what it was making.

        Returns:
            The URNs of what it was making.

        Raises:
            AutomationError: an update runs, as ``LockedError``; or Pulumi or the cluster can't be asked.
        """
        break_dead_locks(self.workspace)
        remove_unwritten_locks(self.workspace)
        refuse_locked(self.workspace)
        restored = restore_emptied(self.workspace)
        if restored:
            self._tell(Message("warning", restored))
        adopted = take_up(self.workspace)
        if adopted is not None or restored:
            self._attempt("refresh")
        if adopted is None:
            return ()
        self._tell(Recovered(adopted))
        return adopted

    def _prepare(self, command: str) -> None:
        try:
            if command != "preview":
                self.recover()
        except StackMissingError:
            if command != "up" or not self.options.create:
                raise
            self._create()

    def _attempt(self, command: str) -> Run:
        try:
            return self._once(command)
        except StackMissingError:
            if command != "preview" or not self.options.create:
                raise
            self._create()
        return self._once(command)

    def _once(self, command: str) -> Run:
        run, translator = Run(), Translator(preview=command == "preview")

        def heard(raw: Mapping[str, Any]) -> None:
            event = translator.translate(raw)
            if event is not None:
                run.note(event)
                self._tell(event)

        arguments = [command, "--json", *self.workspace.configured, *_flags(command, self.options)]
        ended = self.workspace.pulumi.run(arguments, on_json=heard, cancelled=self.cancelled)
        if ended.code:
            asked = self.cancelled is not None and self.cancelled.is_set()
            raise explained(Failure(self.workspace.stack, command, ended.complaints, run.errors, run.violations, asked))
        run.outputs = translator.outputs
        return run

    def _create(self) -> None:
        provider = self.options.secrets_provider
        chosen = [f"--secrets-provider={provider}"] if provider else []
        ended = self.workspace.maker.run(["stack", "init", self.workspace.stack, "--no-select", *chosen])
        if ended.code:
            raise explained(Failure(self.workspace.stack, "stack init", ended.complaints))

    def _tell(self, event: Event) -> None:
        if self.on_event:
            self.on_event(event)

    def _pause(self, seconds: float) -> None:
        if (self.cancelled or threading.Event()).wait(seconds):
            raise CancelledError(
                f"An operation on the stack '{self.workspace.stack}' was cancelled before its next attempt.",
                "What was made until then stays, and the next update goes on from there.",
            )


def _flags(command: str, options: Options) -> list[str]:
    flags = [] if command == "preview" else ["--yes", "--skip-preview"]
    flags += [f"--target={urn}" for urn in options.targets]
    if options.message:
        flags.append(f"--message={options.message}")
    if options.parallel:
        flags.append(f"--parallel={options.parallel}")
    if command in {"up", "preview"}:
        flags += ["--refresh=true"] if options.refresh else []
        flags += ["--expect-no-changes"] if options.expect_no_changes else []
        flags += [f"--policy-pack={pack.absolute()}" for pack in options.policy_packs]
        flags += [f"--policy-pack-config={file.absolute()}" for file in options.policy_pack_configs]
    return flags

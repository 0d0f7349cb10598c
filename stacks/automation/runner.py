"""Runs an operation of Pulumi to its end: its events, another attempt where that helps, an error or a result."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from stacks.automation.engine import Translator
from stacks.automation.errors import AutomationError, CancelledError, StackMissingError
from stacks.automation.events import Event, Finished, Message, Planned, PolicyViolated, Recovered, Retrying
from stacks.automation.explain import Failure, explained, transient
from stacks.automation.options import Options
from stacks.automation.recovery import break_dead_locks, put_back, refuse_locked, take_up
from stacks.automation.results import UNCHANGED
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
    made: Counter[str] = field(default_factory=Counter)
    """How many resources earlier attempts had done something with."""

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

    @property
    def changes(self) -> Mapping[str, int]:
        """How many resources had which operation: of those that nothing was done with, only the last attempt's."""
        last = self.finished.changes if self.finished else {}
        return {operation: last.get(operation, 0) + self.made[operation] for operation in {**last, **self.made}}

    def again(self, *, made: bool) -> "Run":
        """The next attempt, which keeps what this one warned of, and what it made if that was more than planned."""
        done = Counter({name: count for name, count in self.changes.items() if made and name not in UNCHANGED})
        return Run(warnings=self.warnings, made=done)

    def result(self, stack: str) -> dict[str, Any]:
        """The fields that every result has."""
        return {
            "stack": stack,
            "changes": self.changes,
            "seconds": self.seconds,
            "warnings": tuple(dict.fromkeys(self.warnings)),
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
        began, attempt, wait, run = time.monotonic(), 1, self.options.retries.wait_seconds, Run()
        while True:
            try:
                self._prepare(command)
                self._attempt(command, run)
            except AutomationError as error:
                if attempt == self.options.retries.attempts or not transient(error):
                    raise
                attempt += 1
                self._tell(Retrying(attempt, self.options.retries.attempts, wait, error.problem))
                self._pause(wait)
                wait *= 2
                run = run.again(made=command != "preview")
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
        if adopted is None:
            if restored:
                self._read_all()
            return ()
        try:
            self._read_all()
        except BaseException:
            # What made it fail is what there is to tell.
            with suppress(AutomationError):
                put_back(self.workspace)
            raise
        self._tell(Recovered(adopted))
        return adopted

    def _read_all(self) -> None:
        # What was not made after all has to go out of the state, whatever the operation itself aims at.
        replace(self, options=replace(self.options, targets=()))._attempt("refresh", Run())

    def _prepare(self, command: str) -> None:
        try:
            if command != "preview":
                self.recover()
        except StackMissingError:
            if command != "up" or not self.options.create:
                raise
            self._create()

    def _attempt(self, command: str, run: Run) -> None:
        try:
            self._once(command, run)
        except StackMissingError:
            if command != "preview" or not self.options.create:
                raise
            failed = self._create()
            # Somebody else may have made the same one at the same time: then it is there, and the lock decides.
            try:
                self._once(command, run)
            except StackMissingError as missing:
                raise failed or missing from None

    def _once(self, command: str, run: Run) -> None:
        translator = Translator(preview=command == "preview")

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

    def _create(self) -> AutomationError | None:
        provider = self.options.secrets_provider
        chosen = [f"--secrets-provider={provider}"] if provider else []
        ended = self.workspace.maker.run(["stack", "init", self.workspace.stack, "--no-select", *chosen])
        return explained(Failure(self.workspace.stack, "stack init", ended.complaints)) if ended.code else None

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

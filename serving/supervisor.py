"""The process above vLLM: starts it, warms it up, drains it, and ends with the reason why it ended.

It is the container's first process, so it also takes up what others leave behind: without it
their dead children would stay in the process table.
"""

import ctypes
import os
import signal
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from types import FrameType

from serving.cgroup import oom_kills
from serving.control import VARIABLE, Control, Phase
from serving.exits import ExitCode, Reason
from serving.output import Output
from serving.reasons import Death, explained
from serving.stop import STOP
from serving.warmup import WarmUpError

MIDDLEWARE = ("--middleware", "serving.gate.Gate")
"""vLLM's argument that puts the gate in front of its server."""

TICK_SECONDS = 0.1
"""Seconds between two looks at the block that is shared with vLLM."""
LAST_WORDS_SECONDS = 3.0
"""What vLLM gets, after its engine died, to write down why and to answer who waits."""
CUT_SECONDS = 2.0
"""What requests get, when their time is over, to be ended by the gate one by one."""
STOP_SECONDS = 15.0
"""What vLLM gets to end after SIGTERM, when nothing runs any more. It is part of the pod's margin."""

_PASSED_ON = (signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)
_PACKAGE = Path(__file__).resolve().parents[1]
_PR_SET_CHILD_SUBREAPER = 36
"""From ``linux/prctl.h``."""

WarmUp = Callable[[], None]
"""Asks the server its first requests, and raises WarmUpError."""
Log = Callable[[str], None]
"""Writes a line to the container's log."""


@dataclass(frozen=True)
class Times:
    """How long things may take, in seconds."""

    drain: float
    """From the order to stop until running requests are cut."""
    handover: float
    """From the order to stop until new requests are refused."""
    hung: float
    """How long an engine with requests may make no step. 0: for ever."""


@dataclass(frozen=True)
class _WarmedUp:
    trouble: str | None


_Event = signal.Signals | _WarmedUp


class Supervisor:
    """Runs one server. Everything happens in `run`; other threads and signals only leave events for it."""

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        times: Times,
        control: Control,
        output: Output,
        warm_up: WarmUp | None,
        log: Log,
    ) -> None:
        """Prepare to start a server.

        Args:
            command: its command line.
            environment: its variables.
            times: how long things may take.
            control: the block to share with it, which is removed at its end.
            output: passes on what it writes.
            warm_up: asks its first requests. None for a server that takes none, such as a worker of another node.
            log: writes a line to the container's log.
        """
        self._command = command
        self._environment = environment
        self._times = times
        self._output = output
        self._warm_up = warm_up
        self._log = log
        self._control = control
        self._events: SimpleQueue[_Event] = SimpleQueue()
        self._begun = time.monotonic()
        self._oom_kills = oom_kills()
        self._server = 0
        self._status: int | None = None
        self._stop_order: float | None = None
        self._kill_at: float | None = None
        self._cut_at: float | None = None
        self._engine_died = False
        self._was_ready = False
        self._failure: Reason | None = None

    def run(self) -> Reason:
        """Run the server until it has ended, and say why it did."""
        try:
            self._take_signals()
            self._start()
            while self._status is None:
                self._handle_next()
                self._look()
                self._reap()
            return self._ended(self._status)
        finally:
            self._control.remove()

    def _start(self) -> None:
        _adopt_orphans()
        out, err = os.pipe(), os.pipe()
        python_path = _python_path(self._environment)
        environment = {**self._environment, "PYTHONPATH": python_path, VARIABLE: str(self._control.path)}
        self._server = os.posix_spawn(
            self._command[0],
            [*self._command, *(MIDDLEWARE if self._warm_up else ())],
            environment,
            file_actions=[(os.POSIX_SPAWN_DUP2, out[1], 1), (os.POSIX_SPAWN_DUP2, err[1], 2)],
            # A group of its own: whatever of it is left at the end can be ended together.
            setpgroup=0,
            # Python ignores this one, and what is ignored stays so in a child.
            setsigdef=[signal.SIGPIPE],
        )
        for (source, sink), own in ((out, 1), (err, 2)):
            os.close(sink)
            self._output.pass_on(source, own)
        if self._warm_up is None:
            self._control.phase = Phase.READY
        else:
            threading.Thread(target=self._warm, args=(self._warm_up,), daemon=True).start()

    def _warm(self, warm_up: WarmUp) -> None:
        try:
            warm_up()
        except WarmUpError as error:
            self._events.put(_WarmedUp(str(error)))
        else:
            self._events.put(_WarmedUp(None))

    def _handle_next(self) -> None:
        try:
            event = self._events.get(timeout=TICK_SECONDS)
        except Empty:
            return
        if isinstance(event, _WarmedUp):
            self._warmed_up(event.trouble)
        elif event in STOP:
            self._stop()
        elif event in _PASSED_ON:
            self._send(event)

    def _warmed_up(self, trouble: str | None) -> None:
        if self._ending or self._control.engine_dead:
            return
        if trouble is None:
            self._control.phase = Phase.READY
            self._was_ready = True
            self._log(f"ready after {time.monotonic() - self._begun:.1f} s")
        else:
            self._failure = Reason(ExitCode.WARM_UP, f"The warm-up failed: {trouble}.")
            self._log(self._failure.sentence)
            self._control.phase = Phase.REFUSING
            self._end()

    @property
    def _ending(self) -> bool:
        """Whether the server was told to end, and so ends by our will."""
        return self._kill_at is not None

    def _stop(self) -> None:
        if self._stop_order is not None or self._ending:
            # Whoever says it twice does not want to wait.
            self._cut("it was told to stop a second time", "")
            return
        self._stop_order = time.monotonic()
        if self._control.phase != Phase.READY:
            self._log("stopping before it was ready")
            self._end()
        elif self._control.hung:
            self._failure = _hung(self._times)
            self._log(self._failure.sentence)
            self._control.phase = Phase.CUT
        else:
            self._control.phase = Phase.HANDOVER
            self._log(f"stopping: {self._control.in_flight} requests run, and get {self._times.drain:g} s")

    def _look(self) -> None:
        now = time.monotonic()
        if self._kill_at is not None:
            if now >= self._kill_at:
                self._log("vLLM did not end in time, and is killed")
                self._kill()
                self._kill_at = now + STOP_SECONDS
        elif self._control.engine_dead:
            # No half-alive server: vLLM itself would go on answering errors until somebody looks.
            self._log("the engine died")
            self._engine_died = True
            self._control.phase = Phase.REFUSING
            self._kill_at = now + LAST_WORDS_SECONDS
        elif self._stop_order is not None:
            self._drain(now - self._stop_order)

    def _drain(self, passed: float) -> None:
        phase, running = self._control.phase, self._control.in_flight
        if phase == Phase.CUT:
            self._cut_at = self._cut_at or passed
            if running == 0 or passed - self._cut_at >= CUT_SECONDS:
                self._end()
        elif passed >= self._times.drain:
            remedy = f": set probes.drainSeconds above the longest answer, which is {self._times.drain:g} now"
            self._cut(f"{self._times.drain:g} s had passed", remedy)
        elif phase == Phase.REFUSING and running == 0:
            self._log(f"drained after {passed:.1f} s")
            self._end()
        elif passed >= self._times.handover:
            # Counted again at the next tick: a request may be between its count and its look at the phase.
            self._control.phase = Phase.REFUSING

    def _cut(self, when: str, remedy: str) -> None:
        if self._ending:
            self._kill()
            return
        running = self._control.in_flight
        if running and self._failure is None:
            self._failure = Reason(ExitCode.CUT, f"{running} requests still ran when {when}, and were cut{remedy}.")
            self._log(self._failure.sentence)
        self._control.phase = Phase.CUT

    def _end(self) -> None:
        self._send(signal.SIGTERM)
        self._kill_at = time.monotonic() + STOP_SECONDS

    def _send(self, number: signal.Signals) -> None:
        if self._status is None:
            os.kill(self._server, number)

    def _kill(self) -> None:
        try:
            os.killpg(self._server, signal.SIGKILL)
        except ProcessLookupError:
            return

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if pid == self._server:
                self._status = os.waitstatus_to_exitcode(status)

    def _ended(self, status: int) -> Reason:
        # Workers that outlive the server hold the GPU's memory, and the pipes open.
        self._kill()
        self._output.wait(1)
        self._reap()
        if self._failure is not None:
            return self._failure
        if self._ending and not self._engine_died:
            return Reason(ExitCode.STOPPED, "Stopped as it was told to.")
        return explained(
            Death(
                status=None if self._engine_died else status,
                end=self._output.end,
                was_ready=self._was_ready,
                killed_for_memory=self._killed_for_memory(),
            )
        )

    def _killed_for_memory(self) -> bool | None:
        now = oom_kills()
        return None if now is None or self._oom_kills is None else now > self._oom_kills

    def _take_signals(self) -> None:
        """Have signals, for good: once the server has ended, one more changes nothing."""

        def leave(number: int, _: FrameType | None) -> None:
            self._events.put(signal.Signals(number))

        for number in (*STOP, *_PASSED_ON, signal.SIGCHLD):
            signal.signal(number, leave)


def _hung(times: Times) -> Reason:
    return Reason(
        ExitCode.HUNG,
        f"The engine had requests and made no step for {times.hung:g} s, so it was ended: look for a GPU error (Xid) "
        "in the node's kernel log, or set probes.hungSeconds higher if a single step may take so long.",
    )


def _python_path(environment: Mapping[str, str]) -> str:
    """``PYTHONPATH`` with this package on it, wherever it was started from."""
    return os.pathsep.join([str(_PACKAGE), *filter(None, [environment.get("PYTHONPATH")])])


def _adopt_orphans() -> None:
    """Become the parent of what the server leaves behind, also where another process is the container's first."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)

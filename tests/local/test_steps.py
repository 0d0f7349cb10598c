"""The setup: order, skipping, going on after a failure, and what is said when it fails."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO

import pytest

from local.errors import LocalError
from local.paths import Paths
from local.shell import run_logged
from local.steps import Step, is_done, run_steps


class Record:
    """A reporter that keeps what it is told."""

    def __init__(self) -> None:
        self.events: list[tuple[str, str]] = []

    def started(self, name: str, log: Path) -> None:
        self.events.append(("started", name))

    def skipped(self, name: str) -> None:
        self.events.append(("skipped", name))

    def finished(self, name: str, seconds: float) -> None:
        self.events.append(("finished", name))

    def failed(self, name: str, seconds: float) -> None:
        self.events.append(("failed", name))


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths(tmp_path)


def step(
    name: str,
    run: Callable[[IO[str]], None] = lambda log: None,
    *,
    after: tuple[str, ...] = (),
    inputs: str = "1",
    made: tuple[Path, ...] = (),
) -> Step:
    return Step(name=name, fingerprint=lambda: inputs, run=run, made=made, remedy="Try again.", after=after)


def test_a_step_runs_after_those_it_needs(paths: Paths) -> None:
    record = Record()
    run_steps([step("c", after=("a", "b")), step("b", after=("a",)), step("a")], paths, record)
    assert [name for event, name in record.events if event == "finished"] == ["a", "b", "c"]


def test_independent_steps_run_at_the_same_time(paths: Paths) -> None:
    meeting = threading.Barrier(2, timeout=30)

    def meet(log: IO[str]) -> None:
        meeting.wait()

    run_steps([step("a", meet), step("b", meet)], paths, Record())


def test_a_done_step_is_skipped(paths: Paths) -> None:
    run_steps([step("a")], paths, Record())
    record = Record()
    run_steps([step("a")], paths, record)
    assert record.events == [("skipped", "a")]


def test_changed_inputs_run_a_step_again(paths: Paths) -> None:
    run_steps([step("a")], paths, Record())
    record = Record()
    run_steps([step("a", inputs="2")], paths, record)
    assert ("finished", "a") in record.events


def test_a_result_that_was_deleted_is_made_again(paths: Paths) -> None:
    result = paths.home / "result"
    wanted = step("a", lambda log: result.touch(), made=(result,))
    run_steps([wanted], paths, Record())
    assert is_done(wanted, paths)
    result.unlink()
    assert not is_done(wanted, paths)


def test_after_a_failure_the_next_run_goes_on_from_there(paths: Paths) -> None:
    def fail(log: IO[str]) -> None:
        run_logged(["sh", "-c", "echo the compiler said no; exit 3"], log)

    record = Record()
    with pytest.raises(LocalError) as failure:
        run_steps([step("a"), step("b two", fail, after=("a",)), step("c", after=("b two",))], paths, record)
    assert str(failure.value) == (
        "The step 'b two' failed: sh -c echo the compiler said no; exit 3 exited with 3. "
        f"Its log is {paths.logs}/setup-b-two.log.\nTry again."
    )
    assert "the compiler said no" in (paths.logs / "setup-b-two.log").read_text()
    assert ("started", "c") not in record.events
    record = Record()
    run_steps([step("a"), step("b two", after=("a",)), step("c", after=("b two",))], paths, record)
    assert record.events[0] == ("skipped", "a")
    assert ("finished", "c") in record.events


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("dial tcp: lookup proxy.invalid: no such host", "a package registry could not be reached"),
        ("error: Failed to fetch: connection refused", "a package registry could not be reached"),
        ("write /x: no space left on device", "for want of disk space"),
    ],
)
def test_a_failure_names_its_cause(paths: Paths, said: str, expected: str) -> None:
    def fail(log: IO[str]) -> None:
        run_logged(["sh", "-c", f"echo '{said}'; exit 1"], log)

    with pytest.raises(LocalError, match=expected):
        run_steps([step("a", fail)], paths, Record())


def test_a_step_that_waits_for_none_of_the_others_is_no_endless_wait(paths: Paths) -> None:
    record = Record()
    run_steps([step("a", after=("missing",))], paths, record)
    assert record.events == []

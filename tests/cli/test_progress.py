"""What is shown while an update runs."""

import io
from typing import Literal

import pytest
from rich.console import Console

from stacks.automation.events import Component, Done, Failed, Finished, Message, Recovered, Resource, Retrying, Started
from stacks.cli.platform.pods import PodState, Stage
from stacks.cli.platform.state import PlatformState, ReplicaState
from stacks.cli.progress.board import SETTLED_SECONDS, Board, Row
from stacks.cli.progress.reporters import LiveReporter, PlainReporter
from stacks.cli.progress.wording import duration

MODEL = Component("NativeModelService", "qwen")
GATEWAY = Component("EnvoyGateway", "gateway")
STATEFUL_SET = Resource("urn:set", "kubernetes:apps/v1:StatefulSet", "platform-qwen", MODEL)
STATEFUL_SET_OF_ANOTHER = Resource(
    "urn:other", "kubernetes:apps/v1:StatefulSet", "platform-gemma", Component("NativeModelService", "gemma")
)
SERVICE = Resource("urn:service", "kubernetes:core/v1:Service", "platform-qwen-lb", MODEL)
ITSELF = Resource("urn:itself", "modelyard:index:NativeModelService", "platform-qwen", MODEL)
DEPLOYMENT = Resource("urn:deployment", "kubernetes:apps/v1:Deployment", "platform-gateway-deployment", GATEWAY)


class Clock:
    """A clock that goes when it is told to."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def board(clock: Clock) -> Board:
    return Board(clock)


def platform(stage: Stage, detail: str = "", *, gateway: Literal[0, 1] = 1) -> PlatformState:
    pod = PodState("qwen-0", stage, detail, "node-1", worker=False, restarts=0)
    other = PodState("gateway-1", "ready" if gateway else "pulling", "", "node-1", worker=False, restarts=0)
    return PlatformState(
        models=(ReplicaState("qwen", int(stage == "ready"), 1, (pod,)),),
        gateway=ReplicaState("gateway", gateway, 1, (other,)),
    )


def test_nothing_is_shown_of_what_nothing_happens_to(board: Board) -> None:
    board.seen(platform("loading"))
    assert board.rows() == []


def test_a_component_says_what_is_done_to_its_resources(board: Board, clock: Clock) -> None:
    board.heard(Started(ITSELF, "create"))
    board.heard(Started(SERVICE, "create"))
    board.heard(Started(STATEFUL_SET, "update"))
    clock.now = 3
    assert board.rows() == [Row("model qwen", "running", 3, "creating Service platform-qwen-lb and 1 more")]
    board.heard(Done(SERVICE, "create"))
    assert board.rows() == [Row("model qwen", "running", 3, "updating StatefulSet platform-qwen")]
    board.heard(Message("status", "[1/2] Waiting for\n the StatefulSet", STATEFUL_SET))
    assert board.rows() == [Row("model qwen", "running", 3, "[1/2] Waiting for the StatefulSet")]


def test_what_its_pods_do_comes_before_what_pulumi_says(board: Board) -> None:
    board.heard(Started(STATEFUL_SET, "create"))
    board.heard(Message("status", "Waiting", STATEFUL_SET))
    board.seen(platform("loading", "40 %, 2 of 5 files"))
    assert board.rows()[0].detail == "loading weights: 40 %, 2 of 5 files"
    board.seen(platform("ready"))
    assert board.rows()[0].detail == "Waiting"


def test_the_gateway_is_shown_by_its_pods_too(board: Board) -> None:
    board.heard(Started(DEPLOYMENT, "create"))
    board.seen(platform("ready", gateway=0))
    assert board.rows() == [Row("gateway", "running", 0, "pulling the image")]


def test_a_component_is_done_when_nothing_follows(board: Board, clock: Clock) -> None:
    board.heard(Started(SERVICE, "create"))
    board.heard(Done(SERVICE, "create"))
    assert board.rows()[0].state == "running"
    clock.now = SETTLED_SECONDS
    assert board.rows() == [Row("model qwen", "done", 0, "1 resource")]
    board.heard(Started(STATEFUL_SET, "create"))
    clock.now = 20
    assert board.rows()[0].state == "running"
    board.heard(Done(STATEFUL_SET, "create"))
    board.heard(Finished(True, {"create": 2}, 20))
    assert board.rows() == [Row("model qwen", "done", 20, "2 resources")]


def test_a_component_that_fails(board: Board, clock: Clock) -> None:
    board.heard(Started(STATEFUL_SET, "create"))
    clock.now = 7
    board.heard(Failed(STATEFUL_SET, "create"))
    board.heard(Finished(False, {}, 7))
    assert board.rows() == [Row("model qwen", "failed", 7, "")]


def test_a_component_that_fails_once_and_is_then_made(board: Board, clock: Clock) -> None:
    board.heard(Started(SERVICE, "create"))
    board.heard(Started(STATEFUL_SET, "create"))
    clock.now = 7
    board.heard(Failed(STATEFUL_SET, "create"))
    board.heard(Finished(False, {}, 7))
    assert board.rows() == [Row("model qwen", "failed", 7, "")]
    board.heard(Retrying(2, 3, 5.0, "The cluster did not answer."))
    clock.now = 12
    assert board.rows() == [Row("model qwen", "running", 12, "waiting for the next attempt")]
    board.heard(Started(STATEFUL_SET, "create"))
    assert board.rows() == [Row("model qwen", "running", 12, "creating StatefulSet platform-qwen")]
    clock.now = 20
    board.heard(Done(STATEFUL_SET, "create"))
    clock.now = 20 + SETTLED_SECONDS
    assert board.rows() == [Row("model qwen", "done", 20, "1 resource")]


def test_a_component_that_the_next_attempt_finds_there_is_done_when_that_ends(board: Board, clock: Clock) -> None:
    board.heard(Started(STATEFUL_SET, "create"))
    board.heard(Failed(STATEFUL_SET, "create"))
    board.heard(Finished(False, {}, 1))
    board.heard(Retrying(2, 3, 5.0, "The cluster did not answer."))
    board.heard(Started(DEPLOYMENT, "create"))
    board.heard(Done(DEPLOYMENT, "create"))
    board.heard(Finished(True, {"create": 1}, 2))
    assert [(row.name, row.state) for row in board.rows()] == [("model qwen", "done"), ("gateway", "done")]


def test_a_component_that_fails_in_every_attempt(board: Board) -> None:
    for attempt in (2, 3):
        board.heard(Started(STATEFUL_SET, "create"))
        board.heard(Failed(STATEFUL_SET, "create"))
        board.heard(Finished(False, {}, 1))
        if attempt == 2:
            board.heard(Retrying(attempt, 2, 5.0, "The cluster did not answer."))
    assert [row.state for row in board.rows()] == ["failed"]


@pytest.mark.parametrize("ended", [True, False])
def test_a_component_of_which_nothing_was_made(board: Board, clock: Clock, ended: bool) -> None:
    lines: list[str] = []
    board.heard(Started(ITSELF, "create"))
    board.heard(Started(STATEFUL_SET_OF_ANOTHER, "create"))
    if ended:
        board.heard(Done(ITSELF, "create"))
    clock.now = 9
    assert board.rows()[0] == Row("model qwen", "running", 9, "")
    board.heard(Failed(STATEFUL_SET_OF_ANOTHER, "create"))
    board.heard(Finished(False, {}, 9))
    PlainReporter(board, lines.append, clock).end()
    assert lines == ["   0.0s  model qwen: nothing was done", "   0.0s  model gemma: FAILED after 9.0s"]


def test_a_component_that_was_broken_off(board: Board, clock: Clock) -> None:
    board.heard(Started(SERVICE, "create"))
    board.heard(Done(SERVICE, "create"))
    board.heard(Started(STATEFUL_SET, "create"))
    clock.now = 9
    board.heard(Finished(False, {"create": 1}, 9))
    assert board.rows() == [Row("model qwen", "stopped", 0, "not finished")]


def test_a_component_that_had_nothing_in_it_to_change_is_done(board: Board) -> None:
    board.heard(Started(ITSELF, "update"))
    board.heard(Done(ITSELF, "update"))
    board.heard(Finished(True, {"update": 1}, 1))
    assert board.rows() == [Row("model qwen", "done", 0, "0 resources")]


def test_after_a_killed_update_is_taken_up_the_list_is_of_the_update_itself(board: Board, clock: Clock) -> None:
    board.heard(Started(DEPLOYMENT, "refresh"))
    board.heard(Done(DEPLOYMENT, "refresh"))
    board.heard(Finished(True, {"same": 1}, 1))
    board.heard(Recovered(("urn:set",)))
    assert board.rows() == []
    board.heard(Started(STATEFUL_SET, "update"))
    clock.now = 30
    assert board.rows() == [Row("model qwen", "running", 30, "updating StatefulSet platform-qwen")]


def test_plain_lines_say_what_becomes_different(board: Board, clock: Clock) -> None:
    lines: list[str] = []
    reporter = PlainReporter(board, lines.append, clock)
    reporter.begin()
    board.heard(Started(STATEFUL_SET, "create"))
    course: list[tuple[int, Stage, str]] = [
        (1, "scheduling", ""),
        (2, "loading", "20 %, 1 of 5 files"),
        (4, "loading", "40 %, 2 of 5 files"),
        (13, "loading", "60 %, 3 of 5 files"),
        (14, "compiling", ""),
        (15, "compiling", ""),
    ]
    for second, stage, detail in course:
        clock.now = second
        board.seen(platform(stage, detail))
        reporter.look()
    reporter.say("warning: one\ntwo", "yellow")
    clock.now = 75
    board.heard(Done(STATEFUL_SET, "create"))
    board.heard(Finished(True, {"create": 1}, 75))
    reporter.end()
    assert lines == [
        "   1.0s  model qwen: waiting for a node",
        "   2.0s  model qwen: loading weights: 20 %, 1 of 5 files",
        "  13.0s  model qwen: loading weights: 60 %, 3 of 5 files",
        "  14.0s  model qwen: compiling",
        "  15.0s  warning: one",
        "  15.0s  two",
        " 1m 15s  model qwen: done in 1m 15s, 1 resource",
    ]


def test_plain_lines_say_that_something_failed(board: Board, clock: Clock) -> None:
    lines: list[str] = []
    board.heard(Started(STATEFUL_SET, "create"))
    board.heard(Failed(STATEFUL_SET, "create"))
    PlainReporter(board, lines.append, clock).end()
    assert lines == ["   0.0s  model qwen: FAILED after 0.0s"]


def test_a_terminal_has_a_list(board: Board, clock: Clock) -> None:
    board.heard(Started(DEPLOYMENT, "create"))
    board.heard(Started(STATEFUL_SET, "create"))
    board.seen(platform("warming", "first requests"))
    clock.now = 5
    board.heard(Done(DEPLOYMENT, "create"))
    clock.now = 9
    console = Console(file=io.StringIO(), force_terminal=True, width=60, color_system=None)
    reporter = LiveReporter(board, console)
    console.print(reporter)
    assert isinstance(console.file, io.StringIO)
    assert [line.rstrip() for line in console.file.getvalue().splitlines()] == [
        "✓ gateway    5.0s 1 resource",
        "… model qwen 9.0s warming up: first requests",
    ]


@pytest.mark.parametrize(("seconds", "shown"), [(0.04, "0.0s"), (59.9, "59.9s"), (60, "1m 00s"), (3725, "62m 05s")])
def test_durations(seconds: float, shown: str) -> None:
    assert duration(seconds) == shown

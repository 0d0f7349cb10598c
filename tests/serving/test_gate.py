"""The middleware alone, called as an ASGI server calls it."""

import asyncio
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from serving.control import VARIABLE, Control, Phase
from serving.gate import Gate

Messages = list[dict[str, Any]]


@pytest.fixture
def control(monkeypatch: pytest.MonkeyPatch) -> Iterator[Control]:
    made = Control.create(hung_seconds=0)
    monkeypatch.setenv(VARIABLE, str(made.path))
    yield made
    made.remove()


class App:
    """Answers with two pieces, and lets a test look between them."""

    def __init__(self) -> None:
        self.between: Callable[[], None] = lambda: None
        self.scopes: list[Any] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.scopes.append(scope)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"1", "more_body": True})
        self.between()
        await send({"type": "http.response.body", "body": b"2"})


def ask(gate: Gate, method: str = "POST", path: str = "/v1/completions", kind: str = "http") -> Messages:
    sent: Messages = []
    asyncio.run(gate({"type": kind, "method": method, "path": path}, receive, sender(sent)))
    return sent


async def receive() -> Any:
    return {}


def sender(sent: Messages) -> Callable[[Any], Any]:
    async def send(message: Any) -> None:
        sent.append(message)

    return send


def test_a_request_is_counted_while_it_runs(control: Control) -> None:
    app, seen = App(), []
    app.between = lambda: seen.append(control.in_flight)
    sent = ask(Gate(app))
    assert seen == [1]
    assert control.in_flight == 0
    assert [message.get("body") for message in sent] == [None, b"1", b"2"]


def test_what_only_reads_is_neither_counted_nor_refused(control: Control) -> None:
    app, seen = App(), []
    app.between = lambda: seen.append(control.in_flight)
    control.phase = Phase.REFUSING
    assert ask(Gate(app), "GET", "/metrics")[0]["status"] == 200
    assert seen == [0]


def test_an_error_of_the_application_is_not_swallowed(control: Control) -> None:
    app = App()

    def fail() -> None:
        raise ValueError("broken")

    app.between = fail
    with pytest.raises(ValueError, match="broken"):
        ask(Gate(app))
    assert control.in_flight == 0


@pytest.mark.parametrize("phase", [Phase.REFUSING, Phase.CUT])
def test_new_requests_are_refused(control: Control, phase: Phase) -> None:
    app = App()
    control.phase = phase
    sent = ask(Gate(app))
    assert (sent[0]["status"], dict(sent[0]["headers"])[b"retry-after"]) == (503, b"1")
    assert app.scopes == []
    assert control.in_flight == 0


@pytest.mark.parametrize("phase", [Phase.STARTING, Phase.READY, Phase.HANDOVER])
def test_otherwise_they_are_taken(control: Control, phase: Phase) -> None:
    control.phase = phase
    assert ask(Gate(App()))[0]["status"] == 200


def cut(app: Any, control: Control, monkeypatch: pytest.MonkeyPatch) -> Messages:
    """What a request gets whose time is over while the application works on it."""
    monkeypatch.setattr("serving.gate.WATCH_SECONDS", 0.01)
    engine = SimpleNamespace(errored=False)
    alive = {"type": "lifespan", "app": SimpleNamespace(state=SimpleNamespace(engine_client=engine))}
    gate, sent = Gate(app), list[dict[str, Any]]()

    async def both() -> None:
        watching = asyncio.create_task(gate(alive, receive, sender(sent)))
        await gate({"type": "http", "method": "POST", "path": "/v1/completions"}, receive, sender(sent))
        watching.cancel()

    asyncio.run(both())
    assert control.in_flight == 0
    return sent


def test_a_stream_is_cut_in_the_middle(control: Control, monkeypatch: pytest.MonkeyPatch) -> None:
    async def stuck(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"1", "more_body": True})
            control.phase = Phase.CUT
        await asyncio.Event().wait()

    assert [message.get("body") for message in cut(stuck, control, monkeypatch)] == [None, b"1"]


def test_an_answer_that_had_not_begun_becomes_a_503(control: Control, monkeypatch: pytest.MonkeyPatch) -> None:
    async def stuck(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            control.phase = Phase.CUT
        await asyncio.Event().wait()

    assert [message.get("status") for message in cut(stuck, control, monkeypatch)] == [503, None]


def test_a_client_that_goes_away_is_no_cut(control: Control) -> None:
    async def gone(scope: Any, receive: Any, send: Any) -> None:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        ask(Gate(gone))
    assert control.in_flight == 0


def test_a_dead_engine_is_reported(control: Control, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = SimpleNamespace(errored=True)
    scope = {"type": "lifespan", "app": SimpleNamespace(state=SimpleNamespace(engine_client=engine))}

    async def brief(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.sleep(0)

    asyncio.run(Gate(brief)(scope, receive, sender([])))
    assert control.engine_dead


def test_a_websocket_is_refused_in_its_own_way(control: Control) -> None:
    control.phase = Phase.REFUSING
    assert ask(Gate(App()), kind="websocket") == [{"type": "websocket.close", "code": 1013}]


@pytest.mark.parametrize(
    ("phase", "dead", "ready", "live"),
    [
        (Phase.STARTING, False, 503, 200),
        (Phase.READY, False, 200, 200),
        (Phase.HANDOVER, False, 503, 200),
        (Phase.REFUSING, False, 503, 200),
        (Phase.CUT, False, 503, 200),
        (Phase.READY, True, 503, 503),
    ],
)
def test_probes_and_health_say_one_thing(control: Control, phase: Phase, dead: bool, ready: int, live: int) -> None:
    control.phase = phase
    if dead:
        control.report_engine_dead()
    gate = Gate(App())
    found = [ask(gate, "GET", path)[0]["status"] for path in ("/modelyard/ready", "/health", "/modelyard/live")]
    assert found == [ready, ready, live]

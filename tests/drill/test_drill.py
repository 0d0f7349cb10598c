"""Drills against a real Envoy, with models whose pods die for real."""

import re
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any
from xml.etree import ElementTree

import httpx
import pytest
from aiohttp import web

from stacks.drill import DrillError, Loss, Report, Sample, drill, losing, page, table
from stacks.drill.plot import ceiling
from stacks.kubectl import KubectlError
from tests.gateway.conftest import loop, pods, start
from tests.gateway.fakes import Gate, Loop, Pod, completion, status, stream
from tests.gateway.harness import stack
from tests.verify.conftest import CHAIN, MODELS, Bring, Site, bring, metrics

__all__ = ["bring", "loop", "metrics", "pods", "start"]

# A pod that dies may leave a connection behind that it had just accepted.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

ROUTE = CHAIN.all_routes[0]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(losing, "BEFORE_SECONDS", 0.5)
    monkeypatch.setattr(losing, "AFTER_SECONDS", 0.5)


@pytest.fixture
def client() -> Iterator[Callable[[Site], httpx.Client]]:
    made: list[httpx.Client] = []

    def connect(site: Site) -> httpx.Client:
        made.append(httpx.Client(base_url=site.gateway.url))
        return made[-1]

    yield connect
    for each in made:
        each.close()


Connect = Callable[[Site], httpx.Client]


def back_when_others_answer(pod: Pod) -> tuple[Callable[[], list[str]], Callable[[Sample], None]]:
    """What kills a pod, and what starts it again as soon as the fallback was seen to answer."""
    started = threading.Event()

    def kill() -> list[str]:
        pod.kill()
        return ["first-0"]

    def observe(sample: Sample) -> None:
        if sample.fallback_from and not started.is_set():
            started.set()
            pod.start()

    return kill, observe


def lose(site: Site, client: httpx.Client, **options: Any) -> Loss:
    kill, observe = back_when_others_answer(site.pods["first"])
    settings = {"kill": kill, "on_sample": observe, "per_second": 20, "recovery_seconds": 20, **options}
    return losing.lose(site.settings, ROUTE, client, **settings)


@pytest.mark.gateway
def test_a_loss_that_nobody_notices(bring: Bring, client: Connect) -> None:
    site = bring()
    loss = lose(site, client(site))
    assert loss.problems == ()
    assert loss.failed_requests == 0
    assert (loss.route, loss.model, loss.fallback, loss.killed) == ("first", "first", ("second", "third"), ("first-0",))
    assert loss.first_fallback_seconds is not None
    assert loss.recovery_seconds is not None
    assert 0 < loss.first_fallback_seconds < loss.recovery_seconds
    assert {sample.served_by for sample in loss.samples} == {"first", "second"}
    assert {sample.streamed for sample in loss.samples} == {True, False}
    assert loss.samples[0].at < -0.3
    assert all(sample.served_by == "first" for sample in loss.samples if sample.at + sample.seconds < 0)


@pytest.mark.gateway
def test_a_loss_without_a_fallback_is_one_of_answers(bring: Bring, client: Connect) -> None:
    site = bring(stack(["first", "second", "third"]))
    loss = losing.lose(
        CHAIN,
        ROUTE,
        client(site),
        kill=back_when_others_answer(site.pods["first"])[0],
        per_second=20,
        recovery_seconds=2,
    )
    assert not loss.passed
    assert loss.failed_requests > 10
    assert loss.first_fallback_seconds is None
    assert loss.recovery_seconds is None
    assert re.fullmatch(
        r"\d+ of \d+ requests failed, the first of them -?\d\.\d s after the pods were killed: status 503: No model "
        r"could answer for 'first': try again in 5 seconds\.",
        loss.problems[0],
    )
    assert loss.problems[1:] == (
        "no other model answered for first, so what fallback does was not seen",
        "first did not answer for itself again within 2 s",
    )


@pytest.mark.gateway
def test_a_model_that_does_not_come_back(bring: Bring, client: Connect) -> None:
    site = bring()
    loss = lose(site, client(site), on_sample=None, recovery_seconds=2)
    assert loss.problems == ("first did not answer for itself again within 2 s",)


@pytest.mark.gateway
def test_streams_that_are_cut_are_told_apart_from_requests_that_fail(bring: Bring, client: Connect, loop: Loop) -> None:
    async def never_ends_a_stream(pod: Pod, request: web.Request, fields: dict[str, Any]) -> web.StreamResponse:
        answer = stream(gates={1: Gate(loop)}) if fields.get("stream") else completion
        return await answer(pod, request, fields)

    site = bring()
    site.pods["first"].answer = never_ends_a_stream
    kill, observe = back_when_others_answer(site.pods["first"])

    def kill_and_mend() -> list[str]:
        killed = kill()
        site.pods["first"].answer = completion
        return killed

    loss = losing.lose(
        site.settings, ROUTE, client(site), kill=kill_and_mend, on_sample=observe, per_second=20, recovery_seconds=20
    )
    assert loss.cut_streams > 0
    assert loss.failed_requests == 0
    assert loss.passed


@pytest.mark.gateway
def test_a_careful_drill_cuts_no_stream(bring: Bring, client: Connect) -> None:
    site = bring()
    loss = lose(site, client(site), careful=True)
    fallen_back = next(place for place, sample in enumerate(loss.samples) if sample.fallback_from)
    assert not any(sample.streamed for sample in loss.samples[:fallen_back])
    assert any(sample.streamed for sample in loss.samples)


@pytest.mark.gateway
def test_nothing_is_killed_where_the_model_does_not_answer_before(bring: Bring, client: Connect) -> None:
    site = bring()
    site.pods["first"].answer = status(500)
    with pytest.raises(
        DrillError, match="not answered by its own model even before anything is killed: status 200, serv"
    ):
        losing.lose(site.settings, ROUTE, client(site), kill=lambda: pytest.fail("killed"))


@pytest.mark.gateway
def test_a_whole_drill(bring: Bring, monkeypatch: pytest.MonkeyPatch) -> None:
    site = bring()
    deleted: list[tuple[Any, ...]] = []
    pod = site.pods["first"]

    def delete(_: object, kind: str, *names: str, namespace: str | None = None, now: bool = False) -> list[str]:
        deleted.append((kind, names, namespace, now))
        pod.kill()
        return list(names)

    monkeypatch.setattr(type(site.kubectl), "delete", delete)
    _, observe = back_when_others_answer(pod)
    told: list[Loss] = []
    report = drill(
        site.settings,
        f"{site.gateway.url}/v1",
        name="test",
        kubectl=site.kubectl,
        per_second=20,
        recovery_seconds=20,
        on_sample=observe,
        on_loss=told.append,
    )
    assert deleted == [("pod", ("first-0",), "default", True)]
    assert report.passed
    assert report.losses == tuple(told)
    assert report.stack == "test"


TWO = stack(MODELS, [{"model": "first", "fallback": ["second"]}, {"model": "second", "fallback": ["third"]}])


@pytest.mark.gateway
def test_all_routes_are_asked_before_anything_is_killed(bring: Bring, monkeypatch: pytest.MonkeyPatch) -> None:
    site = bring(TWO)
    site.pods["second"].answer = status(500)
    monkeypatch.setattr(type(site.kubectl), "delete", lambda *_, **__: pytest.fail("killed"))
    with pytest.raises(DrillError, match="The route 'second' is not answered by its own model even before"):
        drill(site.settings, f"{site.gateway.url}/v1", name="test", kubectl=site.kubectl)


@pytest.mark.gateway
def test_what_comes_in_the_way_later_keeps_the_losses_before_it(bring: Bring, monkeypatch: pytest.MonkeyPatch) -> None:
    site = bring(TWO)
    pod = site.pods["first"]

    def delete(_: object, __: str, *names: str, **___: object) -> list[str]:
        pod.kill()
        del site.kubectl.cluster.ports["pod/second-0", 8080]
        return list(names)

    monkeypatch.setattr(type(site.kubectl), "delete", delete)
    _, observe = back_when_others_answer(pod)
    told: list[Loss] = []
    report = drill(
        site.settings,
        f"{site.gateway.url}/v1",
        name="test",
        kubectl=site.kubectl,
        per_second=20,
        recovery_seconds=20,
        on_sample=observe,
        on_loss=told.append,
    )
    assert [(loss.model, loss.killed) for loss in report.losses] == [("first", ("first-0",)), ("second", ())]
    assert report.losses[0].problems == ()
    assert report.losses[1].problems == (
        "'second' has no ready pod in the namespace 'default', so there is nothing to kill.",
    )
    assert report.losses == tuple(told)
    assert not report.passed


@pytest.mark.gateway
def test_times_are_taken_from_the_kill_and_not_from_asking_whom(bring: Bring, monkeypatch: pytest.MonkeyPatch) -> None:
    site = bring()
    pod, find = site.pods["first"], type(site.kubectl).find

    def slow(*arguments: Any, **options: Any) -> Any:
        time.sleep(2.0)
        return find(*arguments, **options)

    def delete(_: object, __: str, *names: str, **___: object) -> list[str]:
        pod.kill()
        return list(names)

    monkeypatch.setattr(type(site.kubectl), "find", slow)
    monkeypatch.setattr(type(site.kubectl), "delete", delete)
    _, observe = back_when_others_answer(pod)
    options: dict[str, Any] = {"per_second": 20, "recovery_seconds": 20, "on_sample": observe}
    (loss,) = drill(site.settings, f"{site.gateway.url}/v1", name="test", kubectl=site.kubectl, **options).losses
    assert loss.problems == ()
    assert loss.first_fallback_seconds is not None
    assert loss.first_fallback_seconds < 2.0


@pytest.mark.gateway
def test_a_kill_that_fails_half_way_is_a_problem_of_its_loss(bring: Bring, monkeypatch: pytest.MonkeyPatch) -> None:
    site = bring()
    pod = site.pods["first"]

    def delete(*_: object, **__: object) -> list[str]:
        pod.kill()
        raise KubectlError("`kubectl delete pod first-0 first-1` failed: EOF", "Try it by hand.")

    monkeypatch.setattr(type(site.kubectl), "delete", delete)
    report = drill(site.settings, f"{site.gateway.url}/v1", name="test", kubectl=site.kubectl, per_second=20)
    (loss,) = report.losses
    assert loss.problems == ("`kubectl delete pod first-0 first-1` failed: EOF",)
    assert loss.killed == ()
    assert loss.samples
    assert not report.passed


@pytest.mark.gateway
def test_pods_that_went_by_themselves_were_not_killed(bring: Bring, monkeypatch: pytest.MonkeyPatch) -> None:
    site = bring()
    monkeypatch.setattr(type(site.kubectl), "delete", lambda *_, **__: [])
    with pytest.raises(DrillError, match="first-0 went before the drill could kill them"):
        drill(site.settings, f"{site.gateway.url}/v1", name="test", kubectl=site.kubectl, per_second=20)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (
            {"routes": ["second"]},
            "'second' is no route of this stack that has a fallback.\nName one of these: 'first'.",
        ),
        ({"routes": ["nobody"]}, "'nobody' is no route of this stack that has a fallback."),
        ({"stack": stack(["first"])}, "modelyard:routes: no route of this stack has a fallback"),
        (
            {"base_url": "http://127.0.0.1:9/v1", "through": "base_url"},
            "The gateway was not reached: http://127.0.0.1:9/v1",
        ),
    ],
)
def test_a_drill_that_cannot_be_held(options: dict[str, Any], sentence: str) -> None:
    settings, url = options.pop("stack", CHAIN), options.pop("base_url", "http://127.0.0.1:9/v1")
    with pytest.raises(DrillError) as refused:
        drill(settings, url, name="test", **options)
    assert sentence in str(refused.value)


def test_each_model_is_lost_once() -> None:
    routes = [
        {"model": "chat", "upstreams": [{"model": "a", "weight": 90}, {"model": "b", "weight": 10}], "fallback": ["c"]},
        {"model": "a", "fallback": ["b"]},
        {"model": "b", "fallback": ["c"]},
        {"model": "c"},
    ]
    chosen = losing._chosen(stack(["a", "b", "c"], routes), ())
    assert [(route.model, losing.lost_model(route)) for route in chosen] == [("chat", "a"), ("b", "b")]


def sample(at: float, served_by: str | None, **fields: Any) -> Sample:
    instead = None if served_by in (None, "qwen") else "qwen"
    usual = {"seconds": 0.5, "first_byte_seconds": None, "streamed": False, "status": 200, "error": None}
    return Sample(**{"at": at, "served_by": served_by, "fallback_from": instead, **usual, **fields})


SAMPLES = (
    sample(-1.0, "qwen"),
    sample(-0.1, "qwen"),
    sample(0.1, None, streamed=True, error="the answer broke off (x)", first_byte_seconds=0.1),
    sample(0.5, "gemma", seconds=2.0),
    sample(1.0, "qwen", seconds=0.1),
    sample(40.0, "gemma"),
    sample(60.0, "qwen", seconds=1.0),
)
LOSS = Loss("qwen", "qwen", ("gemma",), ("qwen-0", "qwen-1"), SAMPLES, 2.5, 61.0, ())


def test_times_are_taken_from_the_kill_to_the_end_of_an_answer() -> None:
    assert losing.first_fallback(SAMPLES, "qwen") == 2.5
    assert losing.first_fallback(SAMPLES[:3], "qwen") is None
    assert losing.recovery(SAMPLES[:4], "qwen") is None
    assert losing.recovery(SAMPLES, "qwen") == 61.0
    assert losing.recovery(SAMPLES[:5], "qwen") == 1.1
    assert losing.recovery(SAMPLES[:2], "qwen") is None


def test_an_answer_of_a_model_that_the_route_does_not_name_is_a_problem() -> None:
    loss = losing.judged(ROUTE, "first", (), (sample(1.0, "stranger"),), 5)
    assert "stranger answered, and the route does not name them" in loss.problems


def test_requests_that_were_not_sent_are_a_problem() -> None:
    loss = losing.judged(ROUTE, "first", (), (), 5, unsent=3)
    assert "3 requests were not sent in time, for 64 were under way: ask fewer a second" in loss.problems
    assert loss.unsent == 3


def test_the_table() -> None:
    assert table(Report("prod", "2026-01-01T00:00:00+00:00", (LOSS,))).splitlines() == [
        "| route | killed         | requests | failed | cut streams | first fallback | recovery | slowest answer |",
        "|-------|----------------|----------|--------|-------------|----------------|----------|----------------|",
        "| qwen  | qwen-0, qwen-1 | 7        | 0      | 1           | 2.50 s         | 61 s     | 2.00 s         |",
    ]


def test_the_page_needs_nothing_else_and_shows_every_request() -> None:
    bad = Loss("<b>", "m", (), ("m-0",), (), None, None, ("7 of 7 requests failed: <script>",))
    text = page(Report("prod & more", "2026-01-01T00:00:00+00:00", (LOSS, bad)))
    assert not re.search(r"https?://|<script|<link|url\(|@import|src=", text)
    assert "Fail-over drill of prod &amp; more" in text
    assert "7 of 7 requests failed: &lt;script&gt;" in text
    assert '<strong class="bad">failed</strong>' in text
    begin = text.index('<svg viewBox="0 0 960')
    drawn = ElementTree.fromstring(text[begin : text.index("</svg>", begin) + 6])  # noqa: S314 - our own text
    circles = drawn.findall("circle")
    assert [circle.get("class") for circle in circles] == ["own", "own", "failed", "other", "own", "other", "own"]
    assert {label.text for label in drawn.findall("text")} >= {"killed", "first fallback 2.50 s", "recovery 61 s"}
    for circle in circles:
        assert 56 <= float(circle.get("cx", "")) <= 944
        assert 30 <= float(circle.get("cy", "")) <= 300


@pytest.mark.parametrize(
    ("value", "top"), [(0.0, 0.001), (0.3, 0.5), (1.0, 1.0), (1.1, 2.0), (7.0, 10.0), (90.0, 100.0)]
)
def test_axes_end_at_round_numbers(value: float, top: float) -> None:
    assert ceiling(value) == pytest.approx(top)

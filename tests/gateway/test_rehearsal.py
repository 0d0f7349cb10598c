"""Rehearsals of fallbacks: who can have one, and what it does to the models."""

import re
import socket
from collections.abc import Iterator

import httpx
import pytest

from tests.gateway.conftest import Pods, Start
from tests.gateway.fakes import Gate, Loop, stream
from tests.gateway.harness import WAIT_SECONDS, Gateway, eventually, question, stack

pytestmark = pytest.mark.gateway

MODELS = ["first", "second", "third"]
CHAIN = [{"model": "first", "fallback": ["second", "third"]}, {"model": "second"}, {"model": "third"}]


@pytest.fixture
def gateway(start: Start, pods: Pods) -> Gateway:
    return start(stack(MODELS, CHAIN), **{name: pods(name) for name in MODELS})


@pytest.fixture
def rehearsal(gateway: Gateway) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"http://127.0.0.1:{gateway.site.rehearsal_port}", timeout=WAIT_SECONDS) as client:
        yield client


def rehearse(client: httpx.Client, places: int, **fields: object) -> httpx.Response:
    body = question("first", **fields)
    return client.post("/v1/chat/completions", json=body, headers={"x-modelyard-rehearse": str(places)})


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize(("places", "served_by"), [(1, "second"), (2, "third")])
def test_so_many_places_of_the_chain_are_passed_over(
    rehearsal: httpx.Client, places: int, served_by: str, streamed: bool
) -> None:
    answer = rehearse(rehearsal, places, stream=streamed)
    assert answer.status_code == 200
    assert answer.headers["x-modelyard-served-by"] == served_by
    assert answer.headers["x-modelyard-fallback-from"] == "first"
    assert f'"model": "{served_by}"' in answer.text
    if streamed:
        assert answer.text.endswith("data: [DONE]\n\n")


def test_the_models_that_are_passed_over_are_none_the_worse_for_it(gateway: Gateway, rehearsal: httpx.Client) -> None:
    for _ in range(20):
        assert rehearse(rehearsal, 2).headers["x-modelyard-served-by"] == "third"
    assert gateway.chat("first").headers["x-modelyard-served-by"] == "first"
    for model in MODELS:
        assert gateway.stat(f"cluster.{model}.membership_healthy") == 1
        ejections = gateway.stats(rf"^cluster\.{model}\.outlier_detection\.ejections_total$|consecutive_5xx$")
        assert set(ejections.values()) <= {0}


def test_a_model_that_is_passed_over_by_a_stream_need_not_finish_it(start: Start, pods: Pods, loop: Loop) -> None:
    models = {name: pods(name) for name in MODELS}
    models["first"].answer = stream(gates={1: Gate(loop)})
    gateway = start(stack(MODELS, CHAIN), **models)
    with httpx.Client(base_url=f"http://127.0.0.1:{gateway.site.rehearsal_port}", timeout=WAIT_SECONDS) as client:
        assert rehearse(client, 1, stream=True).headers["x-modelyard-served-by"] == "second"
    eventually(lambda: models["first"].running == 0, "the first model's stream is ended")


def test_a_rehearsal_counts_for_nobody(gateway: Gateway, rehearsal: httpx.Client) -> None:
    assert rehearse(rehearsal, 1).status_code == 200
    assert rehearse(rehearsal, 2, stream=True).status_code == 200
    rehearse(rehearsal, 99)
    assert gateway.chat("first").status_code == 200

    # Only clients' requests are in the metrics; all are in the log, which tells them apart.
    eventually(lambda: len(gateway.log()) == 4, "all are logged")
    assert [line.get("rehearsal") for line in gateway.log()] == [True, True, True, None]
    text = gateway.metrics.get("/stats/prometheus").text
    counted = re.findall(r"^(envoy_modelyard_\w+_total)\{([^}]*)\} ([1-9]\d*)$", text, re.MULTILINE)
    called = 'route="first",served_by="first",consumer=""'
    assert {name: (labels.replace("envoy_", ""), value) for name, labels, value in counted} == {
        "envoy_modelyard_requests_total": (f'{called},status="200"', "1"),
        "envoy_modelyard_input_tokens_total": (called, "3"),
        "envoy_modelyard_output_tokens_total": (called, "5"),
    }


@pytest.mark.parametrize(
    "headers",
    [
        {"x-modelyard-rehearse": "1"},
        {"X-Modelyard-Rehearse": "1"},
        {"x_modelyard_rehearse": "1"},
        {"x-rehearse": "1"},
        {
            "x-envoy-max-retries": "1",
            "x-envoy-retry-on": "retriable-status-codes",
            "x-envoy-retriable-status-codes": "200",
        },
        {
            "X-Envoy-Max-Retries": "1",
            "X-Envoy-Retry-On": "retriable-status-codes",
            "X-Envoy-Retriable-Status-Codes": "200",
            "x-forwarded-for": "127.0.0.1",
            "x-envoy-internal": "true",
        },
        {"connection": "x-envoy-retry-on", "x-envoy-retry-on": "retriable-status-codes"},
    ],
)
@pytest.mark.parametrize("streamed", [False, True])
def test_a_client_has_no_rehearsal(gateway: Gateway, headers: dict[str, str], streamed: bool) -> None:
    for _ in range(3):
        answer = gateway.post(question("first", stream=streamed), headers=headers)
        assert answer.status_code == 200
        assert answer.headers["x-modelyard-served-by"] == "first"
        assert "x-modelyard-fallback-from" not in answer.headers
    assert gateway.stat("http.rehearsal.downstream_rq_total") == 0


def test_a_client_cannot_smuggle_one_behind_a_request(gateway: Gateway) -> None:
    hidden = (
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nx-modelyard-rehearse: 1\r\n"
        b'x-envoy-max-retries: 1\r\ncontent-type: application/json\r\ncontent-length: 40\r\n\r\n{"model": "first", '
        b'"messages": []}       '
    )
    head = b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
    both = head + b"content-length: %d\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n" % (len(hidden) + 5) + hidden
    with socket.create_connection(("127.0.0.1", gateway.site.port), timeout=WAIT_SECONDS) as client:
        client.sendall(both)
        said = b"".join(iter(lambda: client.recv(65536), b""))
    assert said.startswith(b"HTTP/1.1 400 ")
    assert said.count(b"HTTP/1.1 ") == 1
    assert gateway.stat("http.rehearsal.downstream_rq_total") == 0


def test_a_rehearsal_needs_a_key_where_others_do(start: Start, pods: Pods) -> None:
    auth = {"consumers": [{"name": "alice", "keys": ["alice-key"]}]}
    gateway = start(stack(MODELS, CHAIN, auth=auth), **{name: pods(name) for name in MODELS})
    with httpx.Client(base_url=f"http://127.0.0.1:{gateway.site.rehearsal_port}", timeout=WAIT_SECONDS) as client:
        assert rehearse(client, 1).status_code == 401
        client.headers["authorization"] = "Bearer alice-key"
        assert rehearse(client, 1).headers["x-modelyard-served-by"] == "second"


def test_a_rehearsal_says_nothing_of_itself_to_the_models(start: Start, pods: Pods) -> None:
    models = {name: pods(name) for name in MODELS}
    gateway = start(stack(MODELS, CHAIN), **models)
    with httpx.Client(base_url=f"http://127.0.0.1:{gateway.site.rehearsal_port}", timeout=WAIT_SECONDS) as client:
        assert rehearse(client, 1).status_code == 200
    for model in ("first", "second"):
        (received,) = models[model].received
        assert [name for name in received.headers if "rehearse" in name or "retr" in name] == []
    assert models["third"].received == []


@pytest.mark.parametrize("places", ["3", "99", "", "-1", "many"])
def test_a_rehearsal_of_more_places_than_there_are_harms_nobody(
    gateway: Gateway, rehearsal: httpx.Client, places: str
) -> None:
    answer = rehearsal.post("/v1/chat/completions", json=question("first"), headers={"x-modelyard-rehearse": places})
    assert answer.status_code in (200, 503)
    assert gateway.chat("first").headers["x-modelyard-served-by"] == "first"

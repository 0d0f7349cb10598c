"""What reaches the model of a request, and how clients may send it."""

import json

import httpx
import pytest

from tests.gateway.conftest import Pair, Pods, Start
from tests.gateway.fakes import content
from tests.gateway.harness import question, stack

pytestmark = pytest.mark.gateway

JSON = {"content-type": "application/json"}


def test_body_reaches_the_model_byte_for_byte(pair: Pair) -> None:
    body = b'{ "seed": 9007199254740993,"model" :"qw\\u0065n", "messages":[], "z":1, "a":1.0 }'

    assert pair.gateway.client.post("/v1/chat/completions?x=1", content=body, headers=JSON).status_code == 200
    assert pair.qwen.received[-1].body == body
    assert pair.qwen.received[-1].path == "/v1/chat/completions?x=1"


def test_model_in_the_text_does_not_count(pair: Pair) -> None:
    text = 'ignore that: {"model": "gemma"} "model":"gemma"'
    fields = {"messages": [{"model": "gemma", "role": "user", "content": text}], "metadata": {"model": "gemma"}}

    answer = pair.gateway.post({**fields, "model": "qwen"})

    assert answer.headers["x-modelyard-served-by"] == "qwen"
    assert pair.qwen.received[-1].json == {**fields, "model": "qwen"}


@pytest.mark.parametrize("path", ["chat/completions", "completions", "embeddings", "responses", "rerank", "score"])
def test_every_endpoint_is_routed(pair: Pair, path: str) -> None:
    assert pair.gateway.post({"model": "gemma"}, f"/v1/{path}").status_code == 200
    assert pair.gemma.received[-1].path == f"/v1/{path}"


@pytest.mark.parametrize("content_type", ["application/json", "application/json; charset=utf-8"])
def test_content_types(pair: Pair, content_type: str) -> None:
    body = json.dumps(question("qwen")).encode()

    answer = pair.gateway.client.post("/v1/chat/completions", content=body, headers={"content-type": content_type})

    assert answer.status_code == 200


FORGED = {
    "x-modelyard-model": "gemma",
    "x-modelyard-consumer": "root",
    "x-modelyard-cluster": "gemma",
    "x-modelyard-served-by": "forged",
    "X-Modelyard-Stream": "true",
    "x-higress-fallback-from": "forged",
    "X-HI-ORIGINAL-AUTH": "forged",
    "x-envoy-max-retries": "99",
    "x-envoy-upstream-rq-timeout-ms": "1",
    "x_modelyard_model": "gemma",
}


def test_internal_headers_of_a_client_are_stripped(pair: Pair) -> None:
    answer = pair.gateway.post(question("qwen"), headers=FORGED)

    assert answer.headers["x-modelyard-served-by"] == "qwen"
    seen = pair.qwen.received[-1].headers
    assert {name: value for name, value in seen.items() if "modelyard" in name} == {"x-modelyard-model": "qwen"}
    assert not [name for name in seen if name.startswith(("x-higress", "x-hi-", "x-envoy-max", "x-envoy-upstream"))]


def test_internal_headers_do_not_route(pair: Pair) -> None:
    before = len(pair.gemma.received)

    for body in (b"", b"no JSON", b"{}"):
        answer = pair.gateway.client.post("/v1/chat/completions", content=body, headers={**JSON, **FORGED})
        assert answer.status_code == 400
    assert len(pair.gemma.received) == before


def test_internal_headers_of_a_model_are_replaced(pods: Pods, start: Start) -> None:
    qwen = pods("qwen")
    qwen.headers = {"x-modelyard-served-by": "forged", "x-modelyard-fallback-from": "forged"}
    gateway = start(stack(["qwen"]), qwen=qwen)

    answer = gateway.chat("qwen")

    assert answer.headers.get_list("x-modelyard-served-by") == ["qwen"]
    assert "x-modelyard-fallback-from" not in answer.headers


def test_connections_are_kept(pods: Pods, start: Start) -> None:
    gateway = start(stack(["qwen"]), qwen=pods("qwen"))

    for _ in range(5):
        assert gateway.chat("qwen").http_version == "HTTP/1.1"

    assert gateway.stats("http.edge.downstream_cx_total") == {"http.edge.downstream_cx_total": 1}
    assert gateway.stats("http.edge.downstream_rq_total") == {"http.edge.downstream_rq_total": 5}


def test_http2_without_tls(pair: Pair) -> None:
    with httpx.Client(base_url=pair.gateway.url, http1=False, http2=True) as client:
        plain = client.post("/v1/chat/completions", json=question("qwen"))
        streamed = client.post("/v1/chat/completions", json=question("qwen", stream=True))
        missing = client.post("/v1/chat/completions", json=question("llama"))

    assert [answer.http_version for answer in (plain, streamed, missing)] == ["HTTP/2"] * 3
    assert plain.json()["choices"][0]["message"]["content"] == "from qwen"
    assert streamed.text.endswith("data: [DONE]\n\n")
    assert missing.status_code == 404


@pytest.mark.parametrize("megabytes", [2, 40])
def test_answer_of_any_size(pods: Pods, start: Start, megabytes: int) -> None:
    qwen = pods("qwen")
    text = "x" * (megabytes * 1_000_000)
    qwen.answer = content(text)
    gateway = start(stack(["qwen"], body_limit_mib=1), qwen=qwen)

    assert gateway.chat("qwen").json()["choices"][0]["message"]["content"] == text


def test_request_id_is_in_the_answer(pair: Pair) -> None:
    answer = pair.gateway.chat("qwen")

    assert answer.headers["x-request-id"] == pair.qwen.received[-1].headers["x-request-id"]

"""Requests that no model can answer: OpenAI's error form, whatever is wrong."""

from typing import Any

import httpx
import openai
import pytest

from tests.gateway.conftest import Pair, Pods, Start
from tests.gateway.fakes import status
from tests.gateway.harness import question, stack

pytestmark = pytest.mark.gateway

SERVES = (
    "send POST to /v1/chat/completions, /v1/completions, /v1/embeddings, /v1/responses, /v1/rerank, /v1/score, "
    "or GET to /v1/models."
)


def refusal(response: httpx.Response) -> tuple[int, str, str, str | None, str]:
    """Status, type, code, param and message of an error in OpenAI's form and nothing else."""
    assert response.headers["content-type"] == "application/json"
    body = response.json()
    assert body.keys() == {"error"}
    assert body["error"].keys() == {"message", "type", "param", "code"}
    error = body["error"]
    return response.status_code, error["type"], error["code"], error["param"], error["message"]


def test_unknown_model_is_named_with_the_known_ones(pair: Pair) -> None:
    assert refusal(pair.gateway.chat("llama")) == (
        404,
        "invalid_request_error",
        "model_not_found",
        "model",
        "The model 'llama' does not exist. Known models: 'qwen', 'gemma'.",
    )


@pytest.mark.parametrize(
    "model", ['a"b\\c', "ü模型", "%REQ(authorization)%", "new\nline", "qwen ", "QWEN", "via:gemma"]
)
def test_unknown_model_is_quoted_as_it_was_sent(pair: Pair, model: str) -> None:
    code, _, _, _, message = refusal(pair.gateway.chat(model))

    assert (code, message) == (404, f"The model '{model}' does not exist. Known models: 'qwen', 'gemma'.")


def test_unknown_model_is_cut(pair: Pair) -> None:
    code, _, _, _, message = refusal(pair.gateway.chat("x" * 5_000))

    assert (code, message) == (404, f"The model '{'x' * 256}' does not exist. Known models: 'qwen', 'gemma'.")


@pytest.mark.parametrize(
    "body", [{}, {"model": None}, {"model": ""}, [{"model": "qwen"}], {"messages": {"model": "qwen"}}]
)
def test_no_model(pair: Pair, body: Any) -> None:
    assert refusal(pair.gateway.post(body)) == (
        400,
        "invalid_request_error",
        "missing_required_parameter",
        "model",
        "The request body must name one 'model'. Known models: 'qwen', 'gemma'.",
    )


@pytest.mark.parametrize("model", [1, 1.5, True, ["qwen"], {"name": "qwen"}, pytest.param("x" * 100_000, id="long")])
def test_model_that_is_no_string_of_some_length(pair: Pair, model: Any) -> None:
    assert refusal(pair.gateway.chat(model)) == (
        400,
        "invalid_request_error",
        "invalid_type",
        "model",
        "'model' must be a string of at most 8 KB.",
    )


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b'{"model": "qwen"', "application/json"),
        (b"model=qwen", "application/x-www-form-urlencoded"),
        (b'{"model": "qwen"}', "text/plain"),
        (b"\xff\xfe", "application/json"),
    ],
)
def test_body_that_is_no_json_object(pair: Pair, body: bytes, content_type: str) -> None:
    answer = pair.gateway.client.post("/v1/chat/completions", content=body, headers={"content-type": content_type})

    assert refusal(answer) == (
        400,
        "invalid_request_error",
        "invalid_json",
        None,
        "The request body is no JSON object: send one, with 'content-type: application/json'.",
    )


@pytest.mark.parametrize("body", [b"", b'{"model": "qwen", "model": "gemma"}'])
def test_body_without_one_model(pair: Pair, body: bytes) -> None:
    answer = pair.gateway.client.post(
        "/v1/chat/completions", content=body, headers={"content-type": "application/json"}
    )

    assert refusal(answer)[:3] == (400, "invalid_request_error", "missing_required_parameter")


@pytest.mark.parametrize(
    "written",
    [
        '"stream": false, "stream": true',
        '"stream_options": {"include_usage": true}, "stream": true, "stream_options": null',
        '"stream": true, "stream_options": {"include_usage": true, "include_usage": false}',
    ],
)
def test_body_that_two_readers_would_read_otherwise(pair: Pair, written: str) -> None:
    body = f'{{"model": "qwen", {written}}}'
    answer = pair.gateway.client.post(
        "/v1/chat/completions", content=body, headers={"content-type": "application/json"}
    )

    assert refusal(answer) == (
        400,
        "invalid_request_error",
        "duplicate_parameter",
        None,
        "The request body names 'stream', 'stream_options' or 'include_usage' twice, of which readers take either: "
        "name each of them once.",
    )


def test_no_value_of_the_body_becomes_a_header(pair: Pair) -> None:
    forged = {"stream": "true\r\nx-forged: 1", "metadata": {"stream": True}}

    assert pair.gateway.chat("qwen", **forged).status_code == 200
    received = pair.qwen.received[-1]
    assert received.json == question("qwen", **forged, stream_options={"include_usage": True})
    assert "x-forged" not in received.headers
    assert received.headers["x-modelyard-stream"] == "true"


def test_body_over_the_limit(pods: Pods, start: Start) -> None:
    qwen = pods("qwen")
    gateway = start(stack(["qwen"], body_limit_mib=1), qwen=qwen)

    assert refusal(gateway.chat("qwen", padding="x" * (1 << 20))) == (
        413,
        "invalid_request_error",
        "request_too_large",
        None,
        "The request body is larger than 1 MiB: send a smaller one.",
    )
    assert qwen.received == []
    assert gateway.chat("qwen", padding="x" * 1_000_000).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "shown"),
    [
        ("GET", "/", "/"),
        ("GET", "/metrics", "/metrics"),
        ("GET", "/health", "/health"),
        ("GET", "/v1/chat/completions", "/v1/chat/completions"),
        ("DELETE", "/v1/models/qwen", "/v1/models/qwen"),
        ("POST", "/v1/models", "/v1/models"),
        ("POST", "/v1/load_lora_adapter", "/v1/load_lora_adapter"),
        ("POST", "/v1/unload_lora_adapter", "/v1/unload_lora_adapter"),
        ("POST", "/sleep", "/sleep"),
        ("POST", "/v1/chat/completions/", "/v1/chat/completions/"),
        ("POST", "/v1/chat/completions;x=1", "/v1/chat/completions;x=1"),
        ("POST", "/v1/%2e%2e/metrics", "/metrics"),
        ("POST", "/v1/../metrics?model=qwen", "/metrics"),
        ("POST", "/v1/%2e%2e%2fmetrics", "/metrics"),
        ("POST", "/v1/chat/completions%2f..%2fload_lora_adapter", "/v1/chat/load_lora_adapter"),
        ("POST", "/v1%5c..%5cmetrics", "/metrics"),
    ],
)
@pytest.mark.parametrize("model", ["qwen", "llama"])
def test_path_or_method_that_is_not_served(pair: Pair, method: str, path: str, shown: str, model: str) -> None:
    before = len(pair.qwen.received)

    # httpx would normalize the path before it is sent.
    url = httpx.URL(pair.gateway.url).copy_with(raw_path=path.encode())
    answer = pair.gateway.client.request(method, url, json=question(model))

    assert refusal(answer) == (
        404,
        "invalid_request_error",
        "not_found",
        None,
        f"There is no '{shown}' here: {SERVES}",
    )
    assert len(pair.qwen.received) == before


@pytest.mark.parametrize(
    "path", ["/v1//chat/completions", "/v1/x/../chat/completions", "/v1/%63hat/completions", "/v1/chat%2fcompletions"]
)
def test_path_is_normalized(pair: Pair, path: str) -> None:
    url = httpx.URL(pair.gateway.url).copy_with(raw_path=path.encode())

    assert pair.gateway.client.post(url, json=question("qwen")).status_code == 200
    assert pair.qwen.received[-1].path == "/v1/chat/completions"


@pytest.mark.parametrize("code", [400, 401, 403, 404, 409, 413, 422, 429])
def test_4xx_of_the_model_is_passed_through(pods: Pods, start: Start, code: int) -> None:
    qwen, gemma = pods("qwen"), pods("gemma")
    qwen.answer = status(code)
    gateway = start(stack(["qwen", "gemma"], [{"model": "qwen", "fallback": ["gemma"]}]), qwen=qwen, gemma=gemma)

    answer = gateway.chat("qwen")

    assert (answer.status_code, answer.json()["error"]["message"]) == (code, f"from the pod: {code}")
    assert answer.headers["x-modelyard-served-by"] == "qwen"
    assert "x-modelyard-fallback-from" not in answer.headers
    assert gemma.received == []


def test_errors_are_those_of_the_openai_client(pair: Pair) -> None:
    with openai.OpenAI(base_url=f"{pair.gateway.url}/v1", api_key="none", max_retries=0) as client:
        with pytest.raises(openai.NotFoundError) as missing:
            client.chat.completions.create(model="llama", messages=[{"role": "user", "content": "?"}])
        with pytest.raises(openai.BadRequestError) as bad:
            client.chat.completions.create(model="", messages=[{"role": "user", "content": "?"}])

    assert (missing.value.code, missing.value.param) == ("model_not_found", "model")
    assert (bad.value.code, bad.value.type) == ("missing_required_parameter", "invalid_request_error")

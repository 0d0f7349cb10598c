"""A/B tests: routes of one model that requests choose between by their headers."""

import httpx
import pytest

from tests.gateway.conftest import Pods, Start
from tests.gateway.harness import Gateway, question, stack
from tests.gateway.test_errors import refusal

pytestmark = pytest.mark.gateway

GROUP_B = {"x-group": "b"}
NEWEST = {"x-group": "b", "x-stage": "newest"}


def ask(gateway: Gateway, model: str, headers: dict[str, str], **fields: object) -> httpx.Response:
    return gateway.post(question(model, **fields), headers=headers)


@pytest.fixture
def gateway(pods: Pods, start: Start) -> Gateway:
    """``qwen`` for everybody, ``gemma`` in its place for group b, and ``llama`` for those of it who want the newest."""
    routes = [
        {"model": "qwen"},
        {"model": "qwen", "headers": GROUP_B, "upstreams": [{"model": "gemma"}], "fallback": ["qwen"]},
        {"model": "qwen", "headers": NEWEST, "upstreams": [{"model": "llama"}]},
        {"model": "gemma", "headers": GROUP_B},
    ]
    names = ["qwen", "gemma", "llama"]
    return start(stack(names, routes), **{name: pods(name) for name in names})


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("headers", "answers"),
    [
        ({}, "qwen"),
        ({"x-group": "a"}, "qwen"),
        ({"x-group": "b2"}, "qwen"),
        ({"x-stage": "newest"}, "qwen"),
        (GROUP_B, "gemma"),
        ({"X-Group": "b", "x-stage": "oldest"}, "gemma"),
        (NEWEST, "llama"),
    ],
)
def test_headers_choose_the_route(gateway: Gateway, headers: dict[str, str], answers: str, *, stream: bool) -> None:
    answer = ask(gateway, "qwen", headers, stream=stream)

    assert answer.status_code == 200
    assert answer.headers["x-modelyard-served-by"] == answers
    assert "x-modelyard-fallback-from" not in answer.headers


def test_each_route_has_its_own_fallback(pods: Pods, start: Start) -> None:
    routes = [
        {"model": "qwen"},
        {"model": "qwen", "headers": GROUP_B, "upstreams": [{"model": "gemma"}], "fallback": ["llama"]},
    ]
    gemma = pods("gemma")
    gateway = start(stack(["qwen", "gemma", "llama"], routes), qwen=pods("qwen"), gemma=gemma, llama=pods("llama"))
    gemma.kill()

    answer = ask(gateway, "qwen", GROUP_B)

    assert answer.headers["x-modelyard-served-by"] == "llama"
    assert answer.headers["x-modelyard-fallback-from"] == "qwen"
    assert ask(gateway, "qwen", {}).headers["x-modelyard-served-by"] == "qwen"


def test_a_model_that_asks_for_headers(gateway: Gateway) -> None:
    assert ask(gateway, "gemma", GROUP_B).headers["x-modelyard-served-by"] == "gemma"
    assert refusal(ask(gateway, "gemma", {})) == (
        404,
        "invalid_request_error",
        "model_not_found",
        "model",
        "The model 'gemma' answers only to requests with certain other headers.",
    )


def test_each_model_is_listed_once(gateway: Gateway) -> None:
    listed = gateway.client.get("/v1/models").json()["data"]

    assert [each["id"] for each in listed] == ["qwen", "gemma"]
    assert refusal(ask(gateway, "nothing", {}))[4] == (
        "The model 'nothing' does not exist. Known models: 'qwen', 'gemma'."
    )

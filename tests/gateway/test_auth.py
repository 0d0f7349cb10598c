"""Keys, and who may use which model."""

import openai
import pytest

from tests.gateway.conftest import Pair, Pods, Start
from tests.gateway.fakes import Pod
from tests.gateway.harness import Gateway, stack
from tests.gateway.test_errors import refusal

pytestmark = pytest.mark.gateway

MISSING = (
    401,
    "invalid_request_error",
    "invalid_api_key",
    None,
    "The API key is missing or wrong: send 'Authorization: Bearer <key>' or 'x-api-key: <key>'.",
)


@pytest.fixture
def qwen(pods: Pods) -> Pod:
    return pods("qwen")


@pytest.fixture
def gateway(pods: Pods, start: Start, qwen: Pod) -> Gateway:
    consumers = [
        {"name": "alice", "keys": ["alice-old", "alice-new"]},
        {"name": "bob", "keys": ["bob-key"]},
    ]
    routes = [
        {"model": "qwen", "fallback": ["gemma"]},
        {"model": "gemma", "consumers": ["alice"]},
        {"model": "nobodys", "upstreams": [{"model": "gemma"}], "consumers": []},
    ]
    return start(stack(["qwen", "gemma"], routes, auth={"consumers": consumers}), qwen=qwen, gemma=pods("gemma"))


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": "Bearer wrong"},
        {"authorization": "Basic YWxpY2U6YWxpY2Utb2xk"},
        {"authorization": "Bearer"},
        {"x-api-key": "wrong"},
        {"x-api-key": ""},
        {"x-modelyard-consumer": "alice"},
    ],
)
def test_no_or_wrong_key(gateway: Gateway, qwen: Pod, headers: dict[str, str]) -> None:
    assert refusal(gateway.post({"model": "qwen"}, headers=headers)) == MISSING
    assert refusal(gateway.client.get("/v1/models", headers=headers)) == MISSING
    assert refusal(gateway.client.get("/metrics", headers=headers)) == MISSING
    assert qwen.received == []


@pytest.mark.parametrize(
    ("headers", "consumer"),
    [
        ({"authorization": "Bearer alice-old"}, "alice"),
        ({"authorization": "Bearer alice-new"}, "alice"),
        ({"x-api-key": "bob-key"}, "bob"),
        ({"x-api-key": "bob-key", "x-modelyard-consumer": "alice"}, "bob"),
    ],
)
def test_right_key_is_not_shown_to_the_model(
    gateway: Gateway, qwen: Pod, headers: dict[str, str], consumer: str
) -> None:
    assert gateway.post({"model": "qwen"}, headers=headers).status_code == 200

    sent = qwen.received[-1].headers
    assert "authorization" not in sent
    assert "x-api-key" not in sent
    assert sent["x-modelyard-consumer"] == consumer


def test_allow_list_of_a_route(gateway: Gateway) -> None:
    alice, bob = {"x-api-key": "alice-new"}, {"x-api-key": "bob-key"}

    assert gateway.post({"model": "gemma"}, headers=alice).status_code == 200
    assert refusal(gateway.post({"model": "gemma"}, headers=bob)) == (
        403,
        "permission_error",
        "model_not_allowed",
        "model",
        "Consumer 'bob' may not use the model 'gemma': ask who runs the gateway to add it to the route's consumers.",
    )
    assert refusal(gateway.post({"model": "nobodys"}, headers=alice))[0] == 403


def test_allow_list_counts_for_streams_too(gateway: Gateway) -> None:
    bob = {"x-api-key": "bob-key"}

    assert refusal(gateway.post({"model": "gemma", "stream": True}, headers=bob))[0] == 403


def test_fallback_needs_only_the_route_that_was_asked_for(gateway: Gateway, qwen: Pod) -> None:
    qwen.kill()

    answer = gateway.post({"model": "qwen"}, headers={"x-api-key": "bob-key"})

    assert (answer.status_code, answer.headers["x-modelyard-served-by"]) == (200, "gemma")


def test_the_openai_client_raises_its_own_errors(gateway: Gateway) -> None:
    with (
        openai.OpenAI(base_url=f"{gateway.url}/v1", api_key="wrong", max_retries=0) as client,
        pytest.raises(openai.AuthenticationError),
    ):
        client.models.list()
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key="bob-key", max_retries=0) as client:
        with pytest.raises(openai.PermissionDeniedError):
            client.chat.completions.create(model="gemma", messages=[{"role": "user", "content": "?"}])
        assert [model.id for model in client.models.list()] == ["qwen", "gemma", "nobodys"]


def test_without_consumers_no_key_is_asked_for_or_passed_on(pair: Pair) -> None:
    headers = {"authorization": "Bearer sk-of-somebody", "x-api-key": "another"}

    assert pair.gateway.post({"model": "qwen"}, headers=headers).status_code == 200
    assert not {"authorization", "x-api-key"} & pair.qwen.received[-1].headers.keys()

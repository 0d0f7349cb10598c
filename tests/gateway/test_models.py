"""The list of models, names that are mapped, and weights."""

from collections import Counter

import openai
import pytest

from tests.gateway.conftest import Pair, Pods, Start
from tests.gateway.harness import question, stack
from tests.gateway.test_errors import refusal

pytestmark = pytest.mark.gateway


def model(name: str) -> dict[str, object]:
    return {"id": name, "object": "model", "created": 0, "owned_by": "modelyard"}


def test_list_of_models(pair: Pair) -> None:
    answer = pair.gateway.client.get("/v1/models")

    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert answer.json() == {"object": "list", "data": [model("qwen"), model("gemma")]}


def test_one_model(pair: Pair) -> None:
    assert pair.gateway.client.get("/v1/models/gemma").json() == model("gemma")
    assert refusal(pair.gateway.client.get("/v1/models/llama")) == (
        404,
        "invalid_request_error",
        "model_not_found",
        "model",
        "There is no model at '/v1/models/llama'. Known models: 'qwen', 'gemma'.",
    )


NAMES = ["Qwen/Qwen2.5-1.5B-Instruct", "100% ü模型", 'quo"te\\', "with space?&#", "%REQ(x)%", "a.b~c:d@e"]


def test_names_of_any_form(pods: Pods, start: Start) -> None:
    routes = [{"model": name, "upstreams": [{"model": "gemma"}], "fallback": ["qwen"]} for name in NAMES]
    gemma = pods("gemma")
    gateway = start(stack(["gemma", "qwen"], routes), gemma=gemma, qwen=pods("qwen"))

    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key="none", max_retries=0) as client:
        assert [each.id for each in client.models.list()] == NAMES
        for name in NAMES:
            answer = gateway.chat(name)
            assert answer.headers["x-modelyard-served-by"] == "gemma"
            assert gemma.received[-1].json == question("gemma")
    gemma.kill()
    for name in NAMES:
        assert gateway.chat(name).headers["x-modelyard-fallback-from"] == name
    known = ", ".join(f"'{name}'" for name in NAMES)
    assert refusal(gateway.chat("x"))[4] == f"The model 'x' does not exist. Known models: {known}."


@pytest.mark.parametrize("name", [name for name in NAMES if "\\" not in name])
def test_one_model_of_any_name(pods: Pods, start: Start, name: str) -> None:
    gateway = start(stack(["gemma"], [{"model": name, "upstreams": [{"model": "gemma"}]}]), gemma=pods("gemma"))

    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key="none", max_retries=0) as client:
        assert client.models.retrieve(name).id == name


def test_mapped_name_is_no_fallback(pods: Pods, start: Start) -> None:
    gemma = pods("google/gemma-2-2b-it", "gemma")
    models = {"gemma": {"servedNames": ["google/gemma-2-2b-it", "gemma"]}}
    routes = [
        {"model": "gpt-4o", "upstreams": [{"model": "gemma"}]},
        {"model": "gemma"},
        {"model": "google/gemma-2-2b-it", "upstreams": [{"model": "gemma"}]},
    ]
    gateway = start(stack(models, routes), gemma=gemma)

    for asked, sent in (
        ("gpt-4o", "google/gemma-2-2b-it"),
        ("gemma", "gemma"),
        ("google/gemma-2-2b-it", "google/gemma-2-2b-it"),
    ):
        answer = gateway.chat(asked)
        assert (answer.status_code, answer.headers["x-modelyard-served-by"]) == (200, "gemma")
        assert "x-modelyard-fallback-from" not in answer.headers
        assert gemma.received[-1].json["model"] == sent


def test_fallback_is_asked_by_its_served_name(pods: Pods, start: Start) -> None:
    qwen, gemma = pods("qwen"), pods("google/gemma-2-2b-it")
    models = {"qwen": {}, "gemma": {"servedNames": ["google/gemma-2-2b-it"]}}
    gateway = start(stack(models, [{"model": "qwen", "fallback": ["gemma"]}]), qwen=qwen, gemma=gemma)
    qwen.kill()

    answer = gateway.chat("qwen")

    assert (answer.status_code, answer.headers["x-modelyard-served-by"]) == (200, "gemma")
    assert gemma.received[-1].json["model"] == "google/gemma-2-2b-it"


def test_weights(pods: Pods, start: Start) -> None:
    old, new, off = pods("old"), pods("new"), pods("off")
    upstreams = [{"model": "old", "weight": 75}, {"model": "new", "weight": 25}, {"model": "off", "weight": 0}]
    routes = [{"model": "chat", "upstreams": upstreams, "fallback": ["spare"]}]
    spare = pods("spare")
    gateway = start(stack(["old", "new", "off", "spare"], routes), old=old, new=new, off=off, spare=spare)

    answered = Counter(gateway.chat("chat").headers["x-modelyard-served-by"] for _ in range(200))

    assert answered.keys() == {"old", "new"}
    # Six standard deviations of a binomial of 200 draws at 0.25.
    assert 13 <= answered["new"] <= 87

    new.kill()
    old.kill()
    answer = gateway.chat("chat")
    assert (answer.headers["x-modelyard-served-by"], answer.headers["x-modelyard-fallback-from"]) == ("spare", "chat")
    assert spare.received[-1].json["model"] == "spare"
    assert off.received == []


def test_an_adapter_is_asked_by_its_name(pods: Pods, start: Start) -> None:
    qwen = pods("qwen", "sql", "law")
    models = {"qwen": {"lora": {"adapters": [{"name": name, "source": f"hf://o/{name}"} for name in ("sql", "law")]}}}
    routes = [
        {"model": "qwen"},
        {"model": "sql", "upstreams": [{"model": "qwen", "adapter": "sql"}]},
        {"model": "lawyer", "upstreams": [{"model": "qwen", "adapter": "law"}]},
    ]
    gateway = start(stack(models, routes), qwen=qwen)

    for asked, sent in (("qwen", "qwen"), ("sql", "sql"), ("lawyer", "law")):
        answer = gateway.chat(asked)
        assert (answer.status_code, answer.headers["x-modelyard-served-by"]) == (200, "qwen")
        assert qwen.received[-1].json["model"] == sent

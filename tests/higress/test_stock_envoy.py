"""What the gateway's objects make a real Envoy do, as far as a stock one can."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from components.manifests.higress.collection import objects
from stacks.settings import StackSettings, load
from tests.gateway.conftest import Pods
from tests.gateway.fakes import Pod, hang, reset, status, stream
from tests.gateway.harness import question
from tests.higress import reader
from tests.higress.stock import HigressLike

ROUTES: list[dict[str, Any]] = [{"model": "qwen", "fallback": ["gemma"]}, {"model": "gemma"}]


def stack(routes: list[dict[str, Any]] = ROUTES, **gateway: Any) -> StackSettings:
    names = dict.fromkeys(["qwen", "gemma", *(route["model"] for route in routes if "upstreams" not in route)])
    models = [{"name": name, "source": "hf://a/b", "pool": "gpu"} for name in names]
    return load(
        {
            "serving": {"image": "registry.example/serving:1"},
            "pools": [{"name": "gpu"}],
            "models": models,
            "routes": routes,
            "gateway": {"kind": "higress", **gateway},
        }
    )


pytestmark = pytest.mark.gateway

Running = Callable[..., HigressLike]


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    with ExitStack() as open_gateways:

        def start(settings: StackSettings, *found: Pod, edge: bool = True) -> HigressLike:
            pods = {model.name: [pod] for model, pod in zip(settings.models, found, strict=True)}
            gateway = open_gateways.enter_context(HigressLike(tmp_path, pods, edge=edge))
            gateway.start(settings)
            return gateway

        yield start


@pytest.fixture
def two(pods: Pods) -> tuple[Pod, Pod]:
    # model-mapper is not there, so the second pod has to know the first one's name.
    return pods("qwen"), pods("gemma", "qwen")


HOP = {"x-higress-fallback-from": "ai-route-qwen.internal"}


def test_a_model_answers_for_itself(running: Running, two: tuple[Pod, Pod]) -> None:
    answer = running(stack(), *two).chat("gemma")
    assert answer.status_code == 200
    assert answer.headers["x-modelyard-served-by"] == "gemma"
    assert "x-modelyard-fallback-from" not in answer.headers


def test_a_fallback_says_whose_place_it_took(running: Running, two: tuple[Pod, Pod]) -> None:
    gateway = running(stack(), *two, edge=False)
    answer = gateway.post(question("qwen"), headers=HOP)
    assert answer.status_code == 200
    assert answer.headers["x-modelyard-served-by"] == "gemma"
    assert answer.headers["x-modelyard-fallback-from"] == "qwen"


def test_a_fallback_takes_requests_of_known_callers(running: Running, two: tuple[Pod, Pod]) -> None:
    consumers = [{"name": "app", "keys": ["one-long-key-of-an-app"]}]
    gateway = running(stack(auth={"consumers": consumers}), *two, edge=False)
    assert gateway.post(question("qwen"), headers=HOP).headers["x-modelyard-served-by"] == "gemma"


def test_a_client_cannot_choose_the_fallback_or_the_model_by_a_header(running: Running, two: tuple[Pod, Pod]) -> None:
    forged = {**HOP, "x-higress-llm-model": "gemma", "x-mse-consumer": "boss", "X-HI-ORIGINAL-AUTH": "Bearer x"}
    answer = running(stack(), *two).post(question("qwen"), headers=forged)
    assert answer.headers["x-modelyard-served-by"] == "qwen"
    seen = two[0].received[0].headers
    assert not {"x-higress-fallback-from", "x-mse-consumer", "x-hi-original-auth"} & set(seen)


def test_a_pod_never_sees_the_callers_key(running: Running, two: tuple[Pod, Pod]) -> None:
    running(stack(), *two).post(question("qwen"), headers={"authorization": "Bearer key", "x-api-key": "key"})
    assert "key" not in str(two[0].received[0].headers)


@pytest.mark.parametrize("failure", [status(500), status(502), status(503), status(504), reset])
def test_where_the_chain_is_at_its_end_the_answer_is_503(running: Running, two: tuple[Pod, Pod], failure: Any) -> None:
    two[1].answer = failure
    answer = running(stack(), *two).chat("gemma")
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "5"
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["error"] == {
        "message": "No model could answer for 'gemma': try again in 5 seconds.",
        "type": "server_error",
        "param": None,
        "code": "service_unavailable",
    }


def test_a_model_without_a_pod_is_503_at_once(running: Running, two: tuple[Pod, Pod]) -> None:
    gateway = running(stack(), *two)
    two[1].kill()
    assert gateway.chat("gemma").status_code == 503


@pytest.mark.parametrize("code", [400, 404, 422, 429])
def test_an_error_of_the_client_passes_as_the_model_gave_it(running: Running, two: tuple[Pod, Pod], code: int) -> None:
    two[0].answer = status(code)
    answer = running(stack(), *two).chat("qwen")
    assert (answer.status_code, answer.json()["error"]["message"]) == (code, f"from the pod: {code}")


def test_an_unknown_model_is_404_and_named_with_those_that_are_known(running: Running, two: tuple[Pod, Pod]) -> None:
    answer = running(stack(), *two).chat('qwe"n')
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["error"] == {
        "message": "The model 'qwe\"n' does not exist. Known models: 'qwen', 'gemma'.",
        "type": "invalid_request_error",
        "param": "model",
        "code": "model_not_found",
    }


@pytest.mark.parametrize("body", [b"no JSON", b'{"messages": []}', b""])
def test_a_body_without_a_model_is_400(running: Running, two: tuple[Pod, Pod], body: bytes) -> None:
    answer = running(stack(), *two).client.post("/v1/chat/completions?a=b", content=body)
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "missing_required_parameter"


@pytest.mark.parametrize(("method", "path"), [("GET", "/metrics"), ("POST", "/v1/load_lora_adapter"), ("GET", "/")])
def test_what_is_not_served_is_404(running: Running, two: tuple[Pod, Pod], method: str, path: str) -> None:
    answer = running(stack(), *two).client.request(method, path)
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "not_found"
    assert f"'{path}'" in answer.json()["error"]["message"]


def test_the_models_are_listed(running: Running, two: tuple[Pod, Pod]) -> None:
    answer = running(stack(), *two).client.get("/v1/models")
    assert answer.headers["content-type"] == "application/json"
    assert [model["id"] for model in answer.json()["data"]] == ["qwen", "gemma"]


def test_each_model_has_its_own_entry(running: Running, two: tuple[Pod, Pod]) -> None:
    routes = [{"model": "Org/qwen 2", "upstreams": [{"model": "gemma"}]}]
    client = running(stack(routes), *two).client
    assert client.get("/v1/models/Org/qwen%202").json()["id"] == "Org/qwen 2"
    unknown = client.get("/v1/models/qwen")
    assert unknown.status_code == 404
    assert "Known models: 'Org/qwen 2'." in unknown.json()["error"]["message"]


def test_many_models_are_listed_too(running: Running, two: tuple[Pod, Pod]) -> None:
    routes = [{"model": f"org/alias-{number}", "upstreams": [{"model": "gemma"}]} for number in range(200)]
    answer = running(stack(routes), *two).client.get("/v1/models")
    assert len(answer.json()["data"]) == 200


def test_a_silent_model_is_given_up_and_a_slow_stream_is_not(running: Running, two: tuple[Pod, Pod]) -> None:
    times = {"answerSeconds": 0.5, "idleSeconds": 0.5, "firstByteSeconds": 0.5}
    routes = [{**ROUTES[0], "timeouts": times}, {**ROUTES[1], "timeouts": times}]
    gateway = running(stack(routes), *two)
    two[1].answer = hang
    assert gateway.chat("gemma").status_code == 503
    two[0].answer = stream(events=5)
    assert gateway.chat("qwen", stream=True).text.endswith("data: [DONE]\n\n")


def test_weights_share_the_requests(running: Running, two: tuple[Pod, Pod]) -> None:
    shares = [{"model": "qwen", "weight": 50}, {"model": "gemma", "weight": 50}]
    gateway = running(stack([{"model": "qwen", "upstreams": shares}]), *two)
    served = {gateway.chat("qwen").headers["x-modelyard-served-by"] for _ in range(40)}
    assert served == {"qwen", "gemma"}


# Rehearsals

CHAIN: list[dict[str, Any]] = [
    {"model": "qwen", "fallback": ["gemma", "llama"]},
    {"model": "gemma"},
    {"model": "llama"},
]


def redirected(gateway: HigressLike, settings: StackSettings, headers: dict[str, str]) -> httpx.Response:
    """What comes of a request when somebody sends it on as Higress's own redirect would."""
    made = objects(settings)
    for route in reader.hops(made, "qwen"):
        answer = gateway.post(question("qwen"), headers=headers)
        if answer.status_code < 500:
            break
        headers = {**headers, **reader.redirect(made, route)}
    return answer


@pytest.mark.parametrize(("places", "answers"), [("0", "qwen"), ("1", "gemma"), ("2", "llama")])
def test_a_rehearsal_passes_over_so_many_models(running: Running, pods: Pods, places: str, answers: str) -> None:
    three = pods("qwen"), pods("gemma", "qwen"), pods("llama", "qwen")
    settings = stack(CHAIN)
    gateway = running(settings, *three, edge=False)
    answer = redirected(gateway, settings, {"x-modelyard-rehearse": places})
    assert answer.headers["x-modelyard-served-by"] == answers
    (asked,) = [request for pod in three for request in pod.received]
    assert "x-modelyard-rehearse" not in asked.headers


def test_the_last_place_of_a_chain_is_passed_over_by_nobody(running: Running, two: tuple[Pod, Pod]) -> None:
    gateway = running(stack(), *two)
    answer = gateway.post(question("gemma"), headers={"x-modelyard-rehearse": "5"})
    assert answer.headers["x-modelyard-served-by"] == "gemma"


@pytest.mark.parametrize("places", ["1", "5", "-1", "many", ""])
def test_nobody_from_elsewhere_can_rehearse(running: Running, two: tuple[Pod, Pod], places: str) -> None:
    gateway = running(stack(), *two)
    elsewhere = httpx.HTTPTransport(local_address="127.0.0.2")
    with httpx.Client(base_url=gateway.url, transport=elsewhere) as client:
        forged = {"x-modelyard-rehearse": places, "x-envoy-external-address": "127.0.0.1", "x-envoy-internal": "true"}
        forged["x-forwarded-for"] = "127.0.0.1"
        answer = client.post("/v1/chat/completions", json=question("qwen"), headers=forged)
    assert answer.headers["x-modelyard-served-by"] == "qwen"
    assert "x-modelyard-rehearse" not in two[0].received[0].headers


def test_what_a_rehearsal_passes_over_counts_against_no_pod(running: Running, two: tuple[Pod, Pod]) -> None:
    gateway = running(stack(), *two)
    for _ in range(20):
        answer = gateway.post(question("qwen"), headers={"x-modelyard-rehearse": "1"})
        # Who judges a rehearsal must not take this for an answer of the model.
        assert (answer.status_code, answer.headers["x-modelyard-served-by"]) == (503, "qwen")
    assert gateway.chat("qwen").headers["x-modelyard-served-by"] == "qwen"
    assert gateway.stat(f"cluster.{gateway.cluster('qwen')}.upstream_rq_total") == 1

"""A verification against a real Envoy, with models that keep or break what it promises."""

import asyncio
import json
import time
from dataclasses import asdict
from typing import Any

import pytest
from aiohttp import web

from stacks.verify import Verdict, judging, run, verification
from tests.gateway.fakes import Answer, Pod, completion_object, content, hang, status, stream
from tests.gateway.harness import stack
from tests.verify.conftest import CHAIN, MODELS, ROUTES, Bring, of, outcomes

pytestmark = pytest.mark.gateway

KEYS = {"consumers": [{"name": "alice", "keys": ["alice-key"]}, {"name": "bob", "keys": ["bob-key"]}]}


def test_a_stack_that_is_well(bring: Bring) -> None:
    report = bring().verify()
    assert report.failed == ()
    assert report.passed
    assert report.through == "base_url"
    assert report.failed == ()
    assert [(verdict.check, verdict.route) for verdict in report.verdicts] == [
        ("reachable", None),
        ("models", None),
        ("models", None),
        ("auth", None),
        ("plain", "first"),
        ("streamed", "first"),
        ("fallback", "first"),
        ("fallback", "first"),
        ("plain", "second"),
        ("streamed", "second"),
        ("plain", "third"),
        ("streamed", "third"),
        ("metrics", None),
        ("metrics", None),
        ("metrics", None),
        ("metrics", None),
    ]
    assert [verdict.what for verdict in of(report, "fallback")] == [
        "second answers when first failed",
        "third answers when first and second failed",
    ]
    (open_to_all,) = report.not_checked
    assert (open_to_all.check, open_to_all.why) == (
        "auth",
        "modelyard:gateway.auth.consumers names nobody, so the gateway asks for no key",
    )


def test_two_verifications_of_a_stack_that_did_not_change_are_equal(bring: Bring) -> None:
    site = bring()
    first, second = site.verify(), site.verify()
    assert first == second
    assert json.loads(json.dumps(asdict(first)))["through"] == "base_url"


def test_rehearsals_are_none_of_the_clients_business(bring: Bring) -> None:
    site = bring()
    site.verify()
    assert site.gateway.stat("http.rehearsal.downstream_rq_total") == 2
    for model in MODELS:
        assert site.gateway.stat(f"cluster.{model}.membership_healthy") == 1


def test_keys(bring: Bring) -> None:
    routes = [{"model": "first", "consumers": ["bob"], "fallback": ["second"]}, {"model": "second", "consumers": []}]
    report = bring(stack(["first", "second"], routes, auth=KEYS)).verify()
    assert report.failed == ()
    assert outcomes(report)["auth"] == {"passed"}
    assert [verdict.outcome for verdict in of(report, "plain")] == ["passed", "not checked"]
    assert of(report, "plain", "second")[0].why == "nobody may use it: its consumers are an empty list"


def test_a_key_that_is_given(bring: Bring) -> None:
    site = bring(stack(MODELS, ROUTES, auth=KEYS))
    assert site.verify(api_key="bob-key").passed
    wrong = site.verify(api_key="no-key")
    assert outcomes(wrong)["plain"] == {"failed"}


def test_consumers_that_are_known_by_tokens_leave_open_what_needs_one(bring: Bring) -> None:
    jwt = {
        "issuer": "https://login.example.com",
        "jwks": '{"keys": [{"kty": "RSA", "kid": "1", "n": "sXchFTSkJhQkZ2kXgxVQ", "e": "AQAB"}]}',
    }
    plan_of = stack(
        ["first", "second"],
        [{"model": "first", "fallback": ["second"]}, {"model": "second"}],
        kind="higress",
        auth={"consumers": [{"name": "web", "jwt": jwt}]},
    )
    # The gateway behind it only has to refuse whoever brings nothing.
    site = bring(
        stack(["first", "second"], [{"model": "first", "fallback": ["second"]}, {"model": "second"}], auth=KEYS)
    )
    report = site.verify(stack=plan_of)
    assert report.failed == ()
    assert report.passed
    assert outcomes(report) == {
        "reachable": {"passed"},
        "models": {"not checked"},
        "auth": {"passed"},
        "plain": {"not checked"},
        "streamed": {"not checked"},
        "fallback": {"not checked"},
        "metrics": {"not checked"},
    }
    assert "known by tokens" in of(report, "plain")[0].why


OF_HIGRESS = stack(MODELS, ROUTES, kind="higress")
"""The chain's stack, as one of Higress. The Envoy gateway stands in for it."""


def test_with_higress_fallbacks_are_rehearsed_where_clients_come_in(bring: Bring) -> None:
    site = bring()
    site.kubectl.cluster.ports["service/higress-gateway", 80] = site.gateway.site.rehearsal_port
    report = site.verify(stack=OF_HIGRESS)
    assert [verdict.outcome for verdict in of(report, "fallback")] == ["passed", "passed"]


def test_a_rehearsal_that_higress_does_not_hear_says_nothing(bring: Bring) -> None:
    site = bring()
    # The edge takes a rehearsal's header away, as Higress passes over nobody for a caller from elsewhere.
    site.kubectl.cluster.ports["service/higress-gateway", 80] = site.gateway.site.port
    report = site.verify(stack=OF_HIGRESS)
    assert report.failed == ()
    assert outcomes(report)["fallback"] == {"not checked"}
    assert of(report, "fallback")[0].why.startswith("first answered as if nothing had been asked of the gateway: look ")


def test_a_rehearsal_is_sent_again_until_higress_hears_it(bring: Bring, monkeypatch: pytest.MonkeyPatch) -> None:
    site = bring()
    site.kubectl.cluster.ports["service/higress-gateway", 80] = site.gateway.site.rehearsal_port
    not_yet = iter(["it has the route of before", "it has the route of before"])
    monkeypatch.setattr(judging, "unheard_rehearsal", lambda _, expected, __: expected.places and next(not_yet, None))
    report = site.verify(stack=OF_HIGRESS)
    assert [verdict.outcome for verdict in of(report, "fallback")] == ["passed", "passed"]


def test_no_two_questions_are_the_same(bring: Bring) -> None:
    """A cache of answers would answer the second in the model's place."""
    site = bring()
    site.verify()
    for pod in site.pods.values():
        asked = [str(request.json["messages"]) for request in pod.received]
        assert len(asked) > 1
        assert len(set(asked)) == len(asked)


@pytest.mark.parametrize("key", ["sk-secret\n", "schl\u00fcssel", "sk\0secret"])
def test_a_key_that_no_header_can_carry_is_not_told_to_anybody(bring: Bring, key: str) -> None:
    report = bring(stack(MODELS, ROUTES, auth=KEYS)).verify(api_key=key)
    assert not report.passed
    assert "a header cannot be sent as it is" in str(report)
    assert "secret" not in str(report)
    assert "schl" not in str(report)


def test_a_gateway_that_lets_everybody_in(bring: Bring) -> None:
    """Its pods have another configuration than the stack says."""
    report = bring().verify(stack=stack(MODELS, ROUTES, auth=KEYS))
    assert not report.passed
    assert outcomes(report)["auth"] == {"failed"}
    assert "a request without a key got status 200, so whoever reaches the gateway may call it" in report.failed[-1].why


async def no_usage(pod: Pod, _: web.Request, fields: dict[str, Any]) -> web.StreamResponse:
    found = completion_object(pod, fields)
    del found["usage"]
    return web.json_response(found)


async def no_tokens(pod: Pod, _: web.Request, fields: dict[str, Any]) -> web.StreamResponse:
    usage = {"prompt_tokens": 3, "completion_tokens": 0, "total_tokens": 3}
    return web.json_response({**completion_object(pod, fields), "usage": usage})


async def another_model(pod: Pod, _: web.Request, fields: dict[str, Any]) -> web.StreamResponse:
    return web.json_response({**completion_object(pod, fields), "model": "another"})


async def error_with_200(_: Pod, __: web.Request, ___: dict[str, Any]) -> web.StreamResponse:
    return web.json_response({"error": {"message": "CUDA error", "type": "x", "param": None, "code": 500}})


async def html(_: Pod, __: web.Request, ___: dict[str, Any]) -> web.StreamResponse:
    return web.Response(text="<html>", content_type="text/html")


async def nothing(_: Pod, __: web.Request, ___: dict[str, Any]) -> web.StreamResponse:
    return web.json_response({"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 1}})


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (no_usage, "the answer does not say how many tokens it took (usage)"),
        (no_tokens, "its token counts cannot be (3 of the prompt, 0 of the answer)"),
        (another_model, "x-modelyard-served-by says second, and the body is of 'another'"),
        (error_with_200, "the status is 200, and the body an error (CUDA error)"),
        (html, "the answer is text/html; charset=utf-8 and no JSON object"),
        (nothing, "the answer has neither choices nor data"),
        (status(500), "status 503 (No model could answer for 'second': try again in 5 seconds.)"),
        (status(403), "status 403 from second (from the pod: 403)"),
        (hang, "there was no whole answer within "),
    ],
)
def test_a_plain_answer_that_breaks_a_promise(bring: Bring, answer: Answer, why: str) -> None:
    site = bring()
    site.pods["second"].answer = answer
    report = site.verify()
    assert not report.passed
    (found,) = of(report, "plain", "second")
    assert found.outcome == "failed"
    assert why in found.why
    assert {verdict.outcome for verdict in of(report, "plain", "third")} == {"passed"}


async def cut(pod: Pod, request: web.Request, fields: dict[str, Any]) -> web.StreamResponse:
    if not fields.get("stream"):
        return await content("well")(pod, request, fields)
    return await stream(dies_before=2)(pod, request, fields)


async def plain_for_all(pod: Pod, _: web.Request, fields: dict[str, Any]) -> web.StreamResponse:
    return web.json_response(completion_object(pod, fields))


async def no_end(_: Pod, request: web.Request, __: dict[str, Any]) -> web.StreamResponse:
    response = web.StreamResponse(headers={"content-type": "text/event-stream"})
    await response.prepare(request)
    await response.write(b'data: {"choices": [{}], "model": "second", "usage": {"prompt_tokens": 1}}\n\n')
    return response


async def trickle(_: Pod, request: web.Request, __: dict[str, Any]) -> web.StreamResponse:
    response = web.StreamResponse(headers={"content-type": "text/event-stream"})
    await response.prepare(request)
    while True:
        await response.write(b": still there\n\n")
        await asyncio.sleep(0.05)


async def error_event(_: Pod, request: web.Request, __: dict[str, Any]) -> web.StreamResponse:
    response = web.StreamResponse(headers={"content-type": "text/event-stream"})
    await response.prepare(request)
    await response.write(b'data: {"error": {"message": "no memory", "code": 500}}\n\ndata: [DONE]\n\n')
    return response


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (cut, "the answer broke off"),
        (plain_for_all, "a stream was asked for, and the answer is application/json"),
        (stream(events=0), "the stream has no event with choices"),
        (no_end, "the stream ended without [DONE], so it was cut"),
        (trickle, "there was no whole answer within "),
        (error_event, "the status is 200, and the body an error (no memory)"),
    ],
)
def test_a_stream_that_breaks_a_promise(bring: Bring, answer: Answer, why: str) -> None:
    site = bring()
    site.pods["second"].answer = answer
    report = site.verify()
    (found,) = of(report, "streamed", "second")
    assert found.outcome == "failed"
    assert why in found.why


def test_a_model_that_is_down_and_whose_fallback_answers(bring: Bring) -> None:
    site = bring()
    site.pods["first"].kill()
    report = site.verify()
    (plain,) = of(report, "plain", "first")
    assert plain.outcome == "failed"
    assert plain.why == (
        "second answered, and not first: the route's own models have failed, so look at their pods and logs"
    )


def test_a_route_whose_fallback_is_another_one_in_the_gateway(bring: Bring) -> None:
    swapped = stack(MODELS, [{"model": "first", "fallback": ["third", "second"]}, *ROUTES[1:]])
    report = bring().verify(stack=swapped)
    assert [verdict.outcome for verdict in of(report, "fallback")] == ["failed", "failed"]
    assert of(report, "fallback")[0].why == (
        "second answered, and not third: look at modelyard:routes and at the pods of third (first counted as failed)"
    )
    assert outcomes(report)["plain"] == {"passed"}


def test_a_route_without_its_fallback(bring: Bring) -> None:
    """The gateway does not know of it: the rehearsal comes back to the same model."""
    alone = stack(MODELS, [{"model": name} for name in MODELS])
    report = bring(alone).verify(stack=CHAIN)
    assert outcomes(report)["fallback"] == {"failed"}


def test_a_fallback_that_is_down(bring: Bring) -> None:
    site = bring()
    site.pods["third"].answer = status(500)
    report = site.verify()
    assert [verdict.outcome for verdict in of(report, "fallback")] == ["passed", "failed"]


def test_a_change_that_reaches_the_gateway_late_is_waited_for(bring: Bring, monkeypatch: pytest.MonkeyPatch) -> None:
    site = bring(stack(MODELS, ROUTES[:1]))
    monkeypatch.setattr(verification, "PAUSE_SECONDS", 0.2)
    seen: list[Verdict] = []

    def publish(verdict: Verdict) -> None:
        if not seen:
            site.gateway.publish(CHAIN)
        seen.append(verdict)

    report = site.verify(stack=CHAIN, on_verdict=publish)
    assert report.failed == ()
    assert sorted(map(str, seen)) == sorted(map(str, report.verdicts))


def test_a_route_that_is_left_over(bring: Bring) -> None:
    report = bring().verify(stack=stack(MODELS, ROUTES[:2]))
    (listed, _) = of(report, "models")
    assert listed.why == "third are listed and no routes of this stack: look at who else writes to the gateway"


def test_time_that_is_up_makes_no_promise_kept(bring: Bring) -> None:
    report = bring().verify(seconds=0)
    assert not report.failed
    assert not report.passed
    assert {verdict.outcome for verdict in report.verdicts[1:]} == {"not checked"}
    assert "modelyard:verify.timeoutSeconds" in report.verdicts[-2].why


def test_counters_that_do_not_move(bring: Bring, monkeypatch: pytest.MonkeyPatch) -> None:
    site = bring()
    site.kubectl.cluster.ports["pod/second-0", 8080] = site.kubectl.cluster.ports["pod/third-0", 8080]
    monkeypatch.setattr(site.pods["third"], "received", Forgetful())
    report = site.verify()
    failed = {verdict.what: verdict.why for verdict in report.failed}
    assert set(failed) == {"second counts the tokens that it takes", "third counts the tokens that it takes"}
    assert "vllm:prompt_tokens_total moved by 0 where " in failed["third counts the tokens that it takes"]


class Forgetful(list[Any]):
    def append(self, _: Any) -> None:
        """Nothing is counted."""


def test_counters_that_nobody_may_read_are_not_checked(bring: Bring) -> None:
    site = bring()
    del site.kubectl.cluster.ports["pod/second-0", 8080], site.kubectl.cluster.ports["pod/gateway-0", 9902]
    report = site.verify()
    assert report.failed == ()
    assert report.passed
    assert [verdict.outcome for verdict in of(report, "metrics")] == ["passed", "not checked", "passed", "not checked"]
    assert of(report, "metrics")[1].why == "there is no ready pod whose counters could be read"
    assert of(report, "metrics")[3].why == "there is no pod/gateway-0 with port 9902."


def test_without_a_port_forward_no_fallback_is_checked(bring: Bring) -> None:
    site = bring()
    del site.kubectl.cluster.ports["deployment/gateway", 9903]
    report = site.verify()
    assert report.failed == ()
    assert report.passed
    assert outcomes(report)["fallback"] == {"not checked"}
    assert "there is none: there is no deployment/gateway with port 9903." in of(report, "fallback")[0].why


def test_models_that_may_have_no_replica_are_not_woken(bring: Bring) -> None:
    sleepy = stack(
        {
            "first": {"autoscaling": {"kind": "keda", "minReplicas": 0, "maxReplicas": 1}},
            "second": {"replicas": 0},
            "third": {},
        },
        [{"model": "first", "fallback": ["third"]}, {"model": "second"}, {"model": "third"}],
        prometheus={"url": "http://prometheus.example:9090"},
    )
    site = bring(sleepy)
    report = site.verify()
    assert report.failed == ()
    assert [verdict.outcome for verdict in of(report, "plain")] == ["not checked", "not checked", "passed"]
    assert "asking would start one" in of(report, "fallback")[0].why
    assert site.pods["first"].received == []


def test_a_model_without_a_chat_template(bring: Bring) -> None:
    async def base(pod: Pod, request: web.Request, fields: dict[str, Any]) -> web.StreamResponse:
        if "messages" in fields:
            return web.json_response({"error": {"message": "no chat template", "code": 400}}, status=400)
        if fields.get("stream"):
            return await stream()(pod, request, fields)
        return web.json_response({**completion_object(pod, fields), "choices": [{"text": "OK"}]})

    site = bring()
    site.pods["second"].answer = base
    assert site.verify().failed == ()


def test_a_model_that_is_for_embeddings(bring: Bring) -> None:
    async def embed(_: Pod, __: web.Request, fields: dict[str, Any]) -> web.StreamResponse:
        if "input" not in fields:
            return web.json_response({"detail": "Not Found"}, status=404)
        usage = {"prompt_tokens": 4, "total_tokens": 4}
        return web.json_response({"object": "list", "data": [{"embedding": [0.1]}], "model": "embed", "usage": usage})

    site = bring(stack({"embed": {"engine": {"runner": "pooling"}}}))
    site.pods["embed"].answer = embed
    report = site.verify()
    assert report.failed == ()
    assert [verdict.outcome for verdict in (*of(report, "plain"), *of(report, "streamed"))] == ["passed", "not checked"]


def test_a_model_that_turns_out_to_be_for_embeddings(bring: Bring) -> None:
    """Nothing in its settings says so: its weights do."""

    async def embed(_: Pod, __: web.Request, fields: dict[str, Any]) -> web.StreamResponse:
        if "input" not in fields:
            return web.json_response({"detail": "Not Found"}, status=404)
        usage = {"prompt_tokens": 4, "total_tokens": 4}
        return web.json_response({"object": "list", "data": [{"embedding": [0.1]}], "model": "embed", "usage": usage})

    site = bring(stack(["embed"]))
    site.pods["embed"].answer = embed
    report = site.verify()
    assert report.failed == ()
    assert [verdict.outcome for verdict in (*of(report, "plain"), *of(report, "streamed"))] == ["passed", "not checked"]
    assert of(report, "streamed")[0].why == "embed takes neither chats nor completions, and streams nothing else"


def test_routes_by_headers_adapters_and_shares(bring: Bring) -> None:
    settings = stack(
        {"first": {"lora": {"adapters": [{"name": "french", "source": "hf://o/french"}]}}, "second": {}},
        [
            {"model": "chat", "upstreams": [{"model": "first", "weight": 90}, {"model": "second", "weight": 10}]},
            {"model": "chat", "headers": {"x-group": "beta"}, "upstreams": [{"model": "second"}]},
            {"model": "french", "upstreams": [{"model": "first", "adapter": "french"}], "fallback": ["second"]},
        ],
    )
    report = bring(settings).verify()
    assert report.failed == ()
    assert {verdict.route for verdict in of(report, "plain")} == {"chat", "chat (x-group: beta)", "french"}
    assert of(report, "plain")[0].what == "an answer of first or second, with its tokens counted"


def test_a_limit_that_is_used_up_says_nothing(bring: Bring) -> None:
    site = bring()
    site.pods["second"].answer = status(429)
    report = site.verify()
    assert report.failed == ()
    assert report.passed
    assert of(report, "plain", "second")[0].outcome == "not checked"
    assert "token limit or quota" in of(report, "plain", "second")[0].why


def test_attempts_end_with_the_time_that_there_is(bring: Bring, monkeypatch: pytest.MonkeyPatch) -> None:
    site = bring()
    monkeypatch.setattr(run, "ATTEMPT_SECONDS", 60.0)
    for pod in site.pods.values():
        pod.answer = hang
    begin = time.monotonic()
    report = site.verify(seconds=2)
    assert not report.passed
    assert time.monotonic() - begin < 20

"""What a route does when its models fail."""

import json
from typing import Any

import pytest

from components.manifests.higress import chains
from stacks.settings import StackSettings
from tests.higress.reader import patches
from tests.unit.higress_stack import first_route, hidden, in_console, stack

CHAIN = stack({"model": "qwen", "fallback": ["gemma", "llama"]})
LONE = stack({"model": "qwen"})


def on_route(name: str, value: dict[str, Any]) -> dict[str, Any]:
    return {
        "applyTo": "HTTP_ROUTE",
        "match": {"context": "GATEWAY", "routeConfiguration": {"vhost": {"route": {"name": name, "action": "ROUTE"}}}},
        "patch": {"operation": "MERGE", "value": value},
    }


def typed(message: str, value: dict[str, Any]) -> dict[str, Any]:
    return {
        "@type": "type.googleapis.com/udpa.type.v1.TypedStruct",
        "type_url": f"type.googleapis.com/envoy.extensions.{message}",
        "value": value,
    }


def on_server_error(action: dict[str, Any], limit: int = 32 * 1024 * 1024) -> dict[str, Any]:
    """The custom response of a route: what it does when the answer is of status 5xx."""
    matcher = {
        "predicate": {
            "single_predicate": {
                "input": {
                    "name": "5xx_response",
                    "typed_config": {
                        "@type": "type.googleapis.com/envoy.type.matcher.v3.HttpResponseStatusCodeClassMatchInput"
                    },
                },
                "value_match": {"exact": "5xx"},
            }
        },
        "on_match": {"action": {"name": "action", "typed_config": action}},
    }
    value = {
        "custom_response_matcher": {"matcher_list": {"matchers": [matcher]}},
        "with_request_body": {"max_request_bytes": limit},
    }
    message = "filters.http.custom_response.v3.CustomResponse"
    return {"envoy.filters.http.custom_response": typed(message, value)}


def redirect(route: str, most: int) -> dict[str, Any]:
    header = {"header": {"key": "x-higress-fallback-from", "value": route}, "append": False}
    return typed(
        "http.custom_response.redirect_policy.v3.RedirectPolicy",
        {
            "max_internal_redirects": most,
            "use_original_request_uri": True,
            "keep_original_response_code": False,
            "use_original_request_body": True,
            "only_redirect_upstream_code": False,
            "request_headers_to_add": [header],
            "response_headers_to_add": [header],
        },
    )


def passed_over(first: int) -> dict[str, Any]:
    """What makes a rehearsal of so many places, or more, pass over a place."""
    return {
        "envoy.filters.http.fault": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.fault.v3.HTTPFault",
            "abort": {"http_status": 503, "percentage": {"numerator": 100}},
            "headers": [
                {
                    "name": "x-envoy-external-address",
                    "string_match": {"safe_regex": {"regex": r"127\.0\.0\.1|::1"}},
                },
                {"name": "x-modelyard-rehearse", "range_match": {"start": first, "end": 1_000_000}},
            ],
        }
    }


def header(key: str, value: str) -> dict[str, Any]:
    return {"header": {"key": key, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}


def exhausted(model: str) -> dict[str, Any]:
    message = f"No model could answer for '{model}': try again in 5 seconds."
    error = {"message": message, "type": "server_error", "param": None, "code": "service_unavailable"}
    return typed(
        "http.custom_response.local_response_policy.v3.LocalResponsePolicy",
        {
            "status_code": 503,
            "body": {"inline_string": json.dumps({"error": error})},
            "response_headers_to_add": [header("retry-after", "5"), header("content-type", "application/json")],
        },
    )


SERVED_BY = header("x-modelyard-served-by", "%CLUSTER_METADATA(modelyard:model)%")
FALLBACK_FROM = header("x-modelyard-fallback-from", "qwen")
REMOVED = ["authorization", "x-api-key", "x-hi-original-auth", "x-modelyard-rehearse"]
ONE_TRY = {
    "timeout": "0s",
    "idle_timeout": "601s",
    "retry_policy": {"per_try_idle_timeout": "600s", "retry_on": "connect-failure", "num_retries": 0},
}


def test_first_redirect_is_an_object_that_the_console_knows() -> None:
    assert chains.first_redirect(CHAIN, first_route(CHAIN)) == {
        "apiVersion": "networking.istio.io/v1alpha3",
        "kind": "EnvoyFilter",
        "metadata": hidden("ai-route-qwen.internal"),
        "spec": {
            "configPatches": [
                on_route(
                    "ai-route-qwen.internal",
                    {"typed_per_filter_config": on_server_error(redirect("ai-route-qwen.internal", 3))},
                )
            ]
        },
    }


def test_rest_of_a_chain() -> None:
    assert chains.route_filter(CHAIN, first_route(CHAIN)) == {
        "apiVersion": "networking.istio.io/v1alpha3",
        "kind": "EnvoyFilter",
        "metadata": in_console("ai-route-qwen.modelyard"),
        "spec": {
            "priority": -1,
            "configPatches": [
                on_route(
                    "ai-route-qwen.internal",
                    {
                        "route": ONE_TRY,
                        "request_headers_to_remove": REMOVED,
                        "response_headers_to_add": [SERVED_BY],
                        "typed_per_filter_config": passed_over(1),
                    },
                ),
                on_route(
                    "ai-route-qwen.fallback.internal",
                    {
                        "route": ONE_TRY,
                        "request_headers_to_remove": REMOVED,
                        "response_headers_to_add": [SERVED_BY, FALLBACK_FROM],
                        "typed_per_filter_config": {
                            **on_server_error(redirect("ai-route-qwen.fallback.internal", 3)),
                            **passed_over(2),
                        },
                    },
                ),
                on_route(
                    "ai-route-qwen.fallback-2.internal",
                    {
                        "route": ONE_TRY,
                        "request_headers_to_remove": REMOVED,
                        "response_headers_to_add": [SERVED_BY, FALLBACK_FROM],
                        "typed_per_filter_config": on_server_error(exhausted("qwen")),
                    },
                ),
            ],
        },
    }


def test_fallback_asks_for_no_key() -> None:
    consumers = [{"name": "app", "keys": ["one-long-key-of-an-app"]}]
    settings = stack({"model": "qwen", "fallback": ["gemma"]}, auth={"consumers": consumers})

    own, fallback = chains.route_filter(settings, first_route(settings))["spec"]["configPatches"]
    off = {"@type": "type.googleapis.com/envoy.config.route.v3.FilterConfig", "disabled": True}
    told = fallback["patch"]["value"]["typed_per_filter_config"]
    plugins = ["higress-system.key-auth.internal", "higress-system.jwt-auth.internal"]
    # Istio's name for a plugin's filter has changed.
    filters = {*plugins, *(f"extensions.istio.io/wasmplugin/{plugin}" for plugin in plugins)}
    assert told.keys() == {"envoy.filters.http.custom_response", *filters}
    assert all(told[name] == off for name in filters)
    assert own["patch"]["value"]["typed_per_filter_config"].keys() == {"envoy.filters.http.fault"}


def test_lone_model_gets_a_second_try_by_another_pod() -> None:
    assert chains.first_redirect(LONE, first_route(LONE)) is None
    assert chains.route_filter(LONE, first_route(LONE))["spec"]["configPatches"] == [
        on_route(
            "ai-route-qwen.internal",
            {
                "route": {
                    "timeout": "0s",
                    "idle_timeout": "1201s",
                    "retry_policy": {
                        "per_try_idle_timeout": "600s",
                        "retry_on": "gateway-error,reset,connect-failure,refused-stream",
                        "num_retries": 1,
                        "retry_host_predicate": [
                            {
                                "name": "envoy.retry_host_predicates.previous_hosts",
                                "typed_config": {
                                    "@type": "type.googleapis.com/envoy.extensions.retry.host"
                                    ".previous_hosts.v3.PreviousHostsPredicate"
                                },
                            }
                        ],
                        "host_selection_retry_max_attempts": 5,
                    },
                },
                "request_headers_to_remove": REMOVED,
                "response_headers_to_add": [SERVED_BY],
                "typed_per_filter_config": on_server_error(exhausted("qwen")),
            },
        )
    ]


def whole(settings: StackSettings) -> list[dict[str, Any]]:
    """The changes of all places of the first route, merged."""
    route = first_route(settings)
    first = chains.first_redirect(settings, route)
    objects = [*([first] if first else []), chains.route_filter(settings, route)]
    names = ["", ".fallback", ".fallback-2", ".fallback-3", ".fallback-4", ".fallback-5"][: len(route.fallback) + 1]
    return [patches(objects, f"ai-route-{route.model}{name}.internal") for name in names]


def custom_response(place: dict[str, Any]) -> dict[str, Any]:
    return dict(place["typed_per_filter_config"]["envoy.filters.http.custom_response"]["value"])


@pytest.mark.parametrize("settings", [CHAIN, LONE], ids=["chain", "lone"])
def test_only_server_errors_lead_on(settings: StackSettings) -> None:
    for place in whole(settings):
        matchers = custom_response(place)["custom_response_matcher"]["matcher_list"]["matchers"]
        assert [one["predicate"]["single_predicate"]["value_match"] for one in matchers] == [{"exact": "5xx"}]


def test_body_limit_is_the_gateways_at_every_place() -> None:
    settings = stack({"model": "qwen", "fallback": ["gemma", "llama"]}, bodyLimitMib=100)

    limits = [custom_response(place)["with_request_body"]["max_request_bytes"] for place in whole(settings)]

    assert limits == [100 * 1024 * 1024] * 3


def test_chain_sends_a_request_once_to_each_place() -> None:
    assert [place["route"]["retry_policy"]["num_retries"] for place in whole(CHAIN)] == [0, 0, 0]


def test_callers_key_stays_at_the_gateway() -> None:
    assert [place["request_headers_to_remove"] for place in whole(CHAIN)] == [REMOVED] * 3


@pytest.mark.parametrize(
    ("timeouts", "silence"),
    [
        ({}, 600),
        ({"answerSeconds": 3600}, 3600),
        ({"answerSeconds": 10, "idleSeconds": 1800}, 1800),
        ({"answerSeconds": 10, "idleSeconds": 20, "firstByteSeconds": 0.5}, 20),
        ({"answerSeconds": 10, "idleSeconds": 20, "firstByteSeconds": 30}, 30),
    ],
)
def test_long_answer_is_not_cut(timeouts: dict[str, float], silence: int) -> None:
    places = whole(stack({"model": "qwen", "fallback": ["gemma"], "timeouts": timeouts}))

    for place in places:
        assert place["route"]["timeout"] == "0s"
        assert place["route"]["idle_timeout"] == f"{silence + 1}s"
        assert place["route"]["retry_policy"]["per_try_idle_timeout"] == f"{silence}s"


def test_each_redirect_leads_one_place_on() -> None:
    models = tuple({"name": name} for name in ("qwen", "a", "b", "c", "d", "e"))
    *redirects, last = whole(stack({"model": "qwen", "fallback": ["a", "b", "c", "d", "e"]}, models=models))

    policies = [
        custom_response(place)["custom_response_matcher"]["matcher_list"]["matchers"][0]["on_match"]["action"][
            "typed_config"
        ]["value"]
        for place in redirects
    ]
    assert [policy["request_headers_to_add"][0]["header"]["value"] for policy in policies] == [
        "ai-route-qwen.internal",
        "ai-route-qwen.fallback.internal",
        "ai-route-qwen.fallback-2.internal",
        "ai-route-qwen.fallback-3.internal",
        "ai-route-qwen.fallback-4.internal",
    ]
    # With none left at the last place, Envoy would not look at the answer there.
    assert {policy["max_internal_redirects"] for policy in policies} == {6}
    assert custom_response(last) == on_server_error(exhausted("qwen"))["envoy.filters.http.custom_response"]["value"]


def test_percent_sign_in_a_header_stands_for_itself() -> None:
    settings = stack({"model": "50%", "upstreams": [{"model": "qwen"}], "fallback": ["gemma"]})

    (_, second) = chains.route_filter(settings, first_route(settings))["spec"]["configPatches"]

    assert header("x-modelyard-fallback-from", "50%%") in second["patch"]["value"]["response_headers_to_add"]

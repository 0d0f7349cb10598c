"""Both kinds of gateway say the same of the same stack: chains, names, shares, limits, waits and callers."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings

from components.manifests import envoy
from components.manifests.higress import (
    answers,
    authentication,
    chains,
    collection,
    edge,
    names,
    providers,
    routing,
    upstreams,
)
from stacks.settings import load
from tests.higress import promises
from tests.higress.contract import Gateway, assert_same
from tests.higress.envoy_reader import EnvoyReader
from tests.higress.strategies import requests, stacks

Json = dict[str, Any]


def of_envoy(raw: Json) -> Gateway:
    stack = load({**raw, "gateway": {**raw["gateway"], "kind": "envoy"}})
    return EnvoyReader(envoy.bootstrap(stack), envoy.cluster_discovery(stack), envoy.route_discovery(stack)).gateway()


def of_higress(raw: Json) -> Gateway:
    stack = load({**raw, "gateway": {**raw["gateway"], "kind": "higress"}})
    return promises.gateway(collection.objects(stack))


def check(raw: Json) -> None:
    assert_same(of_envoy(raw), of_higress(raw), requests(raw))


@settings(max_examples=300)
@given(stacks())
def test_same_for_random_stacks(raw: Json) -> None:
    check(raw)


EVERYTHING: Json = {
    "serving": {"image": "registry.example/serving:1"},
    "pools": [{"name": "gpu"}],
    "models": [
        {"name": "qwen", "source": "hf://o/r", "pool": "gpu", "servedNames": ["Qwen/Qwen2.5-1.5B-Instruct"]},
        {"name": "qwen2", "source": "hf://o/r", "pool": "gpu", "servedNames": []},
        {"name": "gemma", "source": "hf://o/r", "pool": "gpu", "servedNames": ["gemma", "qwen2"]},
        {"name": "llama", "source": "hf://o/r", "pool": "gpu", "servedNames": []},
    ],
    "routes": [
        {
            "model": "qwen",
            "headers": {},
            "upstreams": [{"model": "qwen", "weight": 90}, {"model": "qwen2", "weight": 10}],
            "fallback": ["gemma", "llama"],
            "timeouts": {"connectSeconds": 2.5, "answerSeconds": 61},
        },
        {"model": "qwen2", "headers": {}, "fallback": ["gemma"], "consumers": ["web"]},
        {"model": "qwen2", "headers": {"x-group": "a"}, "upstreams": [{"model": "llama"}]},
        {"model": "gemma", "headers": {}, "consumers": []},
    ],
    "gateway": {
        "bodyLimitMib": 32,
        "auth": {"consumers": [{"name": "web", "keys": ["of-web"]}, {"name": "batch", "keys": ["of-batch"]}]},
    },
}
"""A stack that has one of each."""

Patch = Callable[[pytest.MonkeyPatch], None]


def changed(module: Any, name: str, change: Callable[[Any], Any]) -> Patch:
    """Makes a function of the manifests return something else."""
    real = getattr(module, name)
    return lambda patch: patch.setattr(module, name, lambda *args, **kwargs: change(real(*args, **kwargs)))


def in_text(module: Any, name: str, old: str, new: str) -> Patch:
    """Replaces a text in all that a function of the manifests makes."""

    def replace(made: Any) -> Any:
        text = json.dumps(made)
        assert old in text
        return json.loads(text.replace(old, new))

    return changed(module, name, replace)


def swapped_fallbacks(patch: pytest.MonkeyPatch) -> None:
    real = routing.targets
    swapped = {1: 2, 2: 1}
    patch.setattr(
        routing,
        "targets",
        lambda route, number: real(route, swapped.get(number, 0) if len(route.fallback) == 2 else number),
    )


FAULTS: dict[str, Patch] = {
    "a hop is missing": changed(routing, "ai_route_ingresses", lambda made: made[:-1]),
    "a hop is asked twice": in_text(routing, "ai_route_ingresses", "qwen.fallback.internal", "qwen.internal"),
    "hops in another order": swapped_fallbacks,
    "prefixes match": in_text(routing, "ai_route_ingresses", "/exact-match", "/prefix-match"),
    "headers do not count": in_text(routing, "ai_route_ingresses", "-x-group", "-x-higress-llm-model"),
    "a larger share": changed(routing, "_destination", lambda made: made.replace("90%", "80%").replace("10%", "20%")),
    "another model": changed(routing, "_destination", lambda made: made.replace("llm-gemma", "llm-llama")),
    "names stay as they are": changed(routing, "mapping", lambda made: {}),
    "the name of a fallback stays": in_text(
        routing, "model_mapper", "ai-route-qwen.fallback.internal", "ai-route-qwen.fallback-3.internal"
    ),
    "a registry leads elsewhere": in_text(providers, "mcp_bridge", "gemma.default", "llama.default"),
    "too few redirects": in_text(chains, "_redirect", '"max_internal_redirects": 3', '"max_internal_redirects": 2'),
    "redirect to where it comes from": changed(names, "hop", lambda made: made.replace("-2", "")),
    "a smaller body": in_text(chains, "_custom_response", "33554432", "1024000"),
    "no body is kept at first": changed(answers, "body_kept", lambda made: {}),
    "a shorter wait": in_text(chains, "_times", '"per_try_idle_timeout": "600s"', '"per_try_idle_timeout": "60s"'),
    "no second try": in_text(chains, "_times", '"num_retries": 1', '"num_retries": 0'),
    "a try too many": in_text(chains, "_times", '"num_retries": 0', '"num_retries": 1'),
    "a second try after a 500": in_text(chains, "_times", "gateway-error", "5xx"),
    "another time to connect": in_text(upstreams, "_cluster", '"2.5s"', '"1s"'),
    "panic": changed(
        upstreams, "_cluster", lambda made: {**made, "common_lb_config": {"healthy_panic_threshold": {"value": 50}}}
    ),
    "a model that is not listed": in_text(answers, "answer_filter", "qwen2", "qwen3"),
    "nobody is asked for a key": changed(authentication, "key_auth", lambda made: None),
    "everybody may": changed(authentication, "allowed", lambda made: ["web", "batch"]),
    "a route without authentication": in_text(authentication, "key_auth", '"ai-route-gemma.internal"', '"other"'),
    "a consumer is unknown": in_text(authentication, "key_auth", '"name": "batch"', '"name": "bulk"'),
    "forged headers count": in_text(edge, "edge_filter", "x-higress-fallback-from", "x-other"),
}


def test_one_of_each_is_the_same() -> None:
    check(EVERYTHING)


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_difference_is_seen(fault: Patch, monkeypatch: pytest.MonkeyPatch) -> None:
    fault(monkeypatch)

    with pytest.raises(AssertionError):
        check(EVERYTHING)

"""The records by which Higress's console lists and edits routes and the domain."""

import json
from typing import Any

from components.manifests.higress import console
from stacks.settings import StackSettings
from tests.unit.higress_stack import first_route, in_console, stack

CHAIN = stack({"model": "qwen", "fallback": ["gemma", "llama"]})


def record(settings: StackSettings) -> dict[str, Any]:
    return dict(json.loads(console.ai_route_record(settings, first_route(settings), {})["data"]["data"]))


def test_record_of_a_chain() -> None:
    manifest = console.ai_route_record(CHAIN, first_route(CHAIN), {})

    assert {key: value for key, value in manifest.items() if key != "data"} == {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": in_console("ai-route-qwen", **{"higress.io/config-map-type": "ai-route"}),
    }
    assert manifest["data"].keys() == {"data"}
    assert record(CHAIN) == {
        "name": "qwen",
        "domains": [],
        "pathPredicate": {"matchType": "PRE", "matchValue": "/", "caseSensitive": True},
        "headerPredicates": [],
        "upstreams": [{"provider": "qwen", "weight": 100, "modelMapping": {}}],
        "modelPredicates": [{"matchType": "EQUAL", "matchValue": "qwen", "caseSensitive": True}],
        "authConfig": {"enabled": False},
        "fallbackConfig": {
            "enabled": True,
            "fallbackStrategy": "SEQ",
            "upstreams": [
                {"provider": "gemma", "weight": 100, "modelMapping": {"*": "google/gemma-2-2b-it"}},
                {"provider": "llama", "weight": 100, "modelMapping": {"*": "llama"}},
            ],
            "responseCodes": ["5xx"],
        },
        "proxyNextUpstream": {"enabled": True, "conditions": ["off"]},
        "customConfigs": {"pulumi.com/skipAwait": "true", "pulumi.com/patchForce": "true"},
    }


def test_edit_keeps_further_annotations() -> None:
    manifest = console.ai_route_record(CHAIN, first_route(CHAIN), {"higress.io/x": "y"})

    custom = json.loads(manifest["data"]["data"])["customConfigs"]
    assert custom == {"higress.io/x": "y", "pulumi.com/skipAwait": "true", "pulumi.com/patchForce": "true"}


def test_shares_and_headers() -> None:
    upstreams = [{"model": "qwen", "weight": 90}, {"model": "gemma", "weight": 10}, {"model": "llama", "weight": 0}]
    found = record(stack({"model": "Chat 1", "headers": {"x-group": "beta"}, "upstreams": upstreams}))

    assert found["name"].startswith("chat-1-")
    assert found["modelPredicates"][0]["matchValue"] == "Chat 1"
    assert found["headerPredicates"] == [{"key": "x-group", "matchType": "EQUAL", "matchValue": "beta"}]
    assert found["upstreams"] == [
        {"provider": "qwen", "weight": 90, "modelMapping": {"*": "qwen"}},
        {"provider": "gemma", "weight": 10, "modelMapping": {"*": "google/gemma-2-2b-it"}},
    ]
    assert found["fallbackConfig"] == {"enabled": False}


def test_consumers() -> None:
    consumers = [{"name": name, "keys": [f"of-{name}"]} for name in ("web", "batch")]
    for given, allowed in ((None, ["web", "batch"]), (["batch"], ["batch"]), ([], [])):
        settings = stack({"model": "qwen", "consumers": given}, auth={"consumers": consumers})

        assert record(settings)["authConfig"] == {
            "enabled": True,
            "allowedCredentialTypes": ["key-auth"],
            "allowedConsumers": allowed,
        }


def test_domain() -> None:
    assert console.domain_record(CHAIN) is None
    assert console.domain_record(stack({"model": "qwen"}, domain="llm.example.com")) == {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": in_console("domain-llm.example.com", **{"higress.io/config-map-type": "domain"}),
        "data": {"domain": "llm.example.com", "enableHttps": "off"},
    }


def test_domain_with_tls() -> None:
    settings = stack({"model": "qwen"}, domain="llm.example.com", tls={"secretName": "llm-tls"})

    found = console.domain_record(settings)

    assert found is not None
    assert found["data"] == {"domain": "llm.example.com", "enableHttps": "force", "cert": "llm-tls"}
    assert record(settings)["domains"] == ["llm.example.com"]


def test_callers_with_tokens_are_not_asked_for_keys() -> None:
    # Of an edit the console would make a key-auth of it, which nobody passes.
    jwks = json.dumps({"keys": [{"kty": "RSA", "kid": "1", "n": "sXchFTSkJhQkZ2kXgxVQ", "e": "AQAB"}]})
    consumers = [{"name": "web", "jwt": {"issuer": "https://login.example", "jwks": jwks}}]

    assert record(stack({"model": "qwen"}, auth={"consumers": consumers}))["authConfig"] == {"enabled": False}

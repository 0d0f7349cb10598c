"""What holds for every request at the gateway's edge, and what the gateway answers itself."""

import json
import re
from typing import Any

import pytest

from components.manifests.higress import answers, edge
from components.manifests.openai_api import MODEL_PATHS
from stacks.settings import StackSettings
from tests.unit.higress_stack import in_console, stack

PLAIN = stack({"model": "qwen"})


def patches(manifest: dict[str, Any]) -> dict[str, Any]:
    """What is changed, by what it is applied to."""
    return {patch["applyTo"]: patch for patch in manifest["spec"]["configPatches"]}


def answered(settings: StackSettings) -> dict[str, Any]:
    """What is merged into the routes of the answers."""
    return {
        patch["match"]["routeConfiguration"]["vhost"]["route"]["name"]: patch["patch"]["value"]
        for patch in answers.answer_filter(settings)["spec"]["configPatches"]
        if patch["patch"]["operation"] == "MERGE"
    }


def mappers() -> list[dict[str, Any]]:
    manager = patches(edge.edge_filter(PLAIN))["NETWORK_FILTER"]["patch"]["value"]["typed_config"]
    return list(manager["local_reply_config"]["mappers"])


def test_route_tables() -> None:
    manifest = edge.edge_filter(PLAIN)

    assert manifest["metadata"] == in_console("modelyard-edge")
    assert patches(manifest)["ROUTE_CONFIGURATION"] == {
        "applyTo": "ROUTE_CONFIGURATION",
        "match": {"context": "GATEWAY"},
        "patch": {
            "operation": "MERGE",
            "value": {
                "internal_only_headers": [
                    "x-higress-llm-model",
                    "x-higress-llm-model-final",
                    "x-higress-fallback-from",
                    "x-hi-original-auth",
                    "x-mse-consumer",
                    "x-higress-target-cluster",
                    "x-higress-skip-ai-cache",
                    "x-envoy-upstream-rq-first-byte-timeout-ms",
                    "x-envoy-original-host",
                    "x-envoy-external-address",
                    "x-modelyard-served-by",
                    "x-modelyard-fallback-from",
                    "x-data-parallel-rank",
                    "endpoint-load-metrics-format",
                ],
                "max_direct_response_body_size_bytes": 16777216,
            },
        },
    }


def test_connection_manager() -> None:
    patch = patches(edge.edge_filter(PLAIN))["NETWORK_FILTER"]
    name = "envoy.filters.network.http_connection_manager"

    assert patch["match"] == {"context": "GATEWAY", "listener": {"filterChain": {"filter": {"name": name}}}}
    assert patch["patch"]["operation"] == "MERGE"
    assert patch["patch"]["value"] == {
        "name": name,
        "typed_config": {
            "@type": f"type.googleapis.com/envoy.extensions.{name.removeprefix('envoy.')}.v3.HttpConnectionManager",
            "local_reply_config": {"mappers": mappers()},
            "internal_address_config": {"cidr_ranges": [{"address_prefix": "255.255.255.255", "prefix_len": 32}]},
        },
    }


def test_listener_stays_as_it_is_when_models_change() -> None:
    other = stack({"model": "gemma", "fallback": ["llama"]}, {"model": "chat", "upstreams": [{"model": "qwen"}]})

    assert edge.edge_filter(other) == edge.edge_filter(PLAIN)


def test_error_of_each_status() -> None:
    told: dict[int, list[tuple[int, str, str]]] = {}
    for mapper in mappers():
        condition = mapper["filter"]
        first = condition["and_filter"]["filters"][0] if "and_filter" in condition else condition
        status = first["status_code_filter"]["comparison"]["value"]["default_value"]
        error = mapper["body_format_override"]["json_format"]["error"]
        told.setdefault(status, []).append((mapper.get("status_code", status), error["type"], error["code"]))

    unavailable = (503, "server_error", "service_unavailable")
    assert told == {
        401: [(401, "invalid_request_error", "invalid_api_key")],
        403: [(403, "permission_error", "model_not_allowed")],
        404: [
            (400, "invalid_request_error", "missing_required_parameter"),
            (404, "invalid_request_error", "not_found"),
            (404, "invalid_request_error", "model_not_found"),
        ],
        413: [(413, "invalid_request_error", "request_too_large")],
        429: [(429, "rate_limit_error", "rate_limit_exceeded")],
        400: [(400, "invalid_request_error", "invalid_request")],
        500: [unavailable],
        502: [unavailable],
        503: [unavailable],
        504: [unavailable],
    }


def test_a_client_is_told_when_to_come_again() -> None:
    retry = {"header": {"key": "retry-after", "value": "5"}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}

    for mapper in mappers():
        assert mapper.get("headers_to_add", []) == ([retry] if mapper.get("status_code") == 503 else [])


def test_limit_is_said_in_the_error() -> None:
    settings = stack({"model": "qwen"}, bodyLimitMib=7)

    assert "larger than 7 MiB" in json.dumps(edge.edge_filter(settings))


@pytest.mark.parametrize("path", [*MODEL_PATHS, "/v1/chat/completions?a=b"])
def test_paths_whose_model_may_be_missing(path: str) -> None:
    (no_model, *_) = [one for one in mappers() if one.get("status_code") == 400]
    (regex,) = [
        one["header_filter"]["header"]["string_match"]["safe_regex"]["regex"]
        for one in no_model["filter"]["and_filter"]["filters"]
        if one.get("header_filter", {}).get("header", {}).get("name") == ":path"
    ]

    assert re.fullmatch(regex, path)
    assert not re.fullmatch(regex, f"/x{path}")


def test_answers() -> None:
    settings = stack({"model": "qwen"}, {"model": "50%", "upstreams": [{"model": "qwen"}]})
    models = answered(settings)["modelyard-models"]
    assert models["direct_response"]["status"] == 200
    assert json.loads(models["direct_response"]["body"]["inline_string"]) == {
        "object": "list",
        "data": [
            {"id": "qwen", "object": "model", "created": 0, "owned_by": "modelyard"},
            {"id": "50%", "object": "model", "created": 0, "owned_by": "modelyard"},
        ],
    }
    assert models["response_headers_to_add"] == [
        {
            "header": {"key": "content-type", "value": "application/json"},
            "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
        }
    ]
    assert answered(settings)["modelyard-unknown-model"]["direct_response"] == {
        "status": 404,
        "body": {"inline_string": "Known models: 'qwen', '50%'."},
    }


def test_models_of_two_routes_are_listed_once() -> None:
    settings = stack({"model": "qwen"}, {"model": "qwen", "headers": {"x-group": "a"}})

    body = json.loads(answered(settings)["modelyard-models"]["direct_response"]["body"]["inline_string"])
    assert [entry["id"] for entry in body["data"]] == ["qwen"]


def test_places_of_the_answers() -> None:
    found = answers.answer_ingresses(PLAIN)

    seen = []
    for one in found:
        ((path,),) = [rule["http"]["paths"] for rule in one["spec"]["rules"]]
        seen.append((one["metadata"]["name"], path["path"], path["pathType"], one["metadata"]["annotations"]))
    nowhere = {
        "higress.io/destination": "higress-console.higress-system.svc.cluster.local:8080",
        "pulumi.com/skipAwait": "true",
        "pulumi.com/patchForce": "true",
    }
    assert seen == [
        ("modelyard-models", "/v1/models", "Exact", {**nowhere, "higress.io/match-method": "GET"}),
        ("modelyard-unknown-model", "/", "Prefix", nowhere),
    ]

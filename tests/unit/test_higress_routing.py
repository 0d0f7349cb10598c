"""AI routes as Ingresses, and the plugins that read and write the model's name."""

from typing import Any

from components.manifests.higress import collection, routing
from tests.higress import reader
from tests.unit.higress_stack import first_route, hidden, stack

CHAIN = stack({"model": "qwen", "fallback": ["gemma", "llama"]})


def ingress(name: str, annotations: dict[str, str]) -> dict[str, Any]:
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": hidden(
            name,
            {
                **annotations,
                "higress.io/ignore-path-case": "false",
                "higress.io/enable-proxy-next-upstream": "true",
                "higress.io/proxy-next-upstream": "off",
                "pulumi.com/skipAwait": "true",
            },
            **{"higress.io/domain_higress-default-domain": "true"},
        ),
        "spec": {
            "ingressClassName": "higress",
            "rules": [
                {
                    "http": {
                        "paths": [
                            {
                                "path": "/",
                                "pathType": "Prefix",
                                "backend": {
                                    "resource": {
                                        "apiGroup": "networking.higress.io",
                                        "kind": "McpBridge",
                                        "name": "default",
                                    }
                                },
                            }
                        ]
                    }
                }
            ],
        },
    }


def test_ingress_for_each_place_of_a_chain() -> None:
    assert routing.ai_route_ingresses(CHAIN, first_route(CHAIN), {}) == [
        ingress(
            "ai-route-qwen.internal",
            {
                "higress.io/destination": "llm-qwen.internal.dns:8080",
                "higress.io/exact-match-header-x-higress-llm-model": "qwen",
            },
        ),
        ingress(
            "ai-route-qwen.fallback.internal",
            {
                "higress.io/destination": "llm-gemma.internal.dns:8080",
                "higress.io/exact-match-header-x-higress-llm-model": "qwen",
                "higress.io/exact-match-header-x-higress-fallback-from": "ai-route-qwen.internal",
            },
        ),
        ingress(
            "ai-route-qwen.fallback-2.internal",
            {
                "higress.io/destination": "llm-llama.internal.dns:8080",
                "higress.io/exact-match-header-x-higress-llm-model": "qwen",
                "higress.io/exact-match-header-x-higress-fallback-from": "ai-route-qwen.fallback.internal",
            },
        ),
    ]


def test_further_annotations_stand_on_every_place() -> None:
    found = routing.ai_route_ingresses(CHAIN, first_route(CHAIN), {"higress.io/x": "y"})

    assert [one["metadata"]["annotations"]["higress.io/x"] for one in found] == ["y", "y", "y"]


def test_shares_of_a_route() -> None:
    upstreams = [{"model": "qwen", "weight": 90}, {"model": "gemma", "weight": 10}, {"model": "llama", "weight": 0}]
    settings = stack({"model": "chat", "upstreams": upstreams})

    (found,) = routing.ai_route_ingresses(settings, first_route(settings), {})

    assert found["metadata"]["annotations"]["higress.io/destination"] == (
        "90% llm-qwen.internal.dns:8080\n10% llm-gemma.internal.dns:8080"
    )


def test_headers_of_a_route_hold_along_its_chain() -> None:
    settings = stack({"model": "qwen", "headers": {"x-group": "beta"}, "fallback": ["gemma"]})

    found = routing.ai_route_ingresses(settings, first_route(settings), {})

    key = "higress.io/exact-match-header-x-group"
    assert [one["metadata"]["annotations"][key] for one in found] == ["beta", "beta"]


def test_domain_with_tls() -> None:
    settings = stack({"model": "qwen"}, domain="llm.example.com", tls={"secretName": "llm-tls"})

    (found,) = routing.ai_route_ingresses(settings, first_route(settings), {})

    assert found["spec"]["tls"] == [{"hosts": ["llm.example.com"], "secretName": "llm-tls"}]
    assert [one["host"] for one in found["spec"]["rules"]] == ["llm.example.com"]
    assert found["metadata"]["labels"]["higress.io/domain_llm.example.com"] == "true"
    assert found["metadata"]["annotations"]["higress.io/ssl-redirect"] == "true"


def test_beginning_of_a_name_is_not_the_name() -> None:
    settings = stack({"model": "qwen"}, {"model": "qwen2"}, models=({"name": "qwen"}, {"name": "qwen2"}))
    objects = collection.objects(settings)

    taken = {model: reader.ask(objects, model) for model in ("qwen", "qwen2", "qwen25", "qwe")}

    assert {model: outcome and outcome.route for model, outcome in taken.items()} == {
        "qwen": "ai-route-qwen.internal",
        "qwen2": "ai-route-qwen2.internal",
        "qwen25": None,
        "qwe": None,
    }


def test_name_is_read_for_all_paths_that_are_served() -> None:
    spec = routing.model_router(CHAIN)["spec"]

    assert (spec["phase"], spec["priority"], spec["failStrategy"]) == ("AUTHN", 900, "FAIL_CLOSE")
    assert spec["matchRules"] == []
    assert spec["defaultConfig"] == {
        "modelToHeader": "x-higress-llm-model",
        "enableOnPathSuffix": [
            "/v1/chat/completions",
            "/v1/completions",
            "/v1/embeddings",
            "/v1/responses",
            "/v1/rerank",
            "/v1/score",
        ],
    }


def test_name_is_written_where_the_model_has_another() -> None:
    spec = routing.model_mapper(CHAIN)["spec"]

    assert spec["defaultConfigDisable"] is True
    assert "defaultConfig" not in spec
    assert spec["matchRules"] == [
        {
            "ingress": ["ai-route-qwen.fallback.internal"],
            "service": ["llm-gemma.internal.dns"],
            "config": {"modelMapping": {"*": "google/gemma-2-2b-it"}},
            "configDisable": False,
        },
        {
            "ingress": ["ai-route-qwen.fallback-2.internal"],
            "service": ["llm-llama.internal.dns"],
            "config": {"modelMapping": {"*": "llama"}},
            "configDisable": False,
        },
    ]


def test_name_that_the_model_knows_stays() -> None:
    names = ["google/gemma-2-2b-it", "gemma"]
    settings = stack({"model": "gemma"}, models=({"name": "gemma", "servedNames": names},))

    assert routing.model_mapper(settings)["spec"]["matchRules"] == []


def test_one_that_stands_in_is_asked_by_its_own_name() -> None:
    names = ["google/gemma-2-2b-it", "qwen"]
    models = ({"name": "qwen"}, {"name": "gemma", "servedNames": names})
    settings = stack({"model": "qwen", "fallback": ["gemma"]}, models=models)

    (found,) = routing.model_mapper(settings)["spec"]["matchRules"]

    assert (found["ingress"], found["config"]) == (
        ["ai-route-qwen.fallback.internal"],
        {"modelMapping": {"*": "google/gemma-2-2b-it"}},
    )


def test_mappings_of_several_routes_stand_apart() -> None:
    # The console removes a rule of several Ingresses as a whole when a person clears the mapping of one.
    to_qwen = [{"model": "qwen"}]
    settings = stack({"model": "chat", "upstreams": to_qwen}, {"model": "code", "upstreams": to_qwen})

    rules = routing.model_mapper(settings)["spec"]["matchRules"]

    assert [(one["ingress"], one["service"]) for one in rules] == [
        (["ai-route-chat.internal"], ["llm-qwen.internal.dns"]),
        (["ai-route-code.internal"], ["llm-qwen.internal.dns"]),
    ]


def test_an_adapter_is_asked_by_its_own_name() -> None:
    adapters = {"adapters": [{"name": name, "source": f"hf://o/{name}"} for name in ("sql", "law")]}
    routes = (
        {"model": "sql", "upstreams": [{"model": "qwen", "adapter": "sql"}]},
        {"model": "chat", "upstreams": [{"model": "qwen", "adapter": "law"}]},
        {"model": "qwen"},
    )
    found = stack(*routes, models=({"name": "qwen", "lora": adapters},))
    rules = routing.model_mapper(found)["spec"]["matchRules"]
    assert [(each["ingress"], each["config"]) for each in rules] == [
        (["ai-route-chat.internal"], {"modelMapping": {"*": "law"}}),
    ]

"""The decisions in Envoy's configuration. What Envoy makes of them is tested in tests/gateway."""

import json
from typing import Any
from unittest.mock import ANY

import pytest

from components.manifests import envoy
from components.manifests.envoy.overload import quantity_bytes
from stacks.settings import StackSettings, load


def stack(models: list[dict[str, Any]], routes: list[dict[str, Any]], **gateway: Any) -> StackSettings:
    spelled = [{"source": "hf://o/r", "pool": "gpus", **model} for model in models]
    serving = {"image": "registry.example/serving:1"}
    pools = [{"name": "gpus"}]
    return load({"serving": serving, "pools": pools, "models": spelled, "routes": routes, "gateway": gateway})


QWEN_AND_GEMMA = stack(
    [{"name": "qwen"}, {"name": "gemma", "servedNames": ["google/gemma-2-2b-it"]}],
    [{"model": "qwen", "fallback": ["gemma"]}, {"model": "gemma"}],
)


def clusters(settings: StackSettings, site: envoy.Site = envoy.POD) -> dict[str, dict[str, Any]]:
    resources = envoy.cluster_discovery(settings, site)["resources"]
    assert {resource["@type"] for resource in resources} <= {"type.googleapis.com/envoy.config.cluster.v3.Cluster"}
    names = [resource["name"] for resource in resources]
    assert len(names) == len(set(names))
    return {resource["name"]: resource for resource in resources}


def virtual_host(settings: StackSettings) -> dict[str, Any]:
    (configuration,) = envoy.route_discovery(settings)["resources"]
    (host,) = configuration["virtual_hosts"]
    return dict(host)


def routes(settings: StackSettings, model: str) -> list[dict[str, Any]]:
    """The routes of a model: for streams, and for plain answers."""
    known = virtual_host(settings)["matcher"]["matcher_tree"]["exact_match_map"]["map"]
    return list(known[model]["action"]["typed_config"]["routes"])


def members(cluster: dict[str, Any]) -> list[str]:
    return [member["name"] for member in cluster["cluster_type"]["typed_config"]["clusters"]]


def listeners(settings: StackSettings) -> dict[str, dict[str, Any]]:
    return {each["name"]: each for each in envoy.bootstrap(settings)["static_resources"]["listeners"]}


def manager(listener: dict[str, Any]) -> dict[str, Any]:
    (chain,) = listener["filter_chains"]
    return dict(chain["filters"][-1]["typed_config"])


def filter_names(listener: dict[str, Any]) -> list[str]:
    return [each["name"].removeprefix("envoy.filters.http.") for each in manager(listener)["http_filters"]]


def test_clusters_of_a_fallback() -> None:
    found = clusters(QWEN_AND_GEMMA)

    assert list(found) == ["qwen", "gemma", "map:gemma", "via:gemma", "chain:qwen:qwen", "chain:gemma:gemma"]
    assert members(found["chain:qwen:qwen"]) == ["qwen", "via:gemma"]


def test_lone_model_is_its_own_second_choice() -> None:
    assert members(clusters(QWEN_AND_GEMMA)["chain:gemma:gemma"]) == ["map:gemma", "map:gemma"]


def test_only_a_fallback_is_marked_as_one() -> None:
    found = clusters(QWEN_AND_GEMMA)

    def metadata(name: str) -> Any:
        (endpoints,) = found[name]["load_assignment"]["endpoints"]
        (endpoint,) = endpoints["lb_endpoints"]
        return endpoint["metadata"]["filter_metadata"]["modelyard"]

    assert metadata("gemma") == {"model": "gemma"}
    assert metadata("map:gemma") == {"model": "gemma", "served_name": "google/gemma-2-2b-it"}
    assert metadata("via:gemma") == {"model": "gemma", "served_name": "google/gemma-2-2b-it", "hop": "1"}


def test_pods_of_a_model() -> None:
    qwen = clusters(QWEN_AND_GEMMA)["qwen"]

    (endpoints,) = qwen["load_assignment"]["endpoints"]
    assert [endpoint["endpoint"]["address"] for endpoint in endpoints["lb_endpoints"]] == [
        {"socket_address": {"address": "qwen.default.svc.cluster.local.", "port_value": 8080}}
    ]
    assert (qwen["type"], qwen["lb_policy"]) == ("STRICT_DNS", "LEAST_REQUEST")
    assert qwen["ignore_health_on_host_removal"] is True
    assert qwen["common_lb_config"] == {"healthy_panic_threshold": {"value": 0}, "update_merge_window": "0s"}
    assert [check["http_health_check"] for check in qwen["health_checks"]] == [{"path": "/health"}]
    assert qwen["outlier_detection"]["successful_active_health_check_uneject_host"] is False


def test_retries_are_not_bounded_where_they_are_counted() -> None:
    for name, cluster in clusters(QWEN_AND_GEMMA).items():
        (threshold,) = cluster["circuit_breakers"]["thresholds"]
        assert set(threshold.values()) == {100_000}, name
        assert threshold.keys() == {"max_connections", "max_pending_requests", "max_requests", "max_retries"}


def test_longest_connect_timeout_of_a_models_routes() -> None:
    settings = stack(
        [{"name": "qwen"}, {"name": "gemma"}, {"name": "unused"}],
        [
            {"model": "qwen", "fallback": ["gemma"], "timeouts": {"connectSeconds": 2.5}},
            {"model": "gemma", "timeouts": {"connectSeconds": 0.25}},
        ],
    )

    timeouts = {name: cluster["connect_timeout"] for name, cluster in clusters(settings).items()}

    assert {name: timeouts[name] for name in ("qwen", "gemma", "unused")} == {
        "qwen": "2.5s",
        "gemma": "2.5s",
        "unused": "1s",
    }


def test_pods_elsewhere() -> None:
    site = envoy.Site(addresses=lambda _, model: [("127.0.0.1", 1), (model.name, 2)])

    (endpoints,) = clusters(QWEN_AND_GEMMA, site)["qwen"]["load_assignment"]["endpoints"]

    assert [tuple(each["endpoint"]["address"]["socket_address"].values()) for each in endpoints["lb_endpoints"]] == [
        ("127.0.0.1", 1),
        ("qwen", 2),
    ]


def test_streams_and_plain_answers_wait_differently() -> None:
    timeouts = {"firstByteSeconds": 5, "answerSeconds": 90, "idleSeconds": 30}
    settings = stack(
        [{"name": "qwen"}, {"name": "gemma"}], [{"model": "qwen", "fallback": ["gemma"], "timeouts": timeouts}]
    )

    streamed, plain = (each["route"] for each in routes(settings, "qwen"))

    retry = {
        "retry_on": "5xx,reset,connect-failure,refused-stream",
        "num_retries": 1,
        "retry_back_off": {"base_interval": "0.001s", "max_interval": "0.010s"},
    }
    assert streamed == {
        "cluster": "chain:qwen:qwen",
        "timeout": "0s",
        "idle_timeout": "40s",
        "retry_policy": {**retry, "per_try_timeout": "5s", "per_try_idle_timeout": "30s"},
    }
    assert plain == {
        "cluster": "chain:qwen:qwen",
        "timeout": "181s",
        "idle_timeout": "181s",
        "retry_policy": {**retry, "per_try_timeout": "90s"},
    }


def test_lone_model_is_not_asked_again_for_what_it_cannot_answer() -> None:
    settings = stack([{"name": "qwen"}], [{"model": "qwen", "timeouts": {"answerSeconds": 90}}])

    streamed, plain = (each["route"] for each in routes(settings, "qwen"))

    assert streamed["retry_policy"]["retry_on"] == "gateway-error,reset,connect-failure,refused-stream"
    assert (plain["timeout"], plain["retry_policy"]["num_retries"]) == ("90s", 1)


def test_idle_time_is_never_shorter_than_the_wait_for_the_first_byte() -> None:
    settings = stack([{"name": "qwen"}], [{"model": "qwen", "timeouts": {"firstByteSeconds": 60, "idleSeconds": 10}}])

    streamed, _ = routes(settings, "qwen")

    assert streamed["route"]["retry_policy"]["per_try_idle_timeout"] == "60s"


def test_weights() -> None:
    upstreams = [{"model": "qwen", "weight": 90}, {"model": "gemma", "weight": 10}, {"model": "off", "weight": 0}]
    settings = stack(
        [{"name": "qwen"}, {"name": "gemma"}, {"name": "off"}], [{"model": "chat", "upstreams": upstreams}]
    )

    for route in routes(settings, "chat"):
        assert route["route"]["weighted_clusters"] == {
            "clusters": [{"name": "chain:chat:qwen", "weight": 90}, {"name": "chain:chat:gemma", "weight": 10}]
        }
    # The cluster of a weight of 0 stands ready, so that raising the weight needs no new one.
    assert members(clusters(settings)["chain:chat:off"]) == ["map:off", "map:off"]


def test_changed_fallback_keeps_the_routes_cluster() -> None:
    with_fallback = stack([{"name": "qwen"}, {"name": "gemma"}], [{"model": "qwen", "fallback": ["gemma"]}])
    without = stack([{"name": "qwen"}, {"name": "gemma"}], [{"model": "qwen"}])

    names = [{each["route"]["cluster"] for each in routes(settings, "qwen")} for settings in (with_fallback, without)]

    assert names == [{"chain:qwen:qwen"}, {"chain:qwen:qwen"}]


A_B = stack(
    [{"name": "qwen"}, {"name": "gemma"}],
    [
        {"model": "qwen"},
        {"model": "qwen", "headers": {"x-group": "b"}, "upstreams": [{"model": "gemma"}]},
        {"model": "qwen", "headers": {"x-user": "a:b&c", "x-group": "b"}, "upstreams": [{"model": "gemma"}]},
        {"model": "gemma", "headers": {"x-group": "b"}},
    ],
)


def test_a_route_with_more_headers_is_tried_first() -> None:
    path, method = {"safe_regex": ANY}, {"name": ":method", "string_match": {"exact": "POST"}}
    streamed = {"name": "x-modelyard-stream", "string_match": {"exact": "true"}}
    group = {"name": "x-group", "string_match": {"exact": "b"}}
    user = {"name": "x-user", "string_match": {"exact": "a:b&c"}}

    assert [(each["match"], each["route"]["cluster"]) for each in routes(A_B, "qwen")] == [
        ({**path, "headers": [method, *more]}, cluster)
        for more, cluster in (
            ([streamed, user, group], "chain:qwen:gemma?x-group=b&x-user=a%3Ab%26c"),
            ([user, group], "chain:qwen:gemma?x-group=b&x-user=a%3Ab%26c"),
            ([streamed, group], "chain:qwen:gemma?x-group=b"),
            ([group], "chain:qwen:gemma?x-group=b"),
            ([streamed], "chain:qwen:qwen"),
            ([], "chain:qwen:qwen"),
        )
    ]


def test_every_route_of_a_model_has_a_chain_of_its_own() -> None:
    chains = [name for name in clusters(A_B) if name.startswith("chain:")]

    assert chains == [
        "chain:qwen:qwen",
        "chain:qwen:gemma?x-group=b",
        "chain:qwen:gemma?x-group=b&x-user=a%3Ab%26c",
        "chain:gemma:gemma?x-group=b",
    ]


def test_a_model_that_asks_for_headers_is_not_found_without() -> None:
    *known, refusal = routes(A_B, "gemma")

    assert len(known) == 2
    assert refusal["match"]["headers"] == [{"name": ":method", "string_match": {"exact": "POST"}}]
    assert refusal["direct_response"]["status"] == 404


def test_a_model_of_several_routes_is_listed_once() -> None:
    other = virtual_host(A_B)["matcher"]["on_no_match"]["action"]["typed_config"]["routes"]

    paths = [each["match"].get("path") for each in other]
    assert [path for path in paths if path] == ["/v1/models", "/v1/models/qwen", "/v1/models/gemma"]


@pytest.mark.parametrize(
    ("consumers", "allowed"),
    [(["alice", "bob"], ["alice", "bob"]), (["alice"], ["alice"]), ([], [])],
)
def test_allow_list(consumers: list[str], allowed: list[str]) -> None:
    auth = {"consumers": [{"name": name, "keys": [f"key of {name}"]} for name in ("alice", "bob")]}
    settings = stack([{"name": "qwen"}], [{"model": "qwen", "consumers": consumers}], auth=auth)

    for route in routes(settings, "qwen"):
        rules = route["typed_per_filter_config"]["envoy.filters.http.rbac"]["rbac"]["rules"]
        assert rules["action"] == "ALLOW"
        principals = [each for policy in rules["policies"].values() for each in policy["principals"]]
        assert [principal["header"] for principal in principals] == [
            {"name": "x-modelyard-consumer", "string_match": {"exact": name}} for name in allowed
        ]


def test_filters_of_the_edge() -> None:
    auth = {"consumers": [{"name": "alice", "keys": ["key of alice"]}]}
    open_to_all, keyed = QWEN_AND_GEMMA, stack([{"name": "qwen"}], [], auth=auth)

    assert filter_names(listeners(open_to_all)["edge"]) == ["buffer", "lua", "router"]
    assert filter_names(listeners(keyed)["edge"]) == ["api_key_auth", "buffer", "lua", "rbac", "router"]
    assert filter_names(listeners(open_to_all)["hop"]) == ["buffer", "transform", "router"]


def test_body_limit_holds_at_the_edge_and_in_the_hop() -> None:
    settings = stack([{"name": "qwen"}], [], body_limit_mib=3)

    for name in ("edge", "hop"):
        (buffer,) = [
            each["typed_config"]
            for each in manager(listeners(settings)[name])["http_filters"]
            if each["name"] == "envoy.filters.http.buffer"
        ]
        assert buffer["max_request_bytes"] == 3 * 1024 * 1024


def test_internal_headers_are_stripped_before_anything_reads_them() -> None:
    (strip,) = manager(listeners(QWEN_AND_GEMMA)["edge"])["early_header_mutation_extensions"]

    assert strip["typed_config"]["mutations"] == [
        {"remove_on_match": {"key_matcher": {"prefix": "x-higress-", "ignore_case": True}}},
        {"remove_on_match": {"key_matcher": {"prefix": "x-modelyard-", "ignore_case": True}}},
        {"remove_on_match": {"key_matcher": {"prefix": "x-envoy-", "ignore_case": True}}},
        {"remove": "x-hi-original-auth"},
        {"remove": "x-data-parallel-rank"},
        {"remove": "endpoint-load-metrics-format"},
    ]


def test_broken_streams_are_noticed_at_once() -> None:
    for name in ("edge", "hop"):
        assert manager(listeners(QWEN_AND_GEMMA)[name])["delayed_close_timeout"] == "0.05s"


def test_admin_interface_is_on_loopback() -> None:
    address = envoy.bootstrap(QWEN_AND_GEMMA)["admin"]["address"]["socket_address"]

    assert address["address"] == "127.0.0.1"


def test_bootstrap_knows_no_model() -> None:
    other = stack([{"name": "llama"}, {"name": "qwen"}], [{"model": "gpt-4o", "upstreams": [{"model": "llama"}]}])

    assert envoy.bootstrap(other) == envoy.bootstrap(QWEN_AND_GEMMA)


def test_keys_are_in_the_bootstrap_only() -> None:
    auth = {"consumers": [{"name": "alice", "keys": ["key of alice"]}]}
    settings = stack([{"name": "qwen"}], [{"model": "qwen", "consumers": ["alice"]}], auth=auth)

    assert "key of alice" in json.dumps(envoy.bootstrap(settings))
    assert "key of alice" not in json.dumps([envoy.cluster_discovery(settings), envoy.route_discovery(settings)])


def test_rehearsals_of_fallbacks_are_on_the_loopback_address_alone_whatever_the_edge_binds() -> None:
    settings = stack([{"name": "qwen"}], [], auth={"consumers": [{"name": "alice", "keys": ["key of alice"]}]})
    found = listeners(settings)

    addresses = {
        name: each["address"]["socket_address"]["address"] for name, each in found.items() if "address" in each
    }
    assert addresses == {"edge": "0.0.0.0", "rehearsal": "127.0.0.1", "metrics": "0.0.0.0"}
    assert manager(found["rehearsal"])["http_filters"] == manager(found["edge"])["http_filters"]
    assert manager(found["rehearsal"])["rds"] == manager(found["edge"])["rds"]


def test_nobody_counts_as_internal_at_the_edge() -> None:
    found = listeners(QWEN_AND_GEMMA)

    assert "internal_address_config" not in manager(found["edge"])
    assert manager(found["rehearsal"])["internal_address_config"] == {
        "cidr_ranges": [{"address_prefix": "127.0.0.1", "prefix_len": 32}]
    }


def test_watched_files() -> None:
    bootstrap = envoy.bootstrap(QWEN_AND_GEMMA, envoy.Site(dynamic_folder="/folder"))

    watched = {"path": "/folder"}
    assert bootstrap["dynamic_resources"]["cds_config"]["path_config_source"] == {
        "path": "/folder/cds.yaml",
        "watched_directory": watched,
    }
    (edge, *_) = bootstrap["static_resources"]["listeners"]
    assert manager(edge)["rds"]["config_source"]["path_config_source"] == {
        "path": "/folder/rds.yaml",
        "watched_directory": watched,
    }


def test_format_operators_in_names_are_text() -> None:
    settings = stack([{"name": "qwen"}], [{"model": "%REQ(authorization)%", "upstreams": [{"model": "qwen"}]}])

    written = json.dumps(virtual_host(settings)["matcher"]["on_no_match"])

    assert "%%REQ(authorization)%%" in written
    assert "%REQ(authorization)%" not in written.replace("%%REQ(authorization)%%", "")
    assert '"/v1/models/%25REQ(authorization)%25"' in written


@pytest.mark.parametrize(
    ("quantity", "size"),
    [("1Gi", 2**30), ("512Mi", 2**29), ("1.5G", 1_500_000_000), ("64k", 64_000), ("2048", 2048), ("1500m", 1)],
)
def test_a_quantity_in_bytes(quantity: str, size: int) -> None:
    assert quantity_bytes(quantity) == size


@pytest.mark.parametrize(
    ("memory", "heap_mib", "connections"), [("1Gi", 960, 21_845), ("512Mi", 448, 10_922), ("100Mi", 50, 2_133)]
)
def test_the_heap_and_the_connections_fit_into_the_pods_memory(memory: str, heap_mib: int, connections: int) -> None:
    bootstrap = envoy.bootstrap(stack([{"name": "qwen"}], [], memory=memory))

    heap, downstream = (monitor["typed_config"] for monitor in bootstrap["overload_manager"]["resource_monitors"])
    assert heap["max_heap_size_bytes"] == heap_mib * 2**20
    assert downstream["max_active_downstream_connections"] == connections


def test_an_adapter_is_asked_by_its_own_name() -> None:
    adapters = {"adapters": [{"name": name, "source": f"hf://o/{name}"} for name in ("sql", "law")]}
    found = clusters(
        stack(
            [{"name": "qwen", "lora": adapters}],
            [
                {"model": "sql", "upstreams": [{"model": "qwen", "adapter": "sql"}]},
                {
                    "model": "chat",
                    "upstreams": [
                        {"model": "qwen", "weight": 90},
                        {"model": "qwen", "adapter": "law", "weight": 10},
                    ],
                },
            ],
        )
    )
    assert list(found) == [
        *("qwen", "map:qwen", "map:qwen@law"),
        *("chain:sql:qwen@sql", "chain:chat:qwen", "chain:chat:qwen@law"),
    ]
    assert members(found["chain:sql:qwen@sql"]) == ["qwen", "qwen"]
    assert members(found["chain:chat:qwen@law"]) == ["map:qwen@law", "map:qwen@law"]
    (endpoint,) = found["map:qwen@law"]["load_assignment"]["endpoints"][0]["lb_endpoints"]
    assert endpoint["metadata"]["filter_metadata"]["modelyard"] == {"model": "qwen", "served_name": "law"}


def test_without_routes_every_adapter_has_one() -> None:
    adapters = {"adapters": [{"name": "sql", "source": "hf://o/sql"}]}
    found = stack([{"name": "qwen", "lora": adapters}], [])
    assert [route.model for route in found.all_routes] == ["qwen", "sql"]
    assert "chain:sql:qwen@sql" in clusters(found)


def test_traces_go_to_the_collector_only() -> None:
    traced = stack([{"name": "qwen"}], [], tracing={"service": "otel.example", "samplingPercent": 5})

    tracing = manager(listeners(traced)["edge"])["tracing"]

    assert tracing["random_sampling"] == {"value": 5}
    (collector,) = [
        each["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"]["address"]
        for each in envoy.bootstrap(traced)["static_resources"]["clusters"]
        if each["name"] == "envoy:traces"
    ]
    assert collector == {"socket_address": {"address": "otel.example", "port_value": 4317}}
    assert "tracing" not in manager(listeners(QWEN_AND_GEMMA)["edge"])

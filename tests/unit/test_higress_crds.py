"""The custom resource definitions, and whether the program's own objects are what they define."""

from collections.abc import Iterator
from typing import Any

import pytest

from components.manifests.higress.collection import objects
from components.manifests.higress.crds import crds
from stacks.settings import load

Schema = dict[str, Any]

KEEP = "x-kubernetes-preserve-unknown-fields"
TYPES: dict[str, type | tuple[type, ...]] = {
    "object": dict,
    "array": list,
    "string": str,
    "integer": int,
    "boolean": bool,
}

RICH: dict[str, Any] = {
    "serving": {"image": "registry.example/serving:1"},
    "pools": [{"name": "gpu"}],
    "models": [{"name": name, "source": "hf://o/r", "pool": "gpu"} for name in ("qwen", "gemma", "llama")],
    "routes": [
        {
            "model": "qwen",
            "upstreams": [{"model": "qwen", "weight": 90}, {"model": "llama", "weight": 10}],
            "fallback": ["gemma"],
            "loadBalancing": {"policy": "least_load"},
            "tokenLimit": {"perMinute": 100},
        },
        {"model": "gemma", "fallback": ["llama", "qwen"], "cache": {"seconds": 60, "shared": True}},
    ],
    "gateway": {
        "kind": "higress",
        "redis": {},
        "auth": {"consumers": [{"name": "app", "keys": ["k-1"], "tokenLimit": {"perHour": 5}}]},
        "cors": {"origins": ["https://chat.example.com"]},
        "ipRestriction": {"allow": ["10.0.0.0/8"]},
        "dataMasking": {"masks": [{"pattern": "%{EMAILADDRESS}"}]},
        "securityGuard": {"host": "green.example.com", "accessKey": "a", "secretKey": "s"},
        "pluginPullSecret": "pull",
    },
}


def by_kind(*, strict: bool) -> dict[str, dict[str, Any]]:
    return {crd["spec"]["names"]["kind"]: crd for crd in crds(strict=strict)}


def schema_of(crd: dict[str, Any]) -> Schema:
    (version,) = crd["spec"]["versions"]
    return dict(version["schema"]["openAPIV3Schema"])


def nodes(schema: Schema, path: str = "") -> Iterator[tuple[str, Schema]]:
    yield path, schema
    for name, part in schema.get("properties", {}).items():
        yield from nodes(part, f"{path}.{name}")
    for name in ("items", "additionalProperties"):
        if name in schema:
            yield from nodes(schema[name], f"{path}[]")


def faults(schema: Schema, value: Any, path: str) -> Iterator[str]:
    """What an API server would refuse of a value."""
    kind = TYPES[schema["type"]]
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        yield f"{path}: {value!r} is no {schema['type']}"
    elif "enum" in schema and value not in schema["enum"]:
        yield f"{path}: {value!r}"
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from faults(schema["items"], item, f"{path}[{index}]")
    elif isinstance(value, dict):
        for key, item in value.items():
            part = schema.get("properties", {}).get(key, schema.get("additionalProperties"))
            if part:
                yield from faults(part, item, f"{path}.{key}")
            elif not schema.get(KEEP):
                yield f"{path}.{key}: unknown"


def test_names_and_versions() -> None:
    assert [
        (
            crd["metadata"]["name"],
            crd["spec"]["scope"],
            crd["spec"]["names"]["kind"],
            crd["spec"]["names"]["listKind"],
            crd["spec"]["versions"][0]["name"],
        )
        for crd in crds()
    ] == [
        ("wasmplugins.extensions.higress.io", "Namespaced", "WasmPlugin", "WasmPluginList", "v1alpha1"),
        ("mcpbridges.networking.higress.io", "Namespaced", "McpBridge", "McpBridgeList", "v1"),
        ("http2rpcs.networking.higress.io", "Namespaced", "Http2Rpc", "Http2RpcList", "v1"),
        ("envoyfilters.networking.istio.io", "Namespaced", "EnvoyFilter", "EnvoyFilterList", "v1alpha3"),
    ]


def test_definitions_that_are_there_are_taken_over_and_waited_for() -> None:
    for crd in crds():
        assert crd["metadata"]["annotations"] == {
            "pulumi.com/patchForce": "true",
            "pulumi.com/waitFor": "condition=Established",
        }
        (version,) = crd["spec"]["versions"]
        assert (version["served"], version["storage"], version["subresources"]) == (True, True, {"status": {}})


@pytest.mark.parametrize("strict", [True, False])
def test_every_field_has_a_type(strict: bool) -> None:
    for crd in crds(strict=strict):
        for path, node in nodes(schema_of(crd)):
            assert node["type"] in TYPES, f"{crd['metadata']['name']}{path}"
            assert node["type"] != "array" or "items" in node
            # The API server refuses a schema that has both.
            assert not ("properties" in node and "additionalProperties" in node)


def test_on_a_cluster_no_field_of_a_newer_version_is_lost() -> None:
    for crd in crds():
        for path, node in nodes(schema_of(crd)["properties"]["spec"], "spec"):
            if node["type"] == "object":
                assert KEEP in node or "additionalProperties" in node, f"{crd['metadata']['name']} {path}"


def test_strict_definitions_leave_free_only_what_is_free() -> None:
    free = {
        kind: {path for path, node in nodes(schema_of(crd)["properties"]["spec"]) if KEEP in node}
        for kind, crd in by_kind(strict=True).items()
    }
    assert free == {
        "WasmPlugin": {".pluginConfig", ".defaultConfig", ".matchRules[].config"},
        "McpBridge": set(),
        "Http2Rpc": set(),
        "EnvoyFilter": {".configPatches[].patch.value"},
    }


def test_the_programs_own_objects_are_what_is_defined() -> None:
    definitions = by_kind(strict=True)
    kinds = set()
    for manifest in objects(load(RICH)):
        definition = definitions.get(manifest["kind"])
        if definition is None:
            continue
        kinds.add(manifest["kind"])
        group, version = definition["spec"]["group"], definition["spec"]["versions"][0]["name"]
        assert manifest["apiVersion"] == f"{group}/{version}"
        spec = schema_of(definition)["properties"]["spec"]
        assert list(faults(spec, manifest["spec"], manifest["metadata"]["name"])) == []
    assert kinds == {"WasmPlugin", "McpBridge", "EnvoyFilter"}


@pytest.mark.parametrize(
    ("kind", "spec", "fault"),
    [
        ("WasmPlugin", {"matchRule": []}, "it.matchRule: unknown"),
        ("WasmPlugin", {"matchRules": [{"ingresses": []}]}, "it.matchRules[0].ingresses: unknown"),
        ("WasmPlugin", {"failStrategy": "FAIL_RELOAD"}, "it.failStrategy: 'FAIL_RELOAD'"),
        ("WasmPlugin", {"priority": "100"}, "it.priority: '100' is no integer"),
        ("McpBridge", {"registries": [{"port": True}]}, "it.registries[0].port: True is no integer"),
        ("EnvoyFilter", {"configPatches": [{"applyTo": "ROUTE"}]}, "it.configPatches[0].applyTo: 'ROUTE'"),
    ],
)
def test_a_misspelt_field_is_refused(kind: str, spec: dict[str, Any], fault: str) -> None:
    definition = by_kind(strict=True)[kind]
    assert list(faults(schema_of(definition)["properties"]["spec"], spec, "it")) == [fault]


def test_plugin_configurations_keep_whatever_they_say() -> None:
    spec = schema_of(by_kind(strict=True)["WasmPlugin"])["properties"]["spec"]
    assert list(faults(spec, {"defaultConfig": {"a": {"b": [1]}}}, "it")) == []


def test_what_a_filter_matches_is_one_thing() -> None:
    match = dict(nodes(schema_of(by_kind(strict=False)["EnvoyFilter"])))[".spec.configPatches[].match"]
    one = [{"required": [name]} for name in ("listener", "routeConfiguration", "cluster")]
    assert match["oneOf"] == [{"not": {"anyOf": one}}, *one]

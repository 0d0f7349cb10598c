"""Higress's custom resource definitions, those of chart version 2.2.4.

The chart has them too, but Helm installs definitions once and never updates them, and it makes
them and what needs them in one step. Here they are resources of their own, ahead of all others.
"""

from typing import Any

from components.manifests.higress import names
from components.manifests.objects import Manifest

Schema = dict[str, Any]
"""A part of an OpenAPI schema."""

TEXT: Schema = {"type": "string"}
NUMBER: Schema = {"type": "integer"}
NUMBER_32: Schema = {"type": "integer", "format": "int32"}
NUMBER_64: Schema = {"type": "integer", "format": "int64"}
FLAG: Schema = {"type": "boolean"}
FREE: Schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
"""An object with any content, such as the configuration of a plugin."""


def crds(*, strict: bool = False) -> list[Manifest]:
    """The definitions of WasmPlugin, McpBridge, Http2Rpc and EnvoyFilter.

    Args:
        strict: refuse fields that version 2.2.4 doesn't know. A test finds a misspelt field that way.
            On a cluster they are kept: a newer controller may know them, and an API server that drops
            them would do so without a word.
    """
    return [
        _crd(
            "extensions.higress.io",
            "v1alpha1",
            "WasmPlugin",
            ["higress-io", "extensions-higress-io"],
            _wasm_plugin(),
            strict=strict,
            columns=[{"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"}],
        ),
        _crd("networking.higress.io", "v1", "McpBridge", ["higress-io"], _mcp_bridge(), strict=strict),
        _crd("networking.higress.io", "v1", "Http2Rpc", ["higress-io"], _http_to_rpc(), strict=strict),
        _crd(
            "networking.istio.io",
            "v1alpha3",
            "EnvoyFilter",
            ["istio-io", "networking-istio-io"],
            _envoy_filter(),
            strict=strict,
        ),
    ]


def _crd(
    group: str,
    version: str,
    kind: str,
    categories: list[str],
    spec: Schema,
    *,
    strict: bool,
    columns: list[Manifest] | None = None,
) -> Manifest:
    singular = kind.lower()
    schema: Schema = {"type": "object", "properties": {"spec": spec if strict else _lenient(spec), "status": FREE}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": f"{singular}s.{group}",
            "annotations": {
                # They may be there already, from a chart or from Istio.
                **names.TAKE_BACK,
                # The API server takes their objects from then on.
                "pulumi.com/waitFor": "condition=Established",
            },
        },
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {
                "kind": kind,
                "listKind": f"{kind}List",
                "plural": f"{singular}s",
                "singular": singular,
                "categories": categories,
            },
            "versions": [
                {
                    "name": version,
                    "served": True,
                    "storage": True,
                    "subresources": {"status": {}},
                    "schema": {"openAPIV3Schema": schema},
                    **({"additionalPrinterColumns": columns} if columns else {}),
                }
            ],
        },
    }


def _lenient(schema: Schema) -> Schema:
    """The schema with unknown fields kept at every depth: the mark counts for its own object only."""
    found = dict(schema)
    if schema["type"] == "object" and "additionalProperties" not in schema:
        found["x-kubernetes-preserve-unknown-fields"] = True
    if "properties" in schema:
        found["properties"] = {name: _lenient(part) for name, part in schema["properties"].items()}
    if "items" in schema:
        found["items"] = _lenient(schema["items"])
    if "additionalProperties" in schema:
        found["additionalProperties"] = _lenient(schema["additionalProperties"])
    return found


def _object(**properties: Schema) -> Schema:
    return {"type": "object", "properties": properties}


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def _map(values: Schema) -> Schema:
    return {"type": "object", "additionalProperties": values}


def _one_of(*values: str) -> Schema:
    return {"type": "string", "enum": list(values)}


def _at_most_one(*fields: str) -> list[Schema]:
    each = [{"required": [field]} for field in fields]
    return [{"not": {"anyOf": each}}, *each]


def _wasm_plugin() -> Schema:
    return _object(
        url=TEXT,
        sha256=TEXT,
        imagePullPolicy=_one_of("UNSPECIFIED_POLICY", "IfNotPresent", "Always"),
        imagePullSecret=TEXT,
        verificationKey=TEXT,
        pluginName=TEXT,
        phase=_one_of("UNSPECIFIED_PHASE", "AUTHN", "AUTHZ", "STATS"),
        priority={**NUMBER, "nullable": True},
        failStrategy=_one_of("FAIL_CLOSE", "FAIL_OPEN"),
        vmConfig=_object(env=_list(_object(name=TEXT, value=TEXT, valueFrom=_one_of("INLINE", "HOST")))),
        pluginConfig=FREE,
        defaultConfig=FREE,
        defaultConfigDisable=FLAG,
        matchRules=_list(
            _object(
                ingress=_list(TEXT),
                service=_list(TEXT),
                domain=_list(TEXT),
                routeType=_one_of("HTTP", "GRPC"),
                config=FREE,
                configDisable=FLAG,
            )
        ),
    )


def _mcp_bridge() -> Schema:
    return _object(
        registries=_list(
            _object(
                name=TEXT,
                type=TEXT,
                domain=TEXT,
                port=NUMBER,
                protocol=TEXT,
                sni=TEXT,
                proxyName=TEXT,
                authSecretName=TEXT,
                vport=_object(default=NUMBER, services=_list(_object(name=TEXT, value=NUMBER))),
                metadata=_map(_object(innerMap=_map(TEXT))),
                nacosAccessKey=TEXT,
                nacosAddressServer=TEXT,
                nacosGroups=_list(TEXT),
                nacosNamespace=TEXT,
                nacosNamespaceId=TEXT,
                nacosRefreshInterval=NUMBER_64,
                nacosSecretKey=TEXT,
                nacosTimeout=NUMBER_64,
                consulDatacenter=TEXT,
                consulNamespace=TEXT,
                consulRefreshInterval=NUMBER_64,
                consulServiceTag=TEXT,
                zkServicesPath=_list(TEXT),
                allowMcpServers=_list(TEXT),
                enableMCPServer=FLAG,
                enableScopeMcpServers=FLAG,
                mcpServerBaseUrl=TEXT,
                mcpServerExportDomains=_list(TEXT),
            )
        ),
        proxies=_list(
            _object(
                name=TEXT, type=TEXT, serverAddress=TEXT, serverPort=NUMBER, listenerPort=NUMBER, connectTimeout=NUMBER
            )
        ),
    )


def _http_to_rpc() -> Schema:
    method = _object(
        serviceMethod=TEXT,
        headersAttach=TEXT,
        httpPath=TEXT,
        httpMethods=_list(TEXT),
        params=_list(_object(paramKey=TEXT, paramSource=TEXT, paramType=TEXT)),
        paramFromEntireBody=_object(paramType=TEXT),
    )
    return {
        **_object(
            dubbo=_object(service=TEXT, version=TEXT, group=TEXT, methods=_list(method)),
            grpc={"type": "object"},
        ),
        "oneOf": _at_most_one("dubbo", "grpc"),
    }


def _envoy_filter() -> Schema:
    return _object(
        workloadSelector=_object(labels=_map(TEXT)),
        configPatches=_list(_object(applyTo=_APPLY_TO, match=_envoy_filter_match(), patch=_PATCH)),
        priority=NUMBER_32,
        wasmPhase=_one_of("UNSPECIFIED_PHASE", "AUTHN", "AUTHZ", "STATS"),
        wasmPriority=NUMBER_32,
    )


_APPLY_TO = _one_of(
    "INVALID",
    "LISTENER",
    "FILTER_CHAIN",
    "NETWORK_FILTER",
    "HTTP_FILTER",
    "ROUTE_CONFIGURATION",
    "VIRTUAL_HOST",
    "HTTP_ROUTE",
    "CLUSTER",
    "EXTENSION_CONFIG",
    "BOOTSTRAP",
    "LISTENER_FILTER",
)

_PATCH = _object(
    operation=_one_of("INVALID", "MERGE", "ADD", "REMOVE", "INSERT_BEFORE", "INSERT_AFTER", "INSERT_FIRST", "REPLACE"),
    filterClass=_one_of("UNSPECIFIED", "AUTHN", "AUTHZ", "STATS"),
    value=FREE,
)


def _envoy_filter_match() -> Schema:
    chain = _object(
        name=TEXT,
        sni=TEXT,
        transportProtocol=TEXT,
        applicationProtocols=TEXT,
        destinationPort=NUMBER,
        filter=_object(name=TEXT, subFilter=_object(name=TEXT)),
    )
    route = _object(name=TEXT, action=_one_of("ANY", "ROUTE", "REDIRECT", "DIRECT_RESPONSE"))
    return {
        **_object(
            context=_one_of("ANY", "SIDECAR_INBOUND", "SIDECAR_OUTBOUND", "GATEWAY"),
            proxy=_object(proxyVersion=TEXT, metadata=_map(TEXT)),
            listener=_object(name=TEXT, portNumber=NUMBER, portName=TEXT, listenerFilter=TEXT, filterChain=chain),
            routeConfiguration=_object(
                name=TEXT, gateway=TEXT, portNumber=NUMBER, portName=TEXT, vhost=_object(name=TEXT, route=route)
            ),
            cluster=_object(name=TEXT, portNumber=NUMBER, service=TEXT, subset=TEXT),
        ),
        "oneOf": _at_most_one("listener", "routeConfiguration", "cluster"),
    }

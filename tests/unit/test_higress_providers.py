"""AI providers: where Higress finds each model, and what it is told of it."""

from typing import Any

from components.manifests.higress import providers, upstreams
from tests.unit.higress_stack import GEMMA, QWEN, hidden, in_console, stack

TWO = stack({"model": "qwen", "fallback": ["gemma"]}, models=(QWEN, GEMMA))


def registry(name: str) -> dict[str, Any]:
    return {
        "name": f"llm-{name}.internal",
        "type": "dns",
        "domain": f"{name}.default.svc.cluster.local",
        "port": 8080,
        "protocol": "http",
    }


def provider(name: str, **more: Any) -> dict[str, Any]:
    url = f"http://{name}.default.svc.cluster.local:8080/v1"
    return {"id": name, "type": "vllm", "protocol": "openai", "vllmCustomUrl": url, **more}


def test_bridge_leads_to_headless_services() -> None:
    # The console would write <name>-lb, whose one address hides all pods.
    assert providers.mcp_bridge(TWO) == {
        "apiVersion": "networking.higress.io/v1",
        "kind": "McpBridge",
        "metadata": in_console("default"),
        "spec": {"registries": [registry("qwen"), registry("gemma")]},
    }


def test_bridge_holds_what_else_is_called() -> None:
    other = {"name": "redis", "type": "dns", "domain": "redis.example.com", "port": 6379}

    assert providers.mcp_bridge(TWO, [other])["spec"]["registries"] == [registry("qwen"), registry("gemma"), other]


def test_provider_for_each_model() -> None:
    assert providers.ai_proxy(TWO) == {
        "apiVersion": "extensions.higress.io/v1alpha1",
        "kind": "WasmPlugin",
        "metadata": hidden(
            "ai-proxy.internal",
            {"higress.io/wasm-plugin-title": "AI Proxy"},
            **{
                "higress.io/wasm-plugin-name": "ai-proxy",
                "higress.io/wasm-plugin-version": "2.0.1",
                "higress.io/wasm-plugin-category": "ai",
                "higress.io/wasm-plugin-built-in": "true",
            },
        ),
        "spec": {
            "url": "oci://higress-registry.cn-hangzhou.cr.aliyuncs.com/plugins/ai-proxy:2.0.1",
            "imagePullPolicy": "UNSPECIFIED_POLICY",
            "phase": "UNSPECIFIED_PHASE",
            "priority": 100,
            "failStrategy": "FAIL_CLOSE",
            "defaultConfig": {
                "providers": [provider("qwen", firstByteTimeout=60000), provider("gemma", firstByteTimeout=60000)]
            },
            "defaultConfigDisable": False,
            "matchRules": [
                {
                    "service": [f"llm-{name}.internal.dns"],
                    "config": {"activeProviderId": name},
                    "configDisable": False,
                }
                for name in ("qwen", "gemma")
            ],
        },
    }


def test_first_byte_waits_for_the_most_patient_route() -> None:
    settings = stack(
        {"model": "qwen", "fallback": ["gemma"], "timeouts": {"firstByteSeconds": 90}},
        {"model": "gemma", "timeouts": {"firstByteSeconds": 0.5}},
    )

    assert providers.ai_proxy(settings)["spec"]["defaultConfig"]["providers"] == [
        provider("qwen", firstByteTimeout=90000),
        provider("gemma", firstByteTimeout=90000),
        provider("llama"),
    ]


def test_pods_are_checked_one_by_one() -> None:
    (patch,) = upstreams.upstream_filter(stack(models=(QWEN,)))["spec"]["configPatches"]

    assert patch == {
        "applyTo": "CLUSTER",
        "match": {"context": "GATEWAY", "cluster": {"service": "llm-qwen.internal.dns"}},
        "patch": {
            "operation": "MERGE",
            "value": {
                "metadata": {"filter_metadata": {"modelyard": {"model": "qwen"}}},
                "connect_timeout": "1s",
                "dns_refresh_rate": "2s",
                "respect_dns_ttl": True,
                "ignore_health_on_host_removal": True,
                "common_lb_config": {"healthy_panic_threshold": {"value": 0}},
                "health_checks": [
                    {
                        "timeout": "2s",
                        "interval": "1s",
                        "no_traffic_interval": "1s",
                        "unhealthy_threshold": 3,
                        "healthy_threshold": 1,
                        "http_health_check": {"path": "/health"},
                    }
                ],
                "outlier_detection": {
                    "interval": "1s",
                    "base_ejection_time": "5s",
                    "max_ejection_time": "30s",
                    "max_ejection_percent": 100,
                    "split_external_local_origin_errors": True,
                    "consecutive_local_origin_failure": 3,
                    "consecutive_5xx": 5,
                    "enforcing_success_rate": 0,
                    "enforcing_local_origin_success_rate": 0,
                    "successful_active_health_check_uneject_host": False,
                },
            },
        },
    }

"""Where Higress's chart comes from, and its values."""

from typing import Any

import pytest
import yaml

from components.manifests.higress import addresses
from components.manifests.higress.chart import chart_source, chart_values, idle_timeout_seconds
from components.manifests.higress.console_secret import console_secret_data, console_secret_metadata
from components.manifests.higress.higress_config import CHART_DEFAULTS, higress_config, higress_config_patch
from stacks.settings import StackSettings, load

BASE: dict[str, Any] = {
    "serving": {"image": "registry.example/serving:1"},
    "pools": [{"name": "gpu"}],
    "models": [{"name": "qwen", "source": "hf://o/r", "pool": "gpu"}],
}

PRODUCTION: dict[str, Any] = {
    "cpu": "4",
    "memory": "8Gi",
    "domain": "llm.example.com",
    "tls": {"secretName": "llm-tls"},
    "service": {
        "annotations": {"lb.example/kind": "nlb"},
        "loadBalancerClass": "nlb",
        "sourceRanges": ["10.0.0.0/8"],
        "externalTrafficPolicy": "Local",
    },
    "nodeSelector": {"role": "edge"},
    "tolerations": [{"key": "edge", "effect": "NoSchedule"}],
    "priorityClass": "high",
    "autoscaling": {"minReplicas": 3, "maxReplicas": 12},
    "controller": {"replicas": 2, "cpu": "1500m", "memory": "4Gi"},
    "ingressClass": "ai",
    "createIngressClass": False,
    "logLevel": "info",
    "metrics": {"labels": {"release": "prom"}, "intervalSeconds": 15},
    "tracing": {"service": "otel.obs.svc.cluster.local", "port": 4317, "samplingPercent": 12.5},
    "dashboards": {"enabled": True, "rwxSupported": True, "storageClass": "nfs"},
    "console": {
        "domain": "console.example.com",
        "tlsSecretName": "console-tls",
        "annotations": {"a/b": "c"},
        "adminPassword": "correct horse battery",
    },
    "redis": {},
    "pluginPullSecret": "pull",
    "values": {"global": {"liteMetrics": False}, "higress-core": {"gateway": {"podLabels": {"team": "llm"}}}},
}


def stack(mirror: str | None = None, routes: list[dict[str, Any]] | None = None, **gateway: Any) -> StackSettings:
    return load(
        {**BASE, "imageMirror": mirror, "routes": routes or [], "gateway": {"kind": "higress", **gateway}},
    )


def spread(**labels: str) -> list[dict[str, Any]]:
    return [
        {
            "maxSkew": 1,
            "topologyKey": key,
            "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": {"matchLabels": labels},
        }
        for key in ("kubernetes.io/hostname", "topology.kubernetes.io/zone")
    ]


GATEWAY_SPREAD = spread(app="higress-gateway", higress="higress-system-higress-gateway")
CONTROLLER_SPREAD = spread(app="higress-controller", higress="higress-controller")


def test_values_of_a_small_stack() -> None:
    controller = {"requests": {"cpu": "500m", "memory": "2Gi"}, "limits": {"cpu": "1000m", "memory": "2Gi"}}
    assert chart_values(stack()) == {
        "global": {
            "ingressClass": "higress",
            "createIngressClass": True,
            "enableRedis": False,
            "proxy": {"logLevel": "warning"},
            "pvc": {"rwxSupported": False},
            "o11y": {"enabled": False},
        },
        "higress-core": {
            "gateway": {
                "replicas": 2,
                "resources": {"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"cpu": "1", "memory": "1Gi"}},
                "env": {"EXIT_ON_ZERO_ACTIVE_CONNECTIONS": "true"},
                "service": {"type": "LoadBalancer", "externalTrafficPolicy": "Cluster"},
                "topologySpreadConstraints": GATEWAY_SPREAD,
                "rollingMaxSurge": "100%",
                "rollingMaxUnavailable": 0,
            },
            "controller": {"replicas": 1, "resources": controller, "topologySpreadConstraints": CONTROLLER_SPREAD},
            "pilot": {"resources": controller},
            "downstream": {"idleTimeout": 1200, "routeTimeout": 0},
        },
        "higress-console": {"ingress": {"enabled": False}},
    }


def test_values_of_a_production_stack() -> None:
    mirror = "mirror.example:5000/ai"
    controller = {"requests": {"cpu": "1500m", "memory": "4Gi"}, "limits": {"cpu": "3000m", "memory": "4Gi"}}
    assert chart_values(stack(mirror, **PRODUCTION)) == {
        "global": {
            "ingressClass": "ai",
            "createIngressClass": False,
            "enableRedis": True,
            "proxy": {"logLevel": "info"},
            "pvc": {"rwxSupported": True},
            "o11y": {
                "enabled": True,
                **{
                    name: {
                        "image": {"repository": f"{mirror}/higress/{name}"},
                        "pvc": {"storageClassName": "nfs"},
                    }
                    for name in ("grafana", "prometheus", "loki")
                },
            },
            "hub": mirror,
            "priorityClassName": "high",
            "onlyPushRouteCluster": False,
            "liteMetrics": False,
        },
        "higress-core": {
            "gateway": {
                "resources": {"requests": {"cpu": "4", "memory": "8Gi"}, "limits": {"cpu": "4", "memory": "8Gi"}},
                "env": {"EXIT_ON_ZERO_ACTIVE_CONNECTIONS": "true"},
                "service": {
                    "type": "LoadBalancer",
                    "annotations": {"lb.example/kind": "nlb"},
                    "loadBalancerClass": "nlb",
                    "loadBalancerSourceRanges": ["10.0.0.0/8"],
                    "externalTrafficPolicy": "Local",
                },
                "topologySpreadConstraints": GATEWAY_SPREAD,
                "rollingMaxSurge": "100%",
                "rollingMaxUnavailable": 0,
                "nodeSelector": {"role": "edge"},
                "tolerations": [{"key": "edge", "operator": "Exists", "effect": "NoSchedule"}],
                "autoscaling": {
                    "enabled": True,
                    "minReplicas": 3,
                    "maxReplicas": 12,
                    "targetCPUUtilizationPercentage": 70,
                },
                "metrics": {"enabled": True, "podMonitorSelector": {"release": "prom"}, "interval": "15s"},
                "podLabels": {"team": "llm"},
            },
            "controller": {"replicas": 2, "resources": controller, "topologySpreadConstraints": CONTROLLER_SPREAD},
            "pilot": {"resources": controller},
            "downstream": {"idleTimeout": 1200, "routeTimeout": 0},
            "tracing": {
                "enable": True,
                "sampling": 12.5,
                "opentelemetry": {"service": "otel.obs.svc.cluster.local", "port": "4317"},
            },
        },
        "higress-console": {
            "ingress": {
                "enabled": True,
                "domain": "console.example.com",
                "tlsSecretName": "console-tls",
                "annotations": {"a/b": "c"},
            },
            "image": {"repository": f"{mirror}/higress/console"},
            "podEnvs": {"HIGRESS_ADMIN_WASM_PLUGIN_IMAGE_PULL_SECRET": "pull"},
        },
    }


def test_no_secret_is_among_the_values() -> None:
    assert "correct horse battery" not in repr(chart_values(stack(**PRODUCTION)))


def test_pods_on_their_nodes_network_give_way_to_each_other() -> None:
    values = chart_values(stack(hostNetwork=True, networkPolicy=False, service={"type": "ClusterIP"}))
    gateway = values["higress-core"]["gateway"]
    assert gateway["hostNetwork"] is True
    assert (gateway["rollingMaxSurge"], gateway["rollingMaxUnavailable"]) == (1, 1)
    assert gateway["service"] == {"type": "ClusterIP"}


def test_a_redis_of_ones_own_is_not_installed() -> None:
    assert chart_values(stack(redis={"host": "redis.example.com"}))["global"]["enableRedis"] is False


def test_the_stacks_own_values_count_more() -> None:
    values = chart_values(stack(values={"higress-core": {"gateway": {"env": {"A": "b"}, "rollingMaxSurge": 2}}}))
    gateway = values["higress-core"]["gateway"]
    assert gateway["env"] == {"EXIT_ON_ZERO_ACTIVE_CONNECTIONS": "true", "A": "b"}
    assert gateway["rollingMaxSurge"] == 2
    assert gateway["replicas"] == 2


@pytest.mark.parametrize(
    ("mirror", "source", "expected"),
    [
        (None, None, ("higress", "https://higress.io/helm-charts", "2.2.4")),
        (None, "https://charts.example/higress", ("higress", "https://charts.example/higress", "2.2.4")),
        (None, "oci://r.example/charts/higress", ("oci://r.example/charts/higress", None, "2.2.4")),
        (None, "/srv/higress-2.2.4.tgz", ("/srv/higress-2.2.4.tgz", None, None)),
        ("m.example/ai", None, ("oci://m.example/ai/charts/higress", None, "2.2.4")),
        ("m.example/ai", "./charts/higress", ("./charts/higress", None, None)),
    ],
)
def test_where_the_chart_comes_from(mirror: str | None, source: str | None, expected: tuple[str | None, ...]) -> None:
    found = chart_source(stack(mirror, chart={"source": source} if source else {}))
    assert (found.chart, found.repository, found.version) == expected


@pytest.mark.parametrize(
    ("timeouts", "seconds"),
    [
        ({}, 1200),
        ({"answerSeconds": 60, "idleSeconds": 599.9}, 600),
        ({"answerSeconds": 60, "idleSeconds": 60, "firstByteSeconds": 1800}, 2400),
    ],
)
def test_no_route_is_cut_before_its_own_time(timeouts: dict[str, float], seconds: int) -> None:
    routes = [{"model": "qwen", "timeouts": timeouts}]
    assert idle_timeout_seconds(stack(routes=routes)) == seconds


def test_a_gateway_without_models_has_an_idle_timeout() -> None:
    assert idle_timeout_seconds(load({"gateway": {"kind": "higress"}})) == 600


def test_higress_config_says_what_the_chart_would() -> None:
    config = yaml.safe_load(higress_config(stack()))
    assert config == {
        "downstream": {**CHART_DEFAULTS["downstream"], "idleTimeout": 1200},
        "upstream": CHART_DEFAULTS["upstream"],
        "gzip": CHART_DEFAULTS["gzip"],
    }


def test_higress_config_has_the_stacks_own_values() -> None:
    values = {"higress-core": {"upstream": {"idleTimeout": 30}, "gzip": {"enable": False}}}
    config = yaml.safe_load(higress_config(stack(values=values)))
    assert config["upstream"] == {"idleTimeout": 30, "connectionBufferLimits": 10485760}
    assert config["gzip"] == {**CHART_DEFAULTS["gzip"], "enable": False}


def test_higress_config_is_written_as_helm_writes_it() -> None:
    tracing = {"kind": "zipkin", "service": "zipkin.obs.svc.cluster.local", "port": 9411, "samplingPercent": 100.0}
    text = higress_config(stack(tracing=tracing))
    begin = text.index("gzip:")
    assert text[begin:] == (
        "gzip:\n"
        "  chunkSize: 4096\n"
        "  compressionLevel: BEST_COMPRESSION\n"
        "  compressionStrategy: DEFAULT_STRATEGY\n"
        "  contentType:\n"
        "  - text/html\n"
        "  - text/css\n"
        "  - text/plain\n"
        "  - text/xml\n"
        "  - application/json\n"
        "  - application/javascript\n"
        "  - application/xhtml+xml\n"
        "  - image/svg+xml\n"
        "  disableOnEtagHeader: true\n"
        "  enable: true\n"
        "  memoryLevel: 5\n"
        "  minContentLength: 1024\n"
        "  windowBits: 12\n"
        "tracing:\n"
        "  enable: true\n"
        "  sampling: 100\n"
        "  timeout: 500\n"
        "  zipkin:\n"
        '    port: "9411"\n'
        "    service: zipkin.obs.svc.cluster.local\n"
        "upstream:\n"
        "  connectionBufferLimits: 10485760\n"
        "  idleTimeout: 10"
    )


def test_higress_config_is_taken_over_from_helm() -> None:
    patch = higress_config_patch(stack(namespace="edge"))
    assert patch["metadata"] == {
        "name": "higress-config",
        "namespace": "edge",
        "annotations": {"pulumi.com/patchForce": "true"},
    }
    assert set(patch["data"]) == {"higress"}


def test_the_administrators_secret_is_one_that_helm_takes_for_its_own() -> None:
    settings = stack(namespace="edge", console={"adminUser": "root"})
    assert console_secret_metadata(settings) == {
        "name": "higress-console",
        "namespace": "edge",
        "labels": {"app.kubernetes.io/managed-by": "Helm"},
        "annotations": {
            "meta.helm.sh/release-name": "higress",
            "meta.helm.sh/release-namespace": "edge",
            "pulumi.com/patchForce": "true",
        },
    }
    assert console_secret_data(settings, "p", "k", "i") == {
        "adminUsername": "cm9vdA==",
        "adminDisplayName": "cm9vdA==",
        "adminPassword": "cA==",
        "key": "aw==",
        "iv": "aQ==",
    }


@pytest.mark.parametrize(
    ("gateway", "base", "console"),
    [
        (
            {"namespace": "edge"},
            None,
            "http://higress-console.edge.svc.cluster.local:8080",
        ),
        (
            {"domain": "llm.example.com", "console": {"domain": "console.example.com"}},
            "http://llm.example.com/v1",
            "http://console.example.com",
        ),
        (
            {
                "domain": "llm.example.com",
                "tls": {"secretName": "a"},
                "console": {"domain": "console.example.com", "tlsSecretName": "b"},
            },
            "https://llm.example.com/v1",
            "https://console.example.com",
        ),
        (
            {"domain": "llm.example.com", "baseUrl": "https://elsewhere.example/v1"},
            "https://elsewhere.example/v1",
            "http://higress-console.higress-system.svc.cluster.local:8080",
        ),
    ],
)
def test_addresses(gateway: dict[str, Any], base: str | None, console: str) -> None:
    settings = stack(**gateway)
    assert (addresses.given_url(settings), addresses.console_url(settings)) == (base, console)


@pytest.mark.parametrize(
    ("balancers", "url"),
    [
        ([], "http://higress-gateway.edge.svc.cluster.local/v1"),
        ([(None, "192.0.2.7")], "http://192.0.2.7/v1"),
        ([("a.elb.example.com", None), ("b.elb.example.com", None)], "http://a.elb.example.com/v1"),
        ([(None, "2001:db8::7")], "http://[2001:db8::7]/v1"),
    ],
)
def test_address_of_the_load_balancer(balancers: list[tuple[str | None, str | None]], url: str) -> None:
    assert addresses.balanced_url(stack(namespace="edge"), balancers) == url


def test_dashboards_have_an_address_where_they_are_installed() -> None:
    assert addresses.dashboards_url(stack()) is None
    assert addresses.dashboards_url(stack(dashboards={"enabled": True})) == (
        "http://higress-console-grafana.higress-system.svc.cluster.local:3000/grafana"
    )
    assert addresses.redis_host(stack()) == "redis-stack-server.higress-system.svc.cluster.local"
    assert addresses.cluster_url(stack(domain="a.b")) == "http://higress-gateway.higress-system.svc.cluster.local/v1"

"""The gateway's Kubernetes objects."""

import base64
import json
from typing import Any

import pytest
import yaml

from components.manifests import envoy, envoy_gateway
from stacks.settings import StackSettings, load


def stack(
    models: tuple[str, ...] = ("qwen",), routes: list[dict[str, Any]] | None = None, **fields: Any
) -> StackSettings:
    return load(
        {
            "cluster": {"namespace": "llm"},
            "serving": {"image": "registry.example/serving:1"},
            "pools": [{"name": "gpus"}],
            "models": [{"name": name, "source": "hf://o/r", "pool": "gpus"} for name in models],
            "routes": routes or [],
            "gateway": fields,
        }
    )


SELECTOR = {"app.kubernetes.io/name": "envoy", "app.kubernetes.io/instance": "gateway"}


def pod(settings: StackSettings) -> dict[str, Any]:
    return dict(envoy_gateway.gateway_deployment(settings)["spec"]["template"])


def container(settings: StackSettings) -> dict[str, Any]:
    (only,) = pod(settings)["spec"]["containers"]
    return dict(only)


def test_config_map_holds_the_two_watched_files() -> None:
    settings = stack()
    config_map = envoy_gateway.gateway_config_map(settings)

    assert config_map["kind"] == "ConfigMap"
    assert (config_map["metadata"]["name"], config_map["metadata"]["namespace"]) == ("gateway-routes", "llm")
    assert {name: yaml.safe_load(text) for name, text in config_map["data"].items()} == {
        "cds.yaml": envoy.cluster_discovery(settings),
        "rds.yaml": envoy.route_discovery(settings),
    }


def test_config_map_that_is_too_large() -> None:
    settings = stack(tuple(f"model-{number}" for number in range(900)))

    with pytest.raises(
        envoy_gateway.GatewayConfigTooLargeError,
        match=r"^modelyard:models and modelyard:routes: 900 models and 900 routes make \d{7} bytes of gateway "
        r"configuration, and a ConfigMap holds 1048576: spread the models over several stacks, ",
    ):
        envoy_gateway.gateway_config_map(settings)


def test_secret_holds_the_bootstrap() -> None:
    settings = stack(auth={"consumers": [{"name": "alice", "keys": ["key of alice"]}]})
    secret = envoy_gateway.gateway_secret(settings)

    assert (secret["kind"], secret["type"], secret["metadata"]["name"]) == ("Secret", "Opaque", "gateway-bootstrap")
    assert json.loads(base64.b64decode(secret["data"]["bootstrap.json"])) == envoy.bootstrap(settings)


def test_models_and_routes_do_not_touch_the_pods() -> None:
    one, other = stack(), stack(("qwen", "gemma"), [{"model": "qwen", "fallback": ["gemma"]}])

    assert envoy_gateway.gateway_config_map(one) != envoy_gateway.gateway_config_map(other)
    assert envoy_gateway.gateway_secret(one) == envoy_gateway.gateway_secret(other)
    assert envoy_gateway.gateway_deployment(one) == envoy_gateway.gateway_deployment(other)


@pytest.mark.parametrize(
    "change", [{"body_limit_mib": 1}, {"auth": {"consumers": [{"name": "alice", "keys": ["key of alice"]}]}}]
)
def test_anything_else_replaces_the_pods(change: dict[str, Any]) -> None:
    def checksum(settings: StackSettings) -> str:
        return str(pod(settings)["metadata"]["annotations"]["modelyard/bootstrap-sha256"])

    assert checksum(stack(**change)) != checksum(stack())
    assert checksum(stack(**change)) == checksum(stack(**change))


def test_keys_are_in_the_secret_only() -> None:
    settings = stack(auth={"consumers": [{"name": "alice", "keys": ["key of alice"]}]})
    objects = [
        envoy_gateway.gateway_config_map(settings),
        envoy_gateway.gateway_deployment(settings),
        envoy_gateway.gateway_service(settings),
        envoy_gateway.gateway_pod_disruption_budget(settings),
    ]

    assert "key of alice" not in json.dumps(objects)


def test_pods_are_selected_by_labels_that_they_carry() -> None:
    settings = stack()
    budget = envoy_gateway.gateway_pod_disruption_budget(settings)

    assert budget
    assert envoy_gateway.gateway_deployment(settings)["spec"]["selector"] == {"matchLabels": SELECTOR}
    assert envoy_gateway.gateway_service(settings)["spec"]["selector"] == SELECTOR
    assert budget["spec"] == {"maxUnavailable": 1, "selector": {"matchLabels": SELECTOR}}
    assert pod(settings)["metadata"]["labels"].items() >= SELECTOR.items()


def test_only_the_gateways_namespace_and_a_prometheus_reach_the_models() -> None:
    (policy,) = envoy_gateway.gateway_network_policies(stack())
    port = [{"protocol": "TCP", "port": 8080}]
    prometheus = {"namespaceSelector": {}, "podSelector": {"matchLabels": {"app.kubernetes.io/name": "prometheus"}}}

    assert (policy["metadata"]["name"], policy["metadata"]["namespace"]) == ("models", "llm")
    assert policy["spec"] == {
        "podSelector": {
            "matchLabels": {"app.kubernetes.io/part-of": "modelyard", "app.kubernetes.io/component": "model-service"}
        },
        "policyTypes": ["Ingress"],
        "ingress": [{"from": [{"podSelector": {}}], "ports": port}, {"from": [prometheus], "ports": port}],
    }


def test_network_policies_are_a_choice() -> None:
    assert envoy_gateway.gateway_network_policies(stack(networkPolicy=False)) == []


def test_single_pod_has_no_disruption_budget() -> None:
    assert envoy_gateway.gateway_pod_disruption_budget(stack(replicas=1)) is None


def test_envoy_is_started_from_the_mounted_files() -> None:
    settings = stack(image="registry.example/envoy:1", image_pull_policy="Never")
    envoy_container = container(settings)

    assert (envoy_container["image"], envoy_container["imagePullPolicy"]) == ("registry.example/envoy:1", "Never")
    assert envoy_container["command"] == ["envoy"]
    assert envoy_container["args"][:2] == ["--config-path", "/etc/envoy/static/bootstrap.json"]
    mounts = {each["name"]: each for each in envoy_container["volumeMounts"]}
    assert mounts["bootstrap"]["mountPath"] == "/etc/envoy/static"
    # A subPath would never be updated.
    assert mounts["routes"] == {"name": "routes", "mountPath": "/etc/envoy/dynamic", "readOnly": True}
    assert pod(settings)["spec"]["volumes"] == [
        {"name": "bootstrap", "secret": {"secretName": "gateway-bootstrap", "defaultMode": 0o440}},
        {"name": "routes", "configMap": {"name": "gateway-routes"}},
    ]


@pytest.mark.parametrize(("cpu", "workers"), [("1", "1"), ("250m", "1"), ("1500m", "2"), ("2.5", "3"), ("8", "8")])
def test_one_worker_for_each_cpu(cpu: str, workers: str) -> None:
    arguments = container(stack(cpu=cpu))["args"]

    assert arguments[arguments.index("--concurrency") + 1] == workers


def test_resources() -> None:
    assert container(stack(cpu="500m", memory="2Gi"))["resources"] == {
        "requests": {"cpu": "500m", "memory": "2Gi"},
        "limits": {"memory": "2Gi"},
    }


def test_pod_security_is_restricted() -> None:
    settings = stack()

    assert pod(settings)["spec"]["automountServiceAccountToken"] is False
    assert pod(settings)["spec"]["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": 101,
        "runAsGroup": 101,
        "fsGroup": 101,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert container(settings)["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def test_stopping_pod_gets_the_drain_time() -> None:
    settings = stack(drain_seconds=90)

    assert pod(settings)["spec"]["terminationGracePeriodSeconds"] == 90
    (shell, flag, script) = container(settings)["lifecycle"]["preStop"]["exec"]["command"]
    assert (shell, flag) == ("bash", "-c")
    assert "POST /healthcheck/fail" in script
    assert "/dev/tcp/127.0.0.1/9901" in script


def test_probes_ask_the_metrics_port() -> None:
    ports = {port["name"]: port["containerPort"] for port in container(stack())["ports"]}

    assert ports == {"http": 8080, "metrics": 9902}
    assert container(stack())["readinessProbe"]["httpGet"] == {"path": "/ready", "port": "metrics"}
    assert container(stack())["livenessProbe"]["httpGet"] == {"path": "/live", "port": "metrics"}


def test_service() -> None:
    port = {"name": "http", "port": 8080, "targetPort": "http", "protocol": "TCP"}
    inside = envoy_gateway.gateway_service(stack())
    outside = envoy_gateway.gateway_service(stack(service_type="NodePort", node_port=30080))

    assert (inside["metadata"]["name"], inside["spec"]["type"], inside["spec"]["ports"]) == (
        "gateway",
        "ClusterIP",
        [port],
    )
    assert (outside["spec"]["type"], outside["spec"]["ports"]) == ("NodePort", [{**port, "nodePort": 30080}])


def test_the_load_balancer_is_told_whom_to_let_in_and_what_it_is() -> None:
    certificate = {"service.beta.kubernetes.io/aws-load-balancer-ssl-cert": "arn:aws:acm:eu-central-1:1:certificate/a"}
    settings = stack(serviceType="LoadBalancer", sourceRanges=["203.0.113.0/24"], serviceAnnotations=certificate)
    service = envoy_gateway.gateway_service(settings)

    assert service["metadata"]["annotations"] == certificate
    assert service["spec"]["loadBalancerSourceRanges"] == ["203.0.113.0/24"]


def test_base_url() -> None:
    assert envoy_gateway.gateway_base_url(stack()) == "http://gateway.llm.svc.cluster.local:8080/v1"
    assert envoy_gateway.gateway_base_url(stack(base_url="https://llm.example/v1")) == "https://llm.example/v1"

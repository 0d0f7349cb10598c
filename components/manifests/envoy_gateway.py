"""Kubernetes objects of the Envoy gateway.

Models and routes lie in a ConfigMap that Envoy watches, so a change of them touches no pod. All
else, with the API keys, lies in a Secret whose checksum stands on the pods, so a change of it
replaces them one by one.
"""

import base64
import hashlib
import json
import math
from typing import Any

from components.manifests import envoy, objects
from components.manifests.envoy.anchors import anchored
from components.manifests.images import mirrored
from components.manifests.network_policies import model_policies
from components.manifests.objects import Manifest
from stacks.settings import Cpu, StackSettings

USER = 101
"""Numeric user and group of the gateway's process, as in Envoy's own image."""

CONFIG_MAP_LIMIT_BYTES = 1024 * 1024
"""Largest data of a ConfigMap, set by Kubernetes."""

BOOTSTRAP_FOLDER = "/etc/envoy/static"
BOOTSTRAP_FILE = "bootstrap.json"

LEAST_DRAIN_SECONDS = 5
"""How long a stopping pod takes requests that other nodes still send it, before they know."""


class GatewayConfigTooLargeError(Exception):
    """Models and routes that don't fit into one ConfigMap."""


def gateway_labels(stack: StackSettings) -> dict[str, str]:
    """The labels of every object of the gateway, its pods included."""
    return objects.labels("envoy", stack.envoy.name, "gateway")


def gateway_selector(stack: StackSettings) -> dict[str, str]:
    """The labels by which the gateway's pods are told from all others."""
    return objects.selector("envoy", stack.envoy.name)


def routes_name(stack: StackSettings) -> str:
    """The name of the ConfigMap of clusters and routes."""
    return f"{stack.envoy.name}-routes"


def gateway_base_url(stack: StackSettings) -> str:
    """The URL that clients use, ending in ``/v1``: the stack's own, or the Service's inside the cluster."""
    service = f"{stack.envoy.name}.{stack.cluster.namespace}.svc.cluster.local"
    return stack.envoy.base_url or f"http://{service}:{envoy.POD.port}/v1"


def gateway_config_map(stack: StackSettings) -> Manifest:
    """The ConfigMap of clusters and routes.

    Raises:
        GatewayConfigTooLargeError: when they don't fit into one.
    """
    data = {
        envoy.CDS_FILE: anchored(envoy.cluster_discovery(stack)),
        envoy.RDS_FILE: anchored(envoy.route_discovery(stack)),
    }
    size = sum(len(key) + len(text.encode()) for key, text in data.items())
    if size > CONFIG_MAP_LIMIT_BYTES:
        raise GatewayConfigTooLargeError(
            f"modelyard:models and modelyard:routes: {len(stack.models)} models and {len(stack.all_routes)} routes "
            f"make {size} bytes of gateway configuration, and a ConfigMap holds {CONFIG_MAP_LIMIT_BYTES}: "
            "spread the models over several stacks, or shorten upstreams and fallback chains"
        )
    return _manifest(stack, "v1", "ConfigMap", routes_name(stack), data=data)


def gateway_secret(stack: StackSettings) -> Manifest:
    """The Secret of Envoy's bootstrap. Its data is to be treated as secret: it holds the API keys."""
    encoded = base64.b64encode(_bootstrap(stack).encode()).decode()
    return _manifest(stack, "v1", "Secret", _secret_name(stack), type="Opaque", data={BOOTSTRAP_FILE: encoded})


def gateway_deployment(stack: StackSettings) -> Manifest:
    """The Deployment of Envoy."""
    return _manifest(
        stack,
        "apps/v1",
        "Deployment",
        stack.envoy.name,
        spec={
            "replicas": stack.envoy.replicas,
            "selector": {"matchLabels": gateway_selector(stack)},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
            "template": {
                "metadata": {
                    "labels": gateway_labels(stack),
                    "annotations": {
                        "modelyard/bootstrap-sha256": hashlib.sha256(_bootstrap(stack).encode()).hexdigest(),
                        "prometheus.io/scrape": "true",
                        "prometheus.io/port": str(envoy.POD.metrics_port),
                        "prometheus.io/path": "/stats/prometheus",
                    },
                },
                "spec": _pod(stack),
            },
        },
    )


def gateway_service(stack: StackSettings) -> Manifest:
    """The Service that clients reach. The metrics port is not part of it: it may face the internet."""
    port: Manifest = {"name": "http", "port": envoy.POD.port, "targetPort": "http", "protocol": "TCP"}
    if stack.envoy.node_port is not None:
        port["nodePort"] = stack.envoy.node_port
    spec: Manifest = {"type": stack.envoy.service_type, "selector": gateway_selector(stack), "ports": [port]}
    if stack.envoy.source_ranges:
        spec["loadBalancerSourceRanges"] = list(stack.envoy.source_ranges)
    service = _manifest(stack, "v1", "Service", stack.envoy.name, spec=spec)
    if stack.envoy.service_annotations:
        service["metadata"]["annotations"] = dict(stack.envoy.service_annotations)
    return service


def gateway_pod_disruption_budget(stack: StackSettings) -> Manifest | None:
    """The PodDisruptionBudget, or None for a single pod, which it would keep on its node for ever."""
    if stack.envoy.replicas == 1:
        return None
    return _manifest(
        stack,
        "policy/v1",
        "PodDisruptionBudget",
        stack.envoy.name,
        spec={"maxUnavailable": 1, "selector": {"matchLabels": gateway_selector(stack)}},
    )


def gateway_network_policies(stack: StackSettings) -> list[Manifest]:
    """Who may reach the models, or no policy where the stack wants none. The gateway is in their namespace."""
    return list(model_policies(stack, [])) if stack.envoy.network_policy else []


def drain_command(admin_port: int, least_seconds: int = LEAST_DRAIN_SECONDS) -> list[str]:
    """What a stopping pod runs first: tell clients to leave, and wait until no request is running.

    Args:
        admin_port: Port of Envoy's admin interface on the loopback address.
        least_seconds: How long to wait at least.
    """
    # The image has bash, but no HTTP client.
    script = f"""\
ask() {{
  exec 3<>/dev/tcp/127.0.0.1/{admin_port} || return
  printf '%s HTTP/1.1\\r\\nhost: admin\\r\\nconnection: close\\r\\ncontent-length: 0\\r\\n\\r\\n' "$1" >&3
  cat <&3
}}
ask 'POST /healthcheck/fail'
sleep {least_seconds}
while ask 'GET /stats?filter=^http.edge.downstream_rq_active$' | grep -q 'active: [1-9]'; do sleep 1; done
"""
    return ["bash", "-c", script]


def _pod(stack: StackSettings) -> Manifest:
    return {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": stack.envoy.drain_seconds,
        "securityContext": {
            **objects.pod_security_context(),
            "runAsUser": USER,
            "runAsGroup": USER,
            # The Secret's file belongs to root and is readable by its group.
            "fsGroup": USER,
        },
        "topologySpreadConstraints": [
            {
                "maxSkew": 1,
                "topologyKey": "kubernetes.io/hostname",
                "whenUnsatisfiable": "ScheduleAnyway",
                "labelSelector": {"matchLabels": gateway_selector(stack)},
            }
        ],
        "containers": [_container(stack)],
        "volumes": [
            {"name": "bootstrap", "secret": {"secretName": _secret_name(stack), "defaultMode": 0o440}},
            {"name": "routes", "configMap": {"name": routes_name(stack)}},
        ],
    }


def _container(stack: StackSettings) -> Manifest:
    gateway = stack.envoy
    return {
        "name": "envoy",
        "image": mirrored(gateway.image, stack.image_mirror),
        "imagePullPolicy": gateway.image_pull_policy,
        "command": ["envoy"],
        "args": [
            "--config-path",
            f"{BOOTSTRAP_FOLDER}/{BOOTSTRAP_FILE}",
            # One worker for each CPU asked for; Envoy's default is one for each of the node's.
            "--concurrency",
            str(_workers(gateway.cpu)),
            # Hot restart needs shared memory, and pods are replaced as a whole.
            "--disable-hot-restart",
            "--file-flush-interval-msec",
            "1000",
            "--log-level",
            "warning",
        ],
        "ports": [
            {"name": "http", "containerPort": envoy.POD.port, "protocol": "TCP"},
            {"name": "metrics", "containerPort": envoy.POD.metrics_port, "protocol": "TCP"},
        ],
        "readinessProbe": {"httpGet": {"path": "/ready", "port": "metrics"}, "periodSeconds": 2},
        "livenessProbe": {"httpGet": {"path": "/live", "port": "metrics"}, "periodSeconds": 10, "timeoutSeconds": 5},
        "lifecycle": {"preStop": {"exec": {"command": drain_command(envoy.POD.admin_port)}}},
        "resources": {
            "requests": {"cpu": gateway.cpu, "memory": gateway.memory},
            "limits": {"memory": gateway.memory},
        },
        "securityContext": objects.container_security_context(),
        "volumeMounts": [
            {"name": "bootstrap", "mountPath": BOOTSTRAP_FOLDER, "readOnly": True},
            # The whole folder, never a subPath: only so does the kubelet replace the files in place.
            {"name": "routes", "mountPath": envoy.POD.dynamic_folder, "readOnly": True},
        ],
    }


def _workers(cpu: Cpu) -> int:
    milli = cpu.endswith("m")
    return max(1, math.ceil(float(cpu.removesuffix("m")) / (1000 if milli else 1)))


def _bootstrap(stack: StackSettings) -> str:
    return _compact(envoy.bootstrap(stack))


def _secret_name(stack: StackSettings) -> str:
    return f"{stack.envoy.name}-bootstrap"


def _compact(config: Manifest) -> str:
    return json.dumps(config, separators=(",", ":"), ensure_ascii=False)


def _manifest(stack: StackSettings, version: str, kind: str, name: str, **fields: Any) -> Manifest:
    return {
        "apiVersion": version,
        "kind": kind,
        "metadata": objects.metadata(name, stack.cluster.namespace, gateway_labels(stack)),
        **fields,
    }

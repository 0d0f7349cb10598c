"""The Helm chart ``higress``: where it comes from, and its values.

The chart has two charts in it, whose values stand under ``higress-core`` and ``higress-console``;
both read ``global``. No secret is among the values: Helm keeps them in the cluster, and Pulumi in
the stack's state.
"""

import math
from typing import Any

from components.manifests import helm, objects
from components.manifests.helm import ChartSource
from components.manifests.higress import names
from components.manifests.objects import Manifest, topology_spread
from stacks.settings import Cpu, HigressGatewaySettings, StackSettings
from stacks.settings.higress import TracingSettings

RELEASE = "higress"
"""Name of the Helm release."""
CORE = "higress-core"
"""Chart of gateway and controller."""
CONSOLE = "higress-console"
"""Chart of the console and the dashboards."""

MIRRORED_IMAGES = "higress"
"""Folder of a mirror that Higress's images are in: the chart puts it before their names."""

IDLE_STEP_SECONDS = 600
"""Idle timeouts are multiples of it: a new one changes the listener, and that drains the clients' connections."""

_DASHBOARDS = ("grafana", "prometheus", "loki")


def chart_source(stack: StackSettings) -> ChartSource:
    """Where the chart comes from: what the stack says, else the mirror, else Higress's repository."""
    return helm.chart_source(RELEASE, stack.higress.chart, stack.image_mirror)


def chart_values(stack: StackSettings) -> dict[str, Any]:
    """The values of the chart: what the settings make, with the stack's own ``values`` over it."""
    made = {"global": _global(stack), CORE: _core(stack), CONSOLE: _console(stack)}
    return helm.merged(made, stack.higress.values)


def namespace(stack: StackSettings) -> Manifest:
    """Higress's namespace. A gateway on its nodes' network reaches for them, and what the chart calls local."""
    of_nodes = stack.higress.values.get("global", {})
    on_nodes = any(of_nodes.get(key) for key in ("local", "kind", "volumeWasmPlugins"))
    return objects.namespace(
        stack.higress.namespace, "privileged" if stack.higress.host_network or on_nodes else "baseline"
    )


def uses_chart_redis(stack: StackSettings) -> bool:
    """Whether the chart installs a Redis."""
    redis = stack.higress.redis
    return redis is not None and redis.host is None


def idle_timeout_seconds(stack: StackSettings) -> int:
    """How long a request may be silent, in seconds: longer than any route lets it.

    The chart's default of 180 cuts an answer that takes longer to begin.
    """
    longest = max(
        (
            seconds
            for route in stack.all_routes
            for seconds in (
                route.timeouts.first_byte_seconds,
                route.timeouts.answer_seconds,
                route.timeouts.idle_seconds,
            )
        ),
        default=0.0,
    )
    return (math.floor(longest / IDLE_STEP_SECONDS) + 1) * IDLE_STEP_SECONDS


def gateway_labels(stack: StackSettings) -> dict[str, str]:
    """The labels by which the chart tells the gateway's pods from all others."""
    return {"app": names.GATEWAY, "higress": f"{stack.higress.namespace}-{names.GATEWAY}"}


CONTROLLER_LABELS = {"app": "higress-controller", "higress": "higress-controller"}
"""The labels by which the chart tells the controller's pods from all others."""


def _global(stack: StackSettings) -> Manifest:
    gateway = stack.higress
    return {
        "ingressClass": gateway.ingress_class,
        "createIngressClass": gateway.create_ingress_class,
        "enableRedis": uses_chart_redis(stack),
        "proxy": {"logLevel": gateway.log_level},
        "pvc": {"rwxSupported": gateway.dashboards.rwx_supported},
        "o11y": _dashboards(stack),
        **({"hub": stack.image_mirror} if stack.image_mirror else {}),
        **({"priorityClassName": gateway.priority_class} if gateway.priority_class else {}),
        # The collector of the traces is no route's target, and by default Envoy gets to know those only.
        **({"onlyPushRouteCluster": False} if gateway.tracing else {}),
    }


def _dashboards(stack: StackSettings) -> Manifest:
    dashboards = stack.higress.dashboards
    if not dashboards.enabled:
        return {"enabled": False}
    return {"enabled": True, **{name: _dashboard(stack, name) for name in _DASHBOARDS}}


def _dashboard(stack: StackSettings, name: str) -> Manifest:
    storage_class = stack.higress.dashboards.storage_class
    return {
        # The hub does not reach these images.
        **({"image": {"repository": _mirrored(stack, name)}} if stack.image_mirror else {}),
        **({"pvc": {"storageClassName": storage_class}} if storage_class else {}),
    }


def _core(stack: StackSettings) -> Manifest:
    gateway = stack.higress
    controller = gateway.controller
    return {
        "gateway": _gateway(stack),
        "controller": {
            "replicas": controller.replicas,
            # The chart, too, lets the controller have twice the CPU that it asks for.
            "resources": _resources(controller.cpu, controller.memory, cpu_limit=_twice(controller.cpu)),
            "topologySpreadConstraints": topology_spread(CONTROLLER_LABELS),
        },
        "pilot": {"resources": _resources(controller.cpu, controller.memory, cpu_limit=_twice(controller.cpu))},
        "downstream": {"idleTimeout": idle_timeout_seconds(stack), "routeTimeout": 0},
        **({"tracing": _tracing(gateway.tracing)} if gateway.tracing else {}),
    }


def _gateway(stack: StackSettings) -> Manifest:
    gateway = stack.higress
    return {
        **({} if gateway.autoscaling else {"replicas": gateway.replicas}),
        # As many of Envoy's workers run as the limit has CPUs.
        "resources": _resources(gateway.cpu, gateway.memory, cpu_limit=gateway.cpu),
        # Without it the gateway's agent ends Envoy 5 seconds after the order to stop.
        "env": {"EXIT_ON_ZERO_ACTIVE_CONNECTIONS": "true"},
        "service": _service(gateway),
        "topologySpreadConstraints": topology_spread(gateway_labels(stack)),
        **_rollout(gateway),
        **({"hostNetwork": True} if gateway.host_network else {}),
        **({"nodeSelector": gateway.node_selector} if gateway.node_selector else {}),
        **({"tolerations": _tolerations(gateway)} if gateway.tolerations else {}),
        **({"autoscaling": _autoscaling(gateway)} if gateway.autoscaling else {}),
        **_metrics(stack),
    }


def _resources(cpu: Cpu, memory: str, *, cpu_limit: str) -> Manifest:
    # Every limit is written: one that is left out keeps the chart's number, which may be below the request.
    return {"requests": {"cpu": cpu, "memory": memory}, "limits": {"cpu": cpu_limit, "memory": memory}}


def _twice(cpu: Cpu) -> str:
    milli = float(cpu.removesuffix("m")) * (1 if cpu.endswith("m") else 1000)
    return f"{math.ceil(2 * milli)}m"


def _service(gateway: HigressGatewaySettings) -> Manifest:
    service = gateway.service
    return {
        "type": service.type,
        **({"annotations": service.annotations} if service.annotations else {}),
        **({"loadBalancerClass": service.load_balancer_class} if service.load_balancer_class else {}),
        **({"loadBalancerSourceRanges": list(service.source_ranges)} if service.source_ranges else {}),
        # Kubernetes refuses the field where nothing comes from outside.
        **({"externalTrafficPolicy": service.external_traffic_policy} if service.type != "ClusterIP" else {}),
    }


def _rollout(gateway: HigressGatewaySettings) -> Manifest:
    # On their nodes' network two pods can't share a node, so the new one may need the old one's place.
    return {
        "rollingMaxSurge": 1 if gateway.host_network else "100%",
        "rollingMaxUnavailable": int(gateway.host_network),
    }


def _tolerations(gateway: HigressGatewaySettings) -> list[Manifest]:
    return [toleration.model_dump(exclude_none=True) for toleration in gateway.tolerations]


def _autoscaling(gateway: HigressGatewaySettings) -> Manifest:
    scaling = gateway.autoscaling
    if scaling is None:
        return {}
    return {
        "enabled": True,
        "minReplicas": scaling.min_replicas,
        "maxReplicas": scaling.max_replicas,
        "targetCPUUtilizationPercentage": scaling.target_cpu_percent,
    }


def _metrics(stack: StackSettings) -> Manifest:
    observability = stack.observability
    metrics = stack.higress.metrics or (observability if observability and observability.monitors else None)
    if metrics is None:
        return {}
    return {
        "metrics": {
            "enabled": True,
            "podMonitorSelector": metrics.labels,
            "interval": f"{metrics.interval_seconds}s",
        }
    }


def _tracing(tracing: TracingSettings) -> Manifest:
    sampling = float(tracing.sampling_percent)
    return {
        "enable": True,
        "sampling": int(sampling) if sampling.is_integer() else sampling,
        # The controller takes the port for a text.
        tracing.kind: {"service": tracing.service, "port": str(tracing.port)},
    }


def _console(stack: StackSettings) -> Manifest:
    console = stack.higress.console
    pull_secret = stack.higress.plugin_pull_secret
    ingress: Manifest = {"enabled": console.domain is not None}
    if console.domain:
        ingress["domain"] = console.domain
        ingress |= {"tlsSecretName": console.tls_secret_name} if console.tls_secret_name else {}
        ingress |= {"annotations": console.annotations} if console.annotations else {}
    return {
        "ingress": ingress,
        # The hub does not reach this image.
        **({"image": {"repository": _mirrored(stack, "console")}} if stack.image_mirror else {}),
        # A plugin that the console writes is pulled as the program's own are.
        **({"podEnvs": {"HIGRESS_ADMIN_WASM_PLUGIN_IMAGE_PULL_SECRET": pull_secret}} if pull_secret else {}),
    }


def _mirrored(stack: StackSettings, image: str) -> str:
    return f"{stack.image_mirror}/{MIRRORED_IMAGES}/{image}"

"""Rules about Higress's release: its chart's values, its pods, its console."""

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stacks.settings import HigressGatewaySettings, StackSettings

PASSWORD_LENGTH = 12
"""Fewest characters of the administrator's password. The console takes any, and lets everybody try for ever."""
PASSWORD_VARIETY = 5
"""Fewest different characters of it."""

SECRET_VALUES = {
    "higress-console.admin.password": "write modelyard:gateway.console.adminPassword",
    "higress-core.redis.redis.password": "write modelyard:gateway.redis with the host of a Redis of yours",
    "higress-core.tracing.skywalking.access_token": "put a collector that asks for none between gateway and SkyWalking",
}
"""Values of the chart that are secrets, and what to do instead."""

FIXED_VALUES = {
    "higress-core.gateway.name": "'higress-gateway'",
    "higress-core.gateway.kind": "'Deployment'",
    "higress-core.controller.name": "'higress-controller'",
    "higress-console.name": "'higress-console'",
    "higress-core.redis.redis.name": "'redis-stack-server'",
}
"""Values of the chart that budgets, network policies and routes count on."""

MAPPINGS = (
    "global",
    "higress-core",
    "higress-console",
    "higress-core.downstream",
    "higress-core.upstream",
    "higress-core.gzip",
    "higress-core.tracing",
)
"""Values of the chart that are mappings, and that others are laid under."""

IN_CLUSTER = (".svc.cluster.local", ".dns", ".static")
"""How hosts end that Envoy knows: Services, and entries of the McpBridge."""

Rule = Callable[["HigressGatewaySettings"], Iterable[str]]


def release_problems(stack: "StackSettings") -> Iterator[str]:
    """Every problem of the release, in the order of the rules."""
    gateway = stack.gateway
    if gateway.kind == "higress":
        yield from _namespace(gateway, stack.cluster.namespace)
        for rule in _RULES:
            yield from rule(gateway)


def _namespace(gateway: "HigressGatewaySettings", models: str) -> Iterator[str]:
    if gateway.create_namespace and gateway.namespace == models:
        yield (
            f"modelyard:gateway.namespace: {models!r} is the models' namespace, too, which has to exist, and it would "
            "be deleted with the gateway: write createNamespace: false, or another namespace"
        )


def _tls(gateway: "HigressGatewaySettings") -> Iterator[str]:
    if gateway.tls and not gateway.domain:
        yield (
            f"modelyard:gateway.tls.secretName: {gateway.tls.secret_name!r} without a domain, and a certificate is "
            "chosen by the domain that is asked for: write modelyard:gateway.domain"
        )


def _autoscaling(gateway: "HigressGatewaySettings") -> Iterator[str]:
    scaling = gateway.autoscaling
    if scaling is None:
        return
    if scaling.min_replicas >= scaling.max_replicas:
        yield (
            f"modelyard:gateway.autoscaling.minReplicas: {scaling.min_replicas} leaves no room below maxReplicas "
            f"{scaling.max_replicas}: write a smaller one"
        )
    if "replicas" in gateway.model_fields_set:
        yield (
            f"modelyard:gateway.replicas: {gateway.replicas} together with autoscaling, and each would undo the "
            "other: leave replicas out, and write autoscaling.minReplicas"
        )


def _service(gateway: "HigressGatewaySettings") -> Iterator[str]:
    service = gateway.service
    if service.type != "LoadBalancer":
        for name in ("load_balancer_class", "source_ranges"):
            if getattr(service, name):
                yield (
                    f"modelyard:gateway.service.{_camel(name)}: given for type {service.type!r}, and only a load "
                    "balancer has it: write type: LoadBalancer, or leave it out"
                )
    if service.type == "ClusterIP" and service.external_traffic_policy == "Local":
        yield (
            "modelyard:gateway.service.externalTrafficPolicy: 'Local' for type 'ClusterIP', which nothing outside "
            "the cluster reaches: write type: LoadBalancer or NodePort, or leave it out"
        )


def _host_network(gateway: "HigressGatewaySettings") -> Iterator[str]:
    if not gateway.host_network:
        return
    if gateway.network_policy:
        yield (
            "modelyard:gateway.networkPolicy: true with hostNetwork, where the gateway's pods have the addresses of "
            "their nodes and no policy can tell them from others, so it would keep the gateway from the models: "
            "write networkPolicy: false, and your own policy of the nodes' addresses"
        )
    if "type" not in gateway.service.model_fields_set:
        yield (
            "modelyard:gateway.service.type: nothing is given with hostNetwork, where clients come to ports 80 and 443 "
            "of the nodes, and the release would wait for a load balancer that may never come: write ClusterIP, or "
            "LoadBalancer where there is to be one as well"
        )


def _console(gateway: "HigressGatewaySettings") -> Iterator[str]:
    console = gateway.console
    if console.domain is None:
        for name in ("tls_secret_name", "annotations"):
            if getattr(console, name):
                yield (
                    f"modelyard:gateway.console.{_camel(name)}: given without a domain, under which alone the gateway "
                    "serves the console: write console.domain, or leave it out"
                )
    elif console.domain == gateway.domain:
        yield (
            f"modelyard:gateway.console.domain: {console.domain!r} is the gateway's own, and every path of it belongs "
            "to the models: write another one"
        )
    if ":" in console.admin_user or console.admin_user.strip() != console.admin_user:
        yield (
            f"modelyard:gateway.console.adminUser: {console.admin_user!r} has a colon or a blank at its ends, and with "
            "it nobody can log in by Basic authentication: write a name without"
        )


def _admin_password(gateway: "HigressGatewaySettings") -> Iterator[str]:
    console = gateway.console
    if console.admin_password is None:
        return
    if weakness := _weakness(console.admin_password.get_secret_value(), console.admin_user):
        yield (
            f"modelyard:gateway.console.adminPassword: what is given (not shown) {weakness}: write one of "
            f"{PASSWORD_LENGTH} characters or more, or leave it out for a random one"
        )


def _weakness(password: str, user: str) -> str | None:
    if len(password) < PASSWORD_LENGTH:
        return f"has {len(password)} characters, and the console lets everybody try for ever"
    if len(set(password)) < PASSWORD_VARIETY:
        return f"has {len(set(password))} different characters, and the console lets everybody try for ever"
    if user.lower() in password.lower():
        return "has the administrator's name in it, which is tried first"
    if ":" in password or password.strip() != password or not password.isprintable():
        return "has a colon, a control character or a blank at its ends, and with it nobody can log in"
    return None


def _tracing(gateway: "HigressGatewaySettings") -> Iterator[str]:
    tracing = gateway.tracing
    if tracing is None:
        return
    if tracing.sampling_percent < 0.1:
        yield (
            f"modelyard:gateway.tracing.samplingPercent: {tracing.sampling_percent}, but Higress takes 0 for 100 and "
            "knows one decimal: write 0.1 or more, or leave tracing out"
        )
    if not tracing.service.endswith(IN_CLUSTER):
        yield (
            f"modelyard:gateway.tracing.service: {tracing.service!r} is none that the gateway knows: write the whole "
            "name of a Service, such as otel-collector.observability.svc.cluster.local"
        )


def _values(gateway: "HigressGatewaySettings") -> Iterator[str]:
    for path, instead in SECRET_VALUES.items():
        if _at(gateway.values, path):
            yield (
                f"modelyard:gateway.values: {path} is given, a secret that would stand in Helm's record and in the "
                f"stack's state: {instead}"
            )
    for path, fixed in FIXED_VALUES.items():
        if (given := _at(gateway.values, path)) not in (None, fixed.strip("'")):
            yield (
                f"modelyard:gateway.values: {path} is {given!r}, but routes, budgets and network policies are made for "
                f"{fixed}: leave it out"
            )


def _values_are_mappings(gateway: "HigressGatewaySettings") -> Iterator[str]:
    for path in MAPPINGS:
        *above, last = path.split(".")
        parent = _at(gateway.values, ".".join(above)) if above else gateway.values
        if isinstance(parent, dict) and last in parent and not isinstance(parent[last], dict):
            yield (
                f"modelyard:gateway.values: {path} is {parent[last]!r}, but the chart has a mapping there: write the "
                "keys below it"
            )


def _at(values: dict[str, Any], path: str) -> Any:
    found: Any = values
    for key in path.split("."):
        found = found.get(key) if isinstance(found, dict) else None
    return found


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


_RULES: tuple[Rule, ...] = (
    _tls,
    _autoscaling,
    _service,
    _host_network,
    _console,
    _admin_password,
    _tracing,
    _values,
    _values_are_mappings,
)

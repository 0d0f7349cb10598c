"""What leaves the cluster: who may come in, and whether others can listen."""

from collections.abc import Iterator

from policies.pack.kubernetes import exposure
from policies.pack.kubernetes.exposure import Balancer
from policies.pack.kubernetes.workloads import Workload
from policies.pack.resource import RELEASE, Resource
from policies.pack.routing import higress
from policies.pack.routing.route import CLUSTER_DOMAIN, Directory, Target
from policies.pack.rule import Problem, Rule, View, each
from policies.pack.values import at, items, mapping, text


def _auth(view: View) -> Iterator[Problem]:
    yield from each(_services(view), lambda found: _service_auth(view, *found))
    yield from each(_ingresses(view), lambda ingress: _ingress_auth(view, ingress))


def _service_auth(view: View, balancer: Balancer, workload: Workload) -> Iterator[Problem]:
    listener = exposure.envoy_listener(view, workload, balancer.resource)
    if listener and not exposure.asks_who_calls(listener):
        yield Problem(
            balancer.resource,
            f"type {balancer.kind} leads to an Envoy that asks nobody who calls",
            "write consumers with keys (modelyard:gateway.auth.consumers), or type: ClusterIP",
        )
    if workload.is_model and not workload.is_playground and exposure.plain_engines(workload):
        yield Problem(
            balancer.resource,
            f"type {balancer.kind} leads straight to vLLM without an API key",
            "write type: ClusterIP and a gateway before it, or VLLM_API_KEY from a Secret",
        )


def _ingress_auth(view: View, ingress: Resource) -> Iterator[Problem]:
    if not exposure.ingress_asks_who_calls(view, ingress):
        yield Problem(
            ingress,
            "nobody is asked who calls",
            "write consumers (modelyard:gateway.auth.consumers), or the annotation or plugin by which your Ingress "
            "controller asks",
        )


def _tls(view: View) -> Iterator[Problem]:
    yield from each(_services(view), lambda found: _service_tls(view, *found))
    yield from each(_ingresses(view), _ingress_tls)
    yield from each(view.of_kind("Gateway"), _gateway_tls)


def _service_tls(view: View, balancer: Balancer, workload: Workload) -> Iterator[Problem]:
    if balancer.has_certificate:
        return
    listener = exposure.envoy_listener(view, workload, balancer.resource)
    plain_engine = workload.is_model and any(engine.setting("ssl_certfile") is None for _, engine in workload.engines)
    if (listener and not exposure.is_encrypted(listener)) or plain_engine:
        yield Problem(
            balancer.resource,
            f"type {balancer.kind} is reached without TLS",
            "let the load balancer have the certificate, or write type: ClusterIP and an Ingress with `tls` before it",
        )


def _ingress_tls(ingress: Resource) -> Iterator[Problem]:
    covered = {text(host) for entry in items(ingress.props, "spec", "tls") for host in items(entry, "hosts")}
    for rule in items(ingress.props, "spec", "rules"):
        host = text(rule, "host")
        wildcard = f"*.{host.partition('.')[2]}"
        if not host or (host not in covered and wildcard not in covered):
            shown = f"host {host!r}" if host else "any host"
            yield Problem(
                ingress,
                f"{shown} is answered without TLS",
                "write a host and `tls` with its certificate (modelyard:gateway.domain and gateway.tls)",
            )
    # Other controllers redirect where there is TLS, without being told.
    keys = ("higress.io/ssl-redirect", "nginx.ingress.kubernetes.io/ssl-redirect", "higress.io/force-ssl-redirect")
    if covered and exposure.of_higress(ingress) and not any(text(ingress.annotations, k) == "true" for k in keys):
        yield Problem(
            ingress,
            "it has TLS and is answered without it as well",
            'write the annotation higress.io/ssl-redirect: "true"',
        )


def _gateway_tls(gateway: Resource) -> Iterator[Problem]:
    protocols = [text(each, "protocol") for each in items(gateway.props, "spec", "listeners")]
    if gateway.group == "gateway.networking.k8s.io" and protocols and not {"HTTPS", "TLS"} & set(protocols):
        yield Problem(gateway, "none of its listeners has TLS", "write one of protocol HTTPS with its certificate")


def _allow_lists(view: View) -> Iterator[Problem]:
    return each(exposure.balancers(view), lambda balancer: _limited(view, balancer))


def _limited(view: View, balancer: Balancer) -> Iterator[Problem]:
    if balancer.kind != "LoadBalancer" or balancer.is_internal or balancer.is_limited:
        return
    if balancer.resource.type == RELEASE and any(map(_restricts, view.of_kind("WasmPlugin"))):
        return
    shown = f"only {', '.join(balancer.ranges)}, which is everybody" if balancer.ranges else "the whole internet"
    yield Problem(
        balancer.resource,
        f"its load balancer lets in {shown}",
        "write loadBalancerSourceRanges (modelyard:gateway.service.sourceRanges), or your cloud's annotation for an "
        "internal load balancer",
    )


def _restricts(plugin: Resource) -> bool:
    spec = mapping(plugin.props, "spec")
    is_on = at(spec, "defaultConfigDisable") is not True
    return is_on and "/ip-restriction" in text(spec, "url") and bool(items(spec, "defaultConfig", "allow"))


def _services(view: View) -> Iterator[tuple[Balancer, Workload]]:
    """The Services that lead out of the cluster, with what is behind them, where that is in the stack."""
    return each(exposure.balancers(view), lambda balancer: _with_workload(view, balancer))


def _with_workload(view: View, balancer: Balancer) -> Iterator[tuple[Balancer, Workload]]:
    if balancer.resource.kind == "Service" and (workload := exposure.behind(view, balancer.resource)):
        yield balancer, workload


def _ingresses(view: View) -> Iterator[Resource]:
    """The Ingresses that lead out of the cluster, but for those to something that serves no models."""
    return each(view.of_kind("Ingress"), lambda ingress: _of_models(view, ingress))


def _of_models(view: View, ingress: Resource) -> Iterator[Resource]:
    # The further places of a chain can't be asked for from outside.
    if higress.is_stage(ingress) or not exposure.leaves_cluster(view, ingress):
        return
    if not _leads_elsewhere(view, ingress):
        yield ingress


def _leads_elsewhere(view: View, ingress: Resource) -> bool:
    if exposure.of_higress(ingress):
        return False
    directory = Directory(view)
    hosts = [
        f"{text(path, 'backend', 'service', 'name')}.{ingress.namespace}{CLUSTER_DOMAIN}"
        for rule in items(ingress.props, "spec", "rules")
        for path in items(rule, "http", "paths")
    ]
    found = directory.workloads(Target(host, host) for host in hosts)
    return len(found) == len(hosts) and not any(one.is_model or is_gateway(one) for one in found)


def is_gateway(workload: Workload) -> bool:
    """Whether a workload stands in front of models."""
    part = text(workload.resource.labels, "app.kubernetes.io/component")
    images = [text(container.spec, "image") for pod in workload.pods for container in pod.containers]
    return part == "gateway" or any("envoy" in image.rpartition("/")[2] for image in images)


RULES = (
    Rule(
        id="route-auth",
        what="Every route that leaves the cluster asks who calls.",
        why="so whoever finds the address has GPUs for nothing",
        instead="write who may call",
        severity="critical",
        scope="stack",
        check=_auth,
        elsewhere="advisory",
    ),
    Rule(
        id="route-tls",
        what="Every route that leaves the cluster has TLS.",
        why="so keys, prompts and answers can be read on the way",
        instead="write a certificate",
        severity="critical",
        scope="stack",
        check=_tls,
        elsewhere="advisory",
    ),
    Rule(
        id="load-balancer-sources",
        what="No load balancer is open to the whole internet.",
        why="so one stolen key, or one fault of the gateway, is enough to use it from anywhere",
        instead="write loadBalancerSourceRanges",
        severity="high",
        scope="stack",
        check=_allow_lists,
        elsewhere="advisory",
    ),
)

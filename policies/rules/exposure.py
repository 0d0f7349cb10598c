"""What leaves the cluster: who may come in, and whether others can listen."""

from collections.abc import Iterator

from policies.pack.kubernetes import exposure, gateway_api
from policies.pack.kubernetes.authentication import Callers
from policies.pack.kubernetes.exposure import Balancer
from policies.pack.kubernetes.workloads import Workload
from policies.pack.resource import RELEASE, Resource
from policies.pack.routing import higress
from policies.pack.routing.route import Directory, Target
from policies.pack.rule import Problem, Rule, View, each
from policies.pack.values import at, items, mapping, text

NGINX = "nginx.ingress.kubernetes.io"


def _auth(view: View) -> Iterator[Problem]:
    yield from each(_services(view), lambda found: _service_auth(view, *found))
    callers = Callers(view)
    yield from each(_ingresses(view), lambda ingress: _ingress_auth(callers, ingress))
    yield from each(_http_routes(view), lambda route: _http_route_auth(callers, route))


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


def _ingress_auth(callers: Callers, ingress: Resource) -> Iterator[Problem]:
    if not callers.asked_by_ingress(ingress):
        yield Problem(
            ingress,
            "nobody is asked who calls",
            "write consumers (modelyard:gateway.auth.consumers), or the annotation or plugin by which your Ingress "
            "controller asks",
        )


def _http_route_auth(callers: Callers, route: Resource) -> Iterator[Problem]:
    if not callers.asked_by_http_route(route):
        yield Problem(
            route,
            "nobody is asked who calls",
            "write a SecurityPolicy of Envoy Gateway about it or its Gateway, an ExternalAuth filter, or what your "
            "Gateway's controller has for it",
        )


def _tls(view: View) -> Iterator[Problem]:
    yield from each(_services(view), lambda found: _service_tls(view, *found))
    yield from each(_ingresses(view), _ingress_tls)
    yield from each(view.of_kind("Gateway"), _gateway_tls)
    yield from each(_http_routes(view), lambda route: _http_route_tls(view, route))


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
    entries = items(ingress.props, "spec", "tls")
    covered = {text(host) for entry in entries for host in items(entry, "hosts")}
    # An entry without hosts is for all of them.
    has_all = any(not items(entry, "hosts") for entry in entries)
    for host in exposure.hosts(ingress):
        wildcard = f"*.{host.partition('.')[2]}"
        if not has_all and (not host or (host not in covered and wildcard not in covered)):
            shown = f"host {host!r}" if host else "any host"
            yield Problem(
                ingress,
                f"{shown} is answered without TLS",
                "write a host and `tls` with its certificate (modelyard:gateway.domain and gateway.tls)",
            )
    if entries and not _redirects(ingress):
        controller = "higress.io" if exposure.of_higress(ingress) else NGINX
        yield Problem(
            ingress,
            "it has TLS and is answered without it as well",
            f'write the annotation {controller}/ssl-redirect: "true"',
        )


def _redirects(ingress: Resource) -> bool:
    said = {
        text(ingress.annotations, f"{controller}/{key}")
        for controller in ("higress.io", NGINX)
        for key in ("ssl-redirect", "force-ssl-redirect")
    }
    # Other controllers than Higress redirect where there is TLS, unless they are told not to.
    return "true" in said or (not exposure.of_higress(ingress) and "false" not in said)


def _gateway_tls(gateway: Resource) -> Iterator[Problem]:
    has_listeners = items(gateway.props, "spec", "listeners")
    if gateway.group == gateway_api.GROUP and has_listeners and not gateway_api.is_encrypted(gateway):
        yield Problem(gateway, "none of its listeners has TLS", "write one of protocol HTTPS with its certificate")


def _http_route_tls(view: View, route: Resource) -> Iterator[Problem]:
    for parent in gateway_api.parents(view, route):
        # Of one without any TLS it is said already.
        if parent.gateway and gateway_api.is_encrypted(parent.gateway):
            for listener in gateway_api.plain_listeners(parent, route):
                yield Problem(
                    route,
                    f"the listener {listener!r} of Gateway {parent.namespace}/{parent.name} answers without TLS",
                    "write the listener with TLS as sectionName, and another route that redirects to it",
                )


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
    if exposure.of_higress(ingress) or not _leads_elsewhere(view, exposure.services(ingress)):
        yield ingress


def _http_routes(view: View) -> Iterator[Resource]:
    """The routes of the Gateway API, but for those inside a mesh, and to something that serves no models."""
    return each(view.of_kind("HTTPRoute"), lambda route: _to_models(view, route))


def _to_models(view: View, route: Resource) -> Iterator[Resource]:
    if route.group != gateway_api.GROUP:
        return
    if gateway_api.parents(view, route) and not _leads_elsewhere(view, gateway_api.services(route)):
        yield route


def _leads_elsewhere(view: View, hosts: list[str]) -> bool:
    """Whether nothing at these hosts serves models. What is not in the stack may."""
    found = Directory(view).workloads(Target(host, host) for host in hosts)
    return len(found) == len(hosts) and not any(one.is_model or is_gateway(one) for one in found)


def is_gateway(workload: Workload) -> bool:
    """Whether a workload stands in front of models."""
    part = text(workload.resource.labels, "app.kubernetes.io/component")
    images = [text(container.spec, "image") for pod in workload.pods for container in pod.containers]
    # A model may have an Envoy beside it, as meshes have it.
    return part == "gateway" or (not workload.is_model and any("envoy" in each.rpartition("/")[2] for each in images))


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

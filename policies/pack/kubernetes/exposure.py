"""Ways into the cluster: who stands at them, and behind which encryption."""

from collections.abc import Iterator
from dataclasses import dataclass

from policies.pack.kubernetes.addresses import holds_the_internet, networks
from policies.pack.kubernetes.engines import engines_of
from policies.pack.kubernetes.pods import Pod
from policies.pack.kubernetes.selectors import chooses
from policies.pack.kubernetes.workloads import Workload, workloads
from policies.pack.resource import RELEASE, Resource
from policies.pack.routing import envoy, higress
from policies.pack.routing.route import CLUSTER_DOMAIN
from policies.pack.rule import View, each
from policies.pack.values import Properties, at, items, mapping, number, text

INTERNAL = {
    "service.beta.kubernetes.io/aws-load-balancer-scheme": "internal",
    "service.beta.kubernetes.io/aws-load-balancer-internal": "true",
    "service.beta.kubernetes.io/azure-load-balancer-internal": "true",
    "service.beta.kubernetes.io/alibaba-cloud-loadbalancer-address-type": "intranet",
    "networking.gke.io/load-balancer-type": "Internal",
    "cloud.google.com/load-balancer-type": "Internal",
    "service.beta.kubernetes.io/oci-load-balancer-internal": "true",
}
"""Annotations by which clouds keep a load balancer off the internet."""
CERTIFICATES = (
    "service.beta.kubernetes.io/aws-load-balancer-ssl-cert",
    "service.beta.kubernetes.io/alibaba-cloud-loadbalancer-cert-id",
    "service.beta.kubernetes.io/oci-load-balancer-tls-secret",
    "service.beta.kubernetes.io/do-loadbalancer-certificate-id",
)
"""Annotations by which a load balancer has a certificate of its own."""
ALLOW_LISTS = (
    "service.beta.kubernetes.io/load-balancer-source-ranges",
    "service.beta.kubernetes.io/azure-allowed-ip-ranges",
    "service.beta.kubernetes.io/azure-allowed-service-tags",
    "service.beta.kubernetes.io/alibaba-cloud-loadbalancer-acl-id",
    "service.beta.kubernetes.io/aws-load-balancer-security-groups",
)
"""Annotations by which a load balancer is told who may connect."""

HIGRESS_CHART = "higress"
HIGRESS_GATEWAY = "higress-gateway"

AUTH_FILTERS = ("api_key_auth", "jwt_authn", "ext_authz", "basic_auth", "oauth2")
"""Filters of Envoy that ask who calls."""


@dataclass(frozen=True)
class Balancer:
    """A load balancer, or a port of every node."""

    resource: Resource
    """The object that asks for it."""
    kind: str
    """``LoadBalancer`` or ``NodePort``."""
    spec: Properties
    annotations: Properties

    @property
    def is_internal(self) -> bool:
        """Whether it has no address on the internet."""
        return any(text(self.annotations, key).lower() == value.lower() for key, value in INTERNAL.items())

    @property
    def ranges(self) -> list[str]:
        """The addresses that it lets in, or none where it lets in all."""
        listed = [text(each) for each in items(self.spec, "loadBalancerSourceRanges")]
        by_annotation = [text(self.annotations, key) for key in ALLOW_LISTS if text(self.annotations, key)]
        return [*listed, *by_annotation]

    @property
    def is_limited(self) -> bool:
        """Whether only some addresses may connect."""
        ranges = [one for each in self.ranges for one in each.split(",")]
        # What is no range is the name of a list that the cloud has.
        return bool(ranges) and not holds_the_internet(each for one in ranges for each in networks(one))

    @property
    def has_certificate(self) -> bool:
        """Whether it speaks TLS itself."""
        return any(key in self.annotations for key in CERTIFICATES)


def balancers(view: View) -> Iterator[Balancer]:
    """All ways in by Services, those of Higress's chart among them."""
    yield from each(view.of_kind("Service"), _of_service)
    yield from each(higress_releases(view), _of_release)


def _of_service(service: Resource) -> Iterator[Balancer]:
    kind = text(service.props, "spec", "type")
    if not service.group and kind in ("LoadBalancer", "NodePort"):
        yield Balancer(service, kind, mapping(service.props, "spec"), service.annotations)


def _of_release(release: Resource) -> Iterator[Balancer]:
    spec = mapping(release.props, "values", "higress-core", "gateway", "service")
    kind = text(spec, "type") or "LoadBalancer"
    if kind != "ClusterIP":
        yield Balancer(release, kind, spec, mapping(spec, "annotations"))


def higress_releases(view: View) -> Iterator[Resource]:
    """Releases of Higress's chart."""
    return each((release for release in view.resources if release.type == RELEASE), _of_higress)


def _of_higress(release: Resource) -> Iterator[Resource]:
    chart = text(release.props, "chart").rstrip("/").rpartition("/")[2]
    if chart == HIGRESS_CHART or chart.startswith(f"{HIGRESS_CHART}-2"):
        yield release


def behind(view: View, service: Resource) -> Workload | None:
    """What a Service leads to, or None where the stack has no such thing."""
    selector = mapping(service.props, "spec", "selector")
    for workload in workloads(view):
        if workload.resource.namespace == service.namespace and any(chooses(selector, one) for one in workload.labels):
            return workload
    return None


def envoy_listener(view: View, workload: Workload, service: Resource) -> Properties | None:
    """The listener of a stock Envoy that a Service leads to, or None where its configuration is not in the stack."""
    for pod in workload.pods:
        ports = _container_ports(pod, service)
        for mounted in _mounted(view, pod):
            for document in envoy.documents(mounted):
                for listener in envoy.listeners(document):
                    if number(listener, "address", "socket_address", "port_value") in ports:
                        return listener
    return None


def asks_who_calls(listener: Properties) -> bool:
    """Whether a listener of Envoy has a filter that asks who calls."""
    return any(name.rpartition(".")[2] in AUTH_FILTERS for name in _filter_names(listener))


def is_encrypted(listener: Properties) -> bool:
    """Whether a listener of Envoy speaks TLS on all of its chains."""
    chains = items(listener, "filter_chains")
    return bool(chains) and all("tls" in text(chain, "transport_socket", "name") for chain in chains)


def plain_engines(workload: Workload) -> bool:
    """Whether a workload's vLLM answers everybody."""
    for pod in workload.pods:
        for container in pod.containers:
            names = [text(each, "name") for each in items(container.spec, "env")]
            servers = [engine for engine in engines_of(container) if engine.serves]
            if "VLLM_API_KEY" not in names and any(engine.setting("api_key") is None for engine in servers):
                return True
    return False


def ingress_class(ingress: Resource) -> str:
    """The class of an Ingress."""
    return text(ingress.props, "spec", "ingressClassName") or text(ingress.annotations, "kubernetes.io/ingress.class")


def of_higress(ingress: Resource) -> bool:
    """Whether Higress reads an Ingress."""
    return ingress_class(ingress) == "higress" or higress.DESTINATION in ingress.annotations


def leaves_cluster(view: View, ingress: Resource) -> bool:
    """Whether an Ingress is reached from outside. Only of a Higress in the stack is it known that it is not."""
    releases = list(higress_releases(view))
    if not of_higress(ingress) or not releases:
        return True
    gateways = [mapping(each.props, "values", "higress-core", "gateway") for each in releases]
    return any(text(each, "service", "type") != "ClusterIP" or at(each, "hostNetwork") is True for each in gateways)


def hosts(ingress: Resource) -> list[str]:
    """The hosts that an Ingress answers for. Nothing among them: all that nobody else answers for."""
    found = [text(rule, "host") for rule in items(ingress.props, "spec", "rules")]
    return [*found, *([""] if mapping(ingress.props, "spec", "defaultBackend") or not found else [])]


def services(ingress: Resource) -> list[str]:
    """The hosts that an Ingress leads to. Nothing among them: what is no Service."""
    if named := higress.destinations(ingress):
        return named
    rules = items(ingress.props, "spec", "rules")
    backends = [mapping(path, "backend") for rule in rules for path in items(rule, "http", "paths")]
    default = mapping(ingress.props, "spec", "defaultBackend")
    names = [text(each, "service", "name") for each in (*backends, *([default] if default else []))]
    return [f"{name}.{ingress.namespace}{CLUSTER_DOMAIN}" if name else "" for name in names]


def _container_ports(pod: Pod, service: Resource) -> set[float]:
    wanted = {text(port, "targetPort") or text(port, "port") for port in items(service.props, "spec", "ports")}
    found = {float(each) for each in wanted if each.isdigit()}
    for container in pod.containers:
        for port in items(container.spec, "ports"):
            if text(port, "name") in wanted:
                found.add(number(port, "containerPort") or 0)
    return found


def _mounted(view: View, pod: Pod) -> Iterator[Resource]:
    names = set()
    for volume in items(pod.spec, "volumes"):
        names |= {("Secret", text(volume, "secret", "secretName")), ("ConfigMap", text(volume, "configMap", "name"))}
        for source in items(volume, "projected", "sources"):
            names |= {("Secret", text(source, "secret", "name")), ("ConfigMap", text(source, "configMap", "name"))}
    for found in view.of_kind("Secret", "ConfigMap"):
        if found.namespace == pod.resource.namespace and (found.kind, found.object_name) in names:
            yield found


def _filter_names(value: object) -> Iterator[str]:
    for filter_chain in items(value, "filter_chains"):
        for network in items(filter_chain, "filters"):
            for http in items(network, "typed_config", "http_filters"):
                yield text(http, "name")

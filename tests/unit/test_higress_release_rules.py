"""The sentence that every mistake about Higress's release gets, and what is no mistake."""

from typing import Any

import pytest

from stacks.settings import SettingsError, load
from tests.unit.test_settings import stack

TRACING = {"service": "otel.obs.svc.cluster.local", "port": 4317}


def higress(cluster: dict[str, Any] | None = None, **gateway: Any) -> dict[str, Any]:
    return {**stack(gateway={"kind": "higress", **gateway}), "cluster": cluster or {}}


def owned(path: str, given: str, setting: str) -> str:
    return (
        f"modelyard:gateway.values: {path} is {given}, but modelyard:{setting} says it, and what is made beside the "
        "chart goes by that: write it there, and leave it out here"
    )


MISTAKES = {
    "the models' namespace": (
        higress({"namespace": "llm"}, namespace="llm"),
        "modelyard:gateway.namespace: 'llm' is the models' namespace, too, which has to exist, and it would be deleted "
        "with the gateway: write createNamespace: false, or another namespace",
    ),
    "a certificate for no domain": (
        higress(tls={"secretName": "llm-tls"}),
        "modelyard:gateway.tls.secretName: 'llm-tls' without a domain, and a certificate is chosen by the domain that "
        "is asked for: write modelyard:gateway.domain",
    ),
    "no room to scale": (
        higress(autoscaling={"minReplicas": 3, "maxReplicas": 3}),
        "modelyard:gateway.autoscaling.minReplicas: 3 leaves no room below maxReplicas 3: write a smaller one",
    ),
    "two owners of the number of pods": (
        higress(replicas=4, autoscaling={"maxReplicas": 6}),
        "modelyard:gateway.replicas: 4 together with autoscaling, and each would undo the other: leave replicas out, "
        "and write autoscaling.minReplicas",
    ),
    "a load balancer's class without one": (
        higress(service={"type": "NodePort", "loadBalancerClass": "nlb"}),
        "modelyard:gateway.service.loadBalancerClass: given for type 'NodePort', and only a load balancer has it: "
        "write type: LoadBalancer, or leave it out",
    ),
    "a load balancer's sources without one": (
        higress(service={"type": "ClusterIP", "sourceRanges": ["10.0.0.0/8"]}),
        "modelyard:gateway.service.sourceRanges: given for type 'ClusterIP', and only a load balancer has it: write "
        "type: LoadBalancer, or leave it out",
    ),
    "outside addresses of nothing outside": (
        higress(service={"type": "ClusterIP", "externalTrafficPolicy": "Local"}),
        "modelyard:gateway.service.externalTrafficPolicy: 'Local' for type 'ClusterIP', which nothing outside the "
        "cluster reaches: write type: LoadBalancer or NodePort, or leave it out",
    ),
    "policies of pods without addresses": (
        higress(hostNetwork=True, service={"type": "ClusterIP"}),
        "modelyard:gateway.networkPolicy: true with hostNetwork, where the gateway's pods have the addresses of their "
        "nodes and no policy can tell them from others, so it would keep the gateway from the models: write "
        "networkPolicy: false, and your own policy of the nodes' addresses",
    ),
    "a load balancer by default": (
        higress(hostNetwork=True, networkPolicy=False),
        "modelyard:gateway.service.type: nothing is given with hostNetwork, where clients come to ports 80 and 443 of "
        "the nodes, and the release would wait for a load balancer that may never come: write ClusterIP, or "
        "LoadBalancer where there is to be one as well",
    ),
    "a console's certificate for no domain": (
        higress(console={"tlsSecretName": "console-tls"}),
        "modelyard:gateway.console.tlsSecretName: given without a domain, under which alone the gateway serves the "
        "console: write console.domain, or leave it out",
    ),
    "a console's annotations of no Ingress": (
        higress(console={"annotations": {"a": "b"}}),
        "modelyard:gateway.console.annotations: given without a domain, under which alone the gateway serves the "
        "console: write console.domain, or leave it out",
    ),
    "one domain for two": (
        higress(domain="llm.example.com", console={"domain": "llm.example.com"}),
        "modelyard:gateway.console.domain: 'llm.example.com' is the gateway's own, and every path of it belongs to the "
        "models: write another one",
    ),
    "a user that can't log in": (
        higress(console={"adminUser": "a:b"}),
        "modelyard:gateway.console.adminUser: 'a:b' has a colon or a blank at its ends, and with it nobody can log in "
        "by Basic authentication: write a name without",
    ),
    "sampling of nothing": (
        higress(tracing={**TRACING, "samplingPercent": 0}),
        "modelyard:gateway.tracing.samplingPercent: 0.0, but Higress takes 0 for 100 and knows one decimal: write 0.1 "
        "or more, or leave tracing out",
    ),
    "a collector that Envoy doesn't know": (
        higress(tracing={**TRACING, "service": "otel.example.com"}),
        "modelyard:gateway.tracing.service: 'otel.example.com' is none that the gateway knows: write the whole name of "
        "a Service, such as otel-collector.observability.svc.cluster.local",
    ),
    "a password among the values": (
        higress(values={"higress-console": {"admin": {"password": "correct horse battery"}}}),
        "modelyard:gateway.values: higress-console.admin.password is given, a secret that would stand in Helm's record "
        "and in the stack's state: write modelyard:gateway.console.adminPassword",
    ),
    "a gateway of another name": (
        higress(values={"higress-core": {"gateway": {"name": "edge"}}}),
        "modelyard:gateway.values: higress-core.gateway.name is 'edge', but routes, filters, budgets and network "
        "policies are made for 'higress-gateway': leave it out",
    ),
    "no EnvoyFilters": (
        higress(values={"global": {"enableIstioAPI": False}}),
        "modelyard:gateway.values: global.enableIstioAPI is False, but routes, filters, budgets and network policies "
        "are made for True: leave it out",
    ),
    "no value for EnvoyFilters": (
        higress(values={"global": {"enableIstioAPI": None}}),
        "modelyard:gateway.values: global.enableIstioAPI is None, but routes, filters, budgets and network policies "
        "are made for True: leave it out",
    ),
    "a namespace without routes": (
        higress(values={"global": {"watchNamespace": "llm"}}),
        "modelyard:gateway.values: global.watchNamespace is 'llm', but routes and plugins are in 'higress-system', "
        "where the controller would not see them: leave it out, or write 'higress-system'",
    ),
    "an IngressClass in two places": (
        higress(values={"global": {"ingressClass": "ai"}}),
        owned("global.ingressClass", "'ai'", "gateway.ingressClass"),
    ),
    "a Redis that no setting knows of": (
        higress(values={"global": {"enableRedis": True}}),
        owned("global.enableRedis", "True", "gateway.redis"),
    ),
    "no Redis where a setting wants one": (
        higress(redis={}, values={"global": {"enableRedis": False}}),
        owned("global.enableRedis", "False", "gateway.redis"),
    ),
    "a mapping in two places": (
        higress(values={"higress-core": {"gateway": {"autoscaling": {"enabled": True}}}}),
        owned("higress-core.gateway.autoscaling", "a mapping", "gateway.autoscaling"),
    ),
    "an idle timeout below the routes'": (
        higress(values={"higress-core": {"downstream": {"idleTimeout": 60}}}),
        owned("higress-core.downstream.idleTimeout", "60", "routes[].timeouts"),
    ),
    "a value that the chart doesn't have": (
        higress(values={"gateway": {"replicas": 3}}),
        "modelyard:gateway.values.gateway: the chart knows global, higress-core and higress-console and passes over "
        "everything else without a word: write it below one of them",
    ),
    "a value in place of a chart's": (
        higress(values={"higress-core": 1}),
        "modelyard:gateway.values: higress-core is 1, but the chart has a mapping there: write the keys below it",
    ),
    "a value in place of a mapping": (
        higress(values={"higress-core": {"tracing": None}}),
        "modelyard:gateway.values: higress-core.tracing is None, but the chart has a mapping there: write the keys "
        "below it",
    ),
}


@pytest.mark.parametrize(("raw", "sentence"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_gets_its_sentence(raw: dict[str, Any], sentence: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(raw)
    assert caught.value.problems == [sentence]


WEAK = {
    "short": ("rT7#kq-9x2!", "has 11 characters, and the console lets everybody try for ever"),
    "monotonous": ("abababababababab", "has 2 different characters, and the console lets everybody try for ever"),
    "the user's name": ("my-Admin-password-1", "has the administrator's name in it, which is tried first"),
    "a colon": (
        "correct:horse:battery",
        "has a colon, a control character or a blank at its ends, and with it nobody can log in",
    ),
    "a blank at the end": (
        "correct horse battery ",
        "has a colon, a control character or a blank at its ends, and with it nobody can log in",
    ),
}


@pytest.mark.parametrize(("password", "weakness"), WEAK.values(), ids=WEAK)
def test_a_weak_password_is_refused_and_not_shown(password: str, weakness: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(higress(console={"adminPassword": password}))
    assert caught.value.problems == [
        f"modelyard:gateway.console.adminPassword: what is given (not shown) {weakness}: write one of 12 characters or "
        "more, at least 5 of them different, or leave it out for a random one"
    ]
    assert password not in str(caught.value)


FINE = {
    "a strong password": higress(console={"adminPassword": "correct horse battery"}),
    "the models' namespace, not made": higress({"namespace": "llm"}, namespace="llm", createNamespace=False),
    "the nodes' network": higress(hostNetwork=True, networkPolicy=False, service={"type": "LoadBalancer"}),
    "the fixed name, said again": higress(values={"higress-core": {"gateway": {"name": "higress-gateway"}}}),
    "the gateway's namespace": higress(values={"global": {"watchNamespace": "higress-system", "enableIstioAPI": True}}),
    "a collector in the McpBridge": higress(tracing={**TRACING, "service": "otel.dns", "samplingPercent": 0.1}),
}


@pytest.mark.parametrize("raw", FINE.values(), ids=FINE)
def test_no_mistake(raw: dict[str, Any]) -> None:
    load(raw)

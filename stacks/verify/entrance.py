"""Where a gateway is let in: its Service, and the ports of its pods."""

from dataclasses import dataclass

from components.manifests import envoy
from components.manifests.higress import names as higress
from stacks.settings import StackSettings

_HTTP_PORT, _HTTPS_PORT = 80, 443


@dataclass(frozen=True)
class Entrance:
    """A port of the gateway, as ``kubectl port-forward`` takes it."""

    target: str
    """What has the port, such as ``service/gateway``."""
    port: int
    """The port."""
    namespace: str
    """The target's namespace."""
    host: str | None = None
    """The host that requests must name. None: any will do."""
    tls: bool = False
    """Whether it speaks TLS."""


def front(stack: StackSettings) -> Entrance:
    """Where clients' requests come in."""
    if stack.gateway.kind == "envoy":
        return Entrance(f"service/{stack.envoy.name}", envoy.POD.port, stack.cluster.namespace)
    # Plain HTTP would be answered by a redirect where the domain has a certificate.
    tls = bool(stack.higress.domain and stack.higress.tls)
    port = _HTTPS_PORT if tls else _HTTP_PORT
    return Entrance(f"service/{higress.GATEWAY}", port, stack.higress.namespace, stack.higress.domain, tls)


def rehearsals(stack: StackSettings) -> Entrance:
    """Where fallbacks are rehearsed. What comes in by a port forward comes from the pod's own loopback."""
    if stack.gateway.kind == "envoy":
        return Entrance(f"deployment/{stack.envoy.name}", envoy.POD.rehearsal_port, stack.cluster.namespace)
    return front(stack)

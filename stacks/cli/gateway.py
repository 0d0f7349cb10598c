"""The way from this machine to a stack's gateway."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from components.manifests import envoy
from components.manifests.higress import names as higress
from stacks.cli.shown import client_url
from stacks.cli.stack import Stack

HTTP_PORT = 80
"""Port of Higress's Service for requests without TLS."""


@dataclass(frozen=True)
class Gateway:
    """A gateway that can be asked."""

    base_url: str
    """Its URL, ending in ``/v1``."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """What each request has to carry to be taken for one that came by the clients' URL."""


@contextmanager
def reached(stack: Stack, url: str | None, *, port_forward: bool) -> Iterator[Gateway]:
    """The gateway, as long as the context lasts.

    Args:
        stack: the stack.
        url: where it is, ending in ``/v1``. None: by the stack file, or through the cluster where that says nothing.
        port_forward: whether to go through the cluster even where the stack file says a URL.

    Raises:
        KubectlError: when there is no way through the cluster.
    """
    given = url or client_url(stack.settings)
    if given and not port_forward and not _inside(given):
        yield Gateway(given.rstrip("/"))
        return
    target, port, namespace = _service(stack)
    with stack.kubectl.port_forward(target, port, namespace=namespace) as local:
        yield Gateway(f"{local}/v1", _host(stack))


def _inside(url: str) -> bool:
    return (urlsplit(url).hostname or "").endswith(".svc.cluster.local")


def _service(stack: Stack) -> tuple[str, int, str]:
    if stack.settings.gateway.kind == "higress":
        return f"service/{higress.GATEWAY}", HTTP_PORT, stack.settings.higress.namespace
    return f"service/{stack.settings.envoy.name}", envoy.POD.port, stack.settings.cluster.namespace


def _host(stack: Stack) -> Mapping[str, str]:
    """The header by which Higress knows its domain; without one it answers whatever host is asked."""
    if stack.settings.gateway.kind == "higress" and (domain := stack.settings.higress.domain):
        return {"host": domain}
    return {}

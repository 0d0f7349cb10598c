"""Where Higress's parts are reached."""

from collections.abc import Sequence

from components.manifests.higress import names
from stacks.settings import StackSettings

CONSOLE = "higress-console"
"""Service of the console, and the Secret of its administrator."""
CONSOLE_PORT = 8080
"""Port of the console, in its Service and in its pods."""
GRAFANA = "higress-console-grafana"
"""Service of the chart's Grafana."""
REDIS = "redis-stack-server"
"""Service of the chart's Redis, and the ``app.kubernetes.io/name`` of its pods."""
REDIS_PORT = 6379
"""Port of the chart's Redis."""

_GRAFANA_PORT = 3000


def cluster_url(stack: StackSettings) -> str:
    """The URL of the gateway for pods of the cluster, ending in ``/v1``."""
    return f"http://{_host(stack, names.GATEWAY)}/v1"


def given_url(stack: StackSettings) -> str | None:
    """The URL that clients use, ending in ``/v1``, as far as the stack says it: its own, or its domain's."""
    gateway = stack.higress
    if gateway.base_url:
        return gateway.base_url
    if gateway.domain:
        return f"{'https' if gateway.tls else 'http'}://{gateway.domain}/v1"
    return None


def balanced_url(stack: StackSettings, balancers: Sequence[tuple[str | None, str | None]]) -> str:
    """The URL at the load balancer, ending in ``/v1``, or the one inside the cluster where it has no address.

    Args:
        stack: the stack.
        balancers: host name and IP address of each of its addresses.
    """
    found = next((hostname or ip for hostname, ip in balancers if hostname or ip), None)
    if found is None:
        return cluster_url(stack)
    return f"http://[{found}]/v1" if ":" in found else f"http://{found}/v1"


def console_url(stack: StackSettings) -> str:
    """The URL of the console: its domain's, or the one inside the cluster."""
    console = stack.higress.console
    if console.domain:
        return f"{'https' if console.tls_secret_name else 'http'}://{console.domain}"
    return f"http://{_host(stack, CONSOLE)}:{CONSOLE_PORT}"


def dashboards_url(stack: StackSettings) -> str | None:
    """The URL of the chart's Grafana inside the cluster, or None where it isn't installed."""
    if not stack.higress.dashboards.enabled:
        return None
    return f"http://{_host(stack, GRAFANA)}:{_GRAFANA_PORT}/grafana"


def redis_host(stack: StackSettings) -> str:
    """The host name of the chart's Redis."""
    return _host(stack, REDIS)


def _host(stack: StackSettings, service: str) -> str:
    return f"{service}.{stack.higress.namespace}.svc.cluster.local"

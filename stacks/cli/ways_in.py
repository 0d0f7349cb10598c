"""The web pages that a stack brings: where they are, and who may look."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from components.manifests.higress import addresses
from stacks.cli.errors import CliError
from stacks.cli.exits import ExitCode
from stacks.cli.stack import Stack

Page = Literal["console", "dashboards"]
"""``console``: Higress's. ``dashboards``: Grafana."""

_ELSEWHERE: dict[Page, str] = {
    "console": "Write `kind: higress` below modelyard:gateway for a gateway that has one.",
    "dashboards": (
        "With modelyard:observability they are in the Grafana that you have; `make dashboards` shows those of the "
        "embedded cluster."
    ),
}
"""What else can be done where the gateway brings no page."""

GRAFANA_PORT = 3000
"""Port of Grafana's Service, where the chart brings it."""


@dataclass(frozen=True)
class Way:
    """A page that can be opened."""

    page: Page
    """Which one it is."""
    url: str
    """Where it is."""
    forwarded: bool
    """Whether it is there only as long as this command runs."""
    user: str | None
    """Who may log in. None: no login of the stack's."""


@contextmanager
def way_to(stack: Stack, page: Page) -> Iterator[Way]:
    """The way to a page, as long as the context lasts.

    Raises:
        CliError: when the stack has no such page.
        KubectlError: when there is no way through the cluster.
    """
    if stack.settings.gateway.kind != "higress":
        raise CliError(
            f"The stack {stack.name!r} has no {page} of its own: its gateway is of kind "
            f"{stack.settings.gateway.kind!r}.",
            _ELSEWHERE[page],
            ExitCode.NOT_FOUND,
        )
    if page == "console":
        with _console(stack) as way:
            yield way
    else:
        with _dashboards(stack) as way:
            yield way


@contextmanager
def _console(stack: Stack) -> Iterator[Way]:
    console = stack.settings.higress.console
    if console.domain:
        yield Way("console", addresses.console_url(stack.settings), forwarded=False, user=console.admin_user)
        return
    with _forwarded(stack, addresses.CONSOLE, addresses.CONSOLE_PORT) as local:
        yield Way("console", local, forwarded=True, user=console.admin_user)


@contextmanager
def _dashboards(stack: Stack) -> Iterator[Way]:
    if not stack.settings.higress.dashboards.enabled:
        raise CliError(
            f"The stack {stack.name!r} has no dashboards: they are not enabled.",
            "Write `dashboards: {enabled: true}` below modelyard:gateway, or open the Grafana that you have.",
            ExitCode.NOT_FOUND,
        )
    with _forwarded(stack, addresses.GRAFANA, GRAFANA_PORT) as local:
        yield Way("dashboards", f"{local}/grafana", forwarded=True, user=None)


@contextmanager
def _forwarded(stack: Stack, service: str, port: int) -> Iterator[str]:
    with stack.kubectl.port_forward(f"service/{service}", port, namespace=stack.settings.higress.namespace) as local:
        yield local

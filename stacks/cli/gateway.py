"""The way from this machine to a stack's gateway."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

from stacks.cli.errors import CliError
from stacks.cli.exits import ExitCode
from stacks.cli.shown import client_url
from stacks.cli.stack import Stack
from stacks.verify.entrance import front


@dataclass(frozen=True)
class Gateway:
    """A gateway that can be asked."""

    base_url: str
    """Its URL, ending in ``/v1``."""
    host: str | None = None
    """The host that requests have to name, where it is not that of the URL."""


@contextmanager
def reached(stack: Stack, url: str | None, *, port_forward: bool) -> Iterator[Gateway]:
    """The gateway, as long as the context lasts.

    Args:
        stack: the stack.
        url: where it is, ending in ``/v1``. None: by the stack file, or through the cluster where that says nothing.
        port_forward: whether to go through the cluster even where the stack file says a URL.

    Raises:
        CliError: when that is no URL.
        KubectlError: when there is no way through the cluster.
    """
    if url is not None:
        _check(url)
    given = url or client_url(stack.settings)
    if given and not port_forward and not _inside(given):
        yield Gateway(given.rstrip("/"))
        return
    entrance = front(stack.settings)
    with stack.kubectl.port_forward(entrance.target, entrance.port, namespace=entrance.namespace) as local:
        base_url = f"{local}/v1"
        yield Gateway(base_url.replace("http:", "https:", 1) if entrance.tls else base_url, entrance.host)


def _check(url: str) -> None:
    try:
        parts = urlsplit(url)
        fine = parts.scheme in ("http", "https") and parts.hostname and (parts.port or 1)
    except ValueError:
        fine = False
    if not (fine and url.rstrip("/").endswith("/v1")):
        raise CliError(
            f"{url!r} is no URL of an API like OpenAI's.",
            "Write one that begins with http:// or https:// and ends in /v1, such as https://llm.example.com/v1.",
            ExitCode.USAGE,
        )


def _inside(url: str) -> bool:
    return (urlsplit(url).hostname or "").endswith(".svc.cluster.local")

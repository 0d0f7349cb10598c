"""The way from this machine to a stack's gateway."""

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import httpx

from stacks.cli import output
from stacks.cli.errors import CliError, told
from stacks.cli.exits import ExitCode
from stacks.cli.shown import client_url
from stacks.cli.stack import Stack
from stacks.verify import way
from stacks.verify.entrance import front


@contextmanager
def reached(
    stack: Stack, url: str | None, header: tuple[str, str] | None, *, port_forward: bool
) -> Iterator[httpx.Client]:
    """What asks the gateway, as long as the context lasts, with paths that begin with ``/v1``.

    Args:
        stack: the stack.
        url: where it is, ending in ``/v1``. None: where the stack file says, by the way that ``verify.through`` says,
            or through the cluster where the file says no URL.
        header: the header by which the caller is known, where one is.
        port_forward: whether to go through the cluster in any case.

    Raises:
        CliError: when that is no URL, or no way leads there.
        KubectlError: when there is no way through the cluster, and no other was to be tried.
    """
    if url is not None:
        _check(url)
    base_url, entrance = url or client_url(stack.settings), front(stack.settings)
    if base_url is None or port_forward:
        with way.forwarded(entrance, stack.kubectl) as client:
            yield client
        return
    wanted = "base_url" if url else stack.settings.verify.through
    with way.found(base_url.rstrip("/"), entrance, stack.kubectl, wanted, header) as found:
        if found.client is None:
            code = told(found.refusal).code if found.refusal else ExitCode.UNREACHABLE
            raise CliError(
                f"The gateway is not reached: {found.verdict.why.rstrip('.')}.",
                "`modelyard status` says whether it runs; --port-forward goes through the cluster, --url somewhere "
                "else.",
                ExitCode(code),
            )
        if found.verdict.outcome == "failed":
            output.note(found.verdict.why)
        yield found.client


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

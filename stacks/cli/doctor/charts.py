"""Whether the charts of a stack can be had: Pulumi fetches them from here, where images are the nodes' to pull."""

from urllib.parse import urlsplit

import httpx

from stacks.artifacts import artifacts
from stacks.cli.doctor.check import Check, Checks
from stacks.settings import StackSettings

ANSWER_SECONDS = 8.0
"""How long a registry may take to answer."""


def charts(stack: StackSettings) -> Checks:
    """One check for each registry and repository that charts come from."""
    addresses = [each.mirror or each.source for each in artifacts(stack) if each.kind == "chart"]
    asked = dict.fromkeys(url for address in addresses if (url := _url(address)))
    if not asked:
        yield Check("charts", "skipped", "the stack has none that are fetched")
    for url in asked:
        yield _answers(url)


def _url(address: str) -> str | None:
    parts = urlsplit(address)
    if parts.scheme == "oci":
        return f"https://{parts.netloc}/v2/"
    return f"{address.rstrip('/')}/index.yaml" if parts.scheme in ("http", "https") else None


def _answers(url: str) -> Check:
    name = f"charts at {urlsplit(url).netloc}"
    try:
        answer = httpx.head(url, timeout=ANSWER_SECONDS, follow_redirects=True)
    except httpx.HTTPError as error:
        return Check(
            name,
            "failed",
            f"{url} does not answer: {str(error) or type(error).__name__}",
            "Check the way there (a proxy, a firewall), or name a registry of yours: `modelyard:imageMirror`.",
        )
    # A registry that wants a login says so, and gives public charts all the same.
    if answer.status_code in (200, 401, 405):
        return Check(name, "ok", "it answers")
    return Check(name, "warning", f"{url} answers with status {answer.status_code}", "Check the address of the chart.")

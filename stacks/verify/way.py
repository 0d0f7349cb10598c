"""The way to a gateway: by the URL that clients use, or by a port forward to its Service."""

import ssl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

import httpx

from stacks.kubectl import Kubectl, KubectlError
from stacks.verify.asking import Answer, Question, ask
from stacks.verify.entrance import Entrance
from stacks.verify.report import Outcome, Through, Verdict

PROBE_SECONDS = 5.0
"""How long the URL may take to answer, before another way is tried."""

CONNECTIONS = 100
"""Most requests at a time."""

_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_INSIDE = (".svc", ".svc.cluster.local", ".cluster.local")


@dataclass(frozen=True)
class Way:
    """A way to a gateway, as long as its context lasts."""

    verdict: Verdict
    """Whether the URL that clients use leads there."""
    through: Through | None = None
    """Which way it is. None: there is none."""
    client: httpx.Client | None = None
    """What asks, with paths that begin with ``/v1``. None: there is no way."""
    refusal: KubectlError | None = None
    """Why no port forward leads there, where one was tried in vain."""


@contextmanager
def found(
    base_url: str,
    entrance: Entrance,
    kubectl: Kubectl,
    wanted: Literal["auto", "base_url", "port_forward"],
    header: tuple[str, str] | None,
) -> Iterator[Way]:
    """The way to a gateway.

    Args:
        base_url: the URL that clients use, ending in ``/v1``.
        entrance: where the gateway's Service lets requests in.
        kubectl: what forwards its port.
        wanted: which way to take, as the setting ``verify.through`` says.
        header: the header by which a caller is known, where one is.
    """
    with ExitStack() as open_:
        outcome: Outcome = "not checked"
        why = "modelyard:verify.through says port_forward"
        if wanted != "port_forward":
            client = open_.enter_context(_client(base_url.removesuffix("/v1"), verify=_trusted()))
            outcome, why = _probed(client, base_url, header)
            if outcome == "passed" or wanted == "base_url":
                reached = outcome == "passed"
                outcome = "passed" if reached else "failed"
                yield Way(_verdict(outcome, why), "base_url" if reached else None, client if reached else None)
                return
        try:
            client = open_.enter_context(forwarded(entrance, kubectl))
        except KubectlError as error:
            said = f"{why}; and no port forward leads there: {error.problem} {error.remedy}"
            yield Way(_verdict(outcome, said), refusal=error)
            return
        yield Way(_verdict(outcome, f"{why}; asked by a port forward to {entrance.target}"), "port_forward", client)


@contextmanager
def forwarded(entrance: Entrance, kubectl: Kubectl) -> Iterator[httpx.Client]:
    """A client behind a port forward.

    Raises:
        KubectlError: when there is none.
    """
    with kubectl.port_forward(entrance.target, entrance.port, namespace=entrance.namespace) as local:
        url = local.replace("http://", "https://") if entrance.tls else local
        # What connects is the cluster's API server, by its own certificate. Whether that of the gateway is
        # right for its domain is seen where the URL is asked.
        with _client(url, verify=False) as client:
            if entrance.host:
                client.headers["host"] = entrance.host
                client.event_hooks = {"request": [lambda request: _name_host(request, str(entrance.host))]}
            yield client


def _name_host(request: httpx.Request, host: str) -> None:
    request.extensions["sni_hostname"] = host


def _trusted() -> ssl.SSLContext:
    """What this machine trusts, where a site adds its own authority, and what browsers do."""
    context = httpx.create_ssl_context()
    context.load_default_certs()
    return context


def _client(url: str, *, verify: ssl.SSLContext | bool) -> httpx.Client:
    return httpx.Client(
        base_url=url,
        verify=verify,
        # Proxies of the environment are for other machines.
        trust_env=urlsplit(url).hostname not in _LOOPBACK,
        limits=httpx.Limits(max_connections=CONNECTIONS),
    )


def _probed(client: httpx.Client, base_url: str, header: tuple[str, str] | None) -> tuple[Outcome, str]:
    if (urlsplit(base_url).hostname or "").endswith(_INSIDE):
        return "not checked", f"{base_url} is a URL inside the cluster"
    answer = ask(client, Question("/v1/models", headers=(header,) if header else ()), seconds=PROBE_SECONDS)
    if answer.problem and "certificate" in answer.problem.lower():
        return "failed", f"{base_url} has no certificate that clients believe: {answer.problem}"
    if answer.status is None:
        return "not checked", f"{base_url} is not reached from here: {answer.problem}"
    if not _is_gateway(answer):
        return "failed", (
            f"{base_url} answers with status {answer.status}, and not as the gateway does: look where "
            "modelyard:gateway.baseUrl, the domain's DNS entry or the load balancer leads"
        )
    return "passed", f"{base_url} answers"


def _is_gateway(answer: Answer) -> bool:
    if answer.status == 200:
        return isinstance((answer.body or {}).get("data"), list)
    return answer.status in (401, 403, 429) and answer.error is not None


def _verdict(outcome: Outcome, why: str) -> Verdict:
    return Verdict("reachable", None, "the gateway answers at base_url", outcome, why)

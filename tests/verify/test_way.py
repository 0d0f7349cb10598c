"""Which way a verification takes, and what it says where there is none."""

import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from stacks.settings import load
from stacks.verify import verify
from stacks.verify.entrance import Entrance, front, rehearsals
from stacks.verify.way import forwarded
from tests.verify.conftest import CHAIN, Bring, Cluster, PlayedKubectl, of, outcomes

INSIDE = "http://gateway.default.svc.cluster.local:8080/v1"


@dataclass
class TlsServer:
    """A server whose certificate nobody believes."""

    port: int
    names: list[str | None] = field(default_factory=list)
    hosts: list[str] = field(default_factory=list)


@pytest.fixture
def tls(tmp_path: Path) -> Iterator[TlsServer]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "llm.example.com")])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(datetime.now(UTC) - timedelta(days=1))
        .not_valid_after(datetime.now(UTC) + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    pem = tmp_path / "both.pem"
    plain = serialization.NoEncryption()
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    pem.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            site.hosts.append(self.headers["host"])
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            """Keep the test's output clean."""

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        site = TlsServer(server.server_port)

        def note(_: ssl.SSLObject, asked: str | None, __: ssl.SSLContext) -> None:
            site.names.append(asked)

        context.sni_callback = note
        server.socket = context.wrap_socket(server.socket, server_side=True)
        # A client that does not believe the certificate leaves in the middle of the handshake.
        server.handle_error = lambda *_: None  # type: ignore[method-assign]
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield site
        server.shutdown()
        thread.join()


@pytest.mark.gateway
def test_a_url_inside_the_cluster_is_passed_by_with_a_port_forward(bring: Bring) -> None:
    report = bring().verify(base_url=INSIDE)
    assert report.failed == ()
    assert report.passed
    assert report.through == "port_forward"
    assert (report.verdicts[0].outcome, report.verdicts[0].why) == (
        "not checked",
        f"{INSIDE} is a URL inside the cluster; asked by a port forward to service/gateway",
    )


@pytest.mark.gateway
@pytest.mark.parametrize("url", ["http://127.0.0.1:9/v1", "http://no-such-host.invalid/v1"])
def test_a_url_that_is_not_reached_from_here_is_not_checked(bring: Bring, url: str) -> None:
    report = bring().verify(base_url=url)
    assert report.failed == ()
    assert report.passed
    assert report.through == "port_forward"
    assert report.verdicts[0].outcome == "not checked"
    assert report.verdicts[0].why.startswith(f"{url} is not reached from here: there was no answer (")


@pytest.mark.gateway
def test_a_url_where_another_server_answers_is_a_broken_promise(bring: Bring) -> None:
    site = bring()
    report = site.verify(base_url=f"http://127.0.0.1:{site.gateway.site.metrics_port}/v1")
    assert not report.passed
    assert report.through == "port_forward"
    assert report.failed == (report.verdicts[0],)
    assert "answers with status 404, and not as the gateway does" in report.verdicts[0].why


@pytest.mark.gateway
def test_a_certificate_that_nobody_believes_is_a_broken_promise(bring: Bring, tls: TlsServer) -> None:
    report = bring().verify(base_url=f"https://127.0.0.1:{tls.port}/v1")
    assert report.failed == (report.verdicts[0],)
    assert "has no certificate that clients believe" in report.verdicts[0].why


@pytest.mark.gateway
def test_the_stack_may_say_which_way(bring: Bring) -> None:
    site = bring()
    forward = site.verify(through="port_forward")
    assert (forward.through, forward.passed) == ("port_forward", True)
    assert forward.verdicts[0].why.startswith("modelyard:verify.through says port_forward; asked by a port forward")
    url = site.verify(through="base_url", base_url="http://127.0.0.1:9/v1")
    assert (url.through, url.passed) == (None, False)
    assert outcomes(url)["reachable"] == {"failed"}
    assert outcomes(url)["plain"] == {"not checked"}


def test_where_there_is_no_way_nothing_is_known() -> None:
    nowhere = PlayedKubectl("kubectl", None, None, "default", cluster=Cluster())
    report = verify(CHAIN, INSIDE, kubectl=nowhere, seconds=5)
    assert not report.passed
    assert report.failed == ()
    assert report.through is None
    assert "no port forward leads there: there is no service/gateway with port 8080." in report.verdicts[0].why
    assert {verdict.why for verdict in report.verdicts[1:]} == {"the gateway was not reached"}
    assert len(of(report, "fallback")) == 2


def test_a_forward_to_tls_names_the_domain(tls: TlsServer) -> None:
    entrance = Entrance("service/higress-gateway", 443, "higress-system", "llm.example.com", tls=True)
    cluster = Cluster({("service/higress-gateway", 443): tls.port})
    with forwarded(entrance, PlayedKubectl("kubectl", None, None, "default", cluster=cluster)) as client:
        assert client.get("/v1/models").status_code == 200
    assert tls.hosts == ["llm.example.com"]
    assert tls.names == ["llm.example.com"]


def test_entrances() -> None:
    assert front(CHAIN) == Entrance("service/gateway", 8080, "default")
    assert rehearsals(CHAIN) == Entrance("deployment/gateway", 9903, "default")
    higress = load({"gateway": {"kind": "higress"}})
    assert front(higress) == Entrance("service/higress-gateway", 80, "higress-system")
    assert rehearsals(higress) == front(higress)
    secured = load({"gateway": {"kind": "higress", "domain": "llm.example.com", "tls": {"secretName": "c"}}})
    assert front(secured) == Entrance("service/higress-gateway", 443, "higress-system", "llm.example.com", tls=True)

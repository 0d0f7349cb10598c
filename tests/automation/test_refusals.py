"""What goes wrong is told in a sentence with a way out, as an error of its own with its exit code."""

import base64
import json
import ssl
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from stacks import automation
from stacks.automation import AutomationError
from tests.automation.conftest import Checkout
from tests.gateway.fakes import free_port

pytestmark = pytest.mark.pulumi

ON_A_CLUSTER = """
import pulumi
import pulumi_kubernetes as kubernetes

cluster = kubernetes.Provider("cluster", kubeconfig=pulumi.Config("modelyard").require("kubeconfig"))
kubernetes.core.v1.ConfigMap(
    "map", metadata={"name": "map", "namespace": "default"}, opts=pulumi.ResourceOptions(provider=cluster)
)
"""


def refused(error: AutomationError, kind: type[AutomationError], code: int, problem: str, remedy: str) -> None:
    assert type(error) is kind
    assert error.exit_code == code
    assert problem in error.problem
    assert remedy in error.remedy
    assert "Traceback" not in str(error)


def test_a_name_that_no_file_has(checkout: Checkout) -> None:
    checkout.stack("prod")
    with pytest.raises(AutomationError) as caught:
        automation.up("dve", options=checkout.options)
    refused(
        caught.value,
        automation.StackMissingError,
        9,
        "'dve' is no stack: there is no file Pulumi.dve.yaml in stacks.",
        "Write one of dev, prod, or copy one of their files to Pulumi.dve.yaml.",
    )


def test_a_stack_that_pulumi_does_not_know(checkout: Checkout) -> None:
    for operation in (automation.destroy, automation.refresh, automation.outputs):
        with pytest.raises(AutomationError) as caught:
            operation("dev", options=checkout.options)
        refused(
            caught.value,
            automation.StackMissingError,
            9,
            "Pulumi knows no stack 'dev' where it keeps its state.",
            "Check the name",
        )
    with pytest.raises(automation.StackMissingError):
        automation.up("dev", options=replace(checkout.options, create=False))


def test_no_pulumi(checkout: Checkout, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    monkeypatch.setenv("MODELYARD_HOME", str(tmp_path / "home"))
    with pytest.raises(AutomationError) as caught:
        automation.preview("dev", options=checkout.options)
    refused(
        caught.value,
        automation.MissingToolError,
        4,
        "There is no 'pulumi' on PATH that is recent enough, and none that was built here.",
        "Install Pulumi 3.255.0 or newer, or run `make setup`, which builds it.",
    )


def test_settings_that_cannot_work(checkout: Checkout) -> None:
    checkout.stack("dev", refuse=True)
    with pytest.raises(AutomationError) as caught:
        automation.preview("dev", options=checkout.options)
    refused(
        caught.value,
        automation.SettingsRefusedError,
        3,
        "This stack cannot work as it is written:\nmodelyard:refuse: 'true' stands there: remove it",
        "Correct stacks/Pulumi.dev.yaml, or what it extends, and run the same again.",
    )


def test_a_wrong_passphrase_and_none(checkout: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    automation.up("dev", options=checkout.options)
    wrong = replace(checkout.options, environment={"PULUMI_CONFIG_PASSPHRASE": "another one"})
    with pytest.raises(AutomationError) as caught:
        automation.up("dev", options=wrong)
    remedy = "Set PULUMI_CONFIG_PASSPHRASE, or PULUMI_CONFIG_PASSPHRASE_FILE, to what the stack was made with."
    problem = "The secrets of the stack 'dev' cannot be read:"
    refused(caught.value, automation.PassphraseError, 6, problem, remedy)
    monkeypatch.delenv("PULUMI_CONFIG_PASSPHRASE")
    with pytest.raises(AutomationError) as caught:
        automation.preview("dev", options=checkout.options)
    refused(caught.value, automation.PassphraseError, 6, problem, remedy)


def test_a_state_that_is_not_there(checkout: Checkout) -> None:
    for place in ("file:///nonexistent/state", f"https://127.0.0.1:{free_port()}"):
        environment = {"PULUMI_BACKEND_URL": place, "PULUMI_ACCESS_TOKEN": "token"}
        with pytest.raises(AutomationError) as caught:
            automation.preview("dev", options=replace(checkout.options, environment=environment))
        refused(
            caught.value,
            automation.UnreachableError,
            5,
            "The place where Pulumi keeps the state of 'dev' does not answer:",
            "Check PULUMI_BACKEND_URL, or what `pulumi login` was told, and the network.",
        )


def test_a_cluster_that_does_not_run(checkout: Checkout, tmp_path: Path) -> None:
    checkout.program(ON_A_CLUSTER)
    checkout.stack("dev", kubeconfig=str(kubeconfig(tmp_path, free_port())))
    with pytest.raises(AutomationError) as caught:
        automation.up("dev", options=checkout.options)
    refused(
        caught.value,
        automation.UnreachableError,
        5,
        "The cluster of the stack 'dev' does not answer: configured Kubernetes cluster is unreachable",
        "Check that it runs, and modelyard:cluster.kubeconfig, .context and KUBECONFIG with `kubectl get nodes`.",
    )


def test_no_kubeconfig_at_its_path(checkout: Checkout, tmp_path: Path) -> None:
    checkout.program(ON_A_CLUSTER)
    checkout.stack("dev", kubeconfig=str(tmp_path / "nothing-here"))
    with pytest.raises(AutomationError) as caught:
        automation.up("dev", options=checkout.options)
    refused(
        caught.value,
        automation.UnreachableError,
        5,
        "The kubeconfig of the stack 'dev' cannot be used: configured Kubernetes cluster is unreachable: failed to "
        "parse kubeconfig data",
        "until `kubectl get nodes` succeeds.",
    )


def test_a_login_that_has_expired(checkout: Checkout, tmp_path: Path) -> None:
    checkout.program(ON_A_CLUSTER)
    with api_server(tmp_path, 401, "Unauthorized") as port:
        checkout.stack("dev", kubeconfig=str(kubeconfig(tmp_path, port)))
        with pytest.raises(AutomationError) as caught:
            automation.up("dev", options=checkout.options)
    refused(
        caught.value,
        automation.CredentialsError,
        6,
        "The cluster of the stack 'dev' does not know who asks:",
        "log in again, until `kubectl auth whoami` with the same kubeconfig and context succeeds.",
    )


def test_a_program_that_fails_says_why(checkout: Checkout) -> None:
    checkout.program("import pulumi\n\nraise ValueError('no such thing')\n")
    with pytest.raises(automation.UpdateFailedError) as caught:
        automation.up("dev", options=checkout.options)
    assert caught.value.exit_code == 8
    assert caught.value.problem.startswith("`pulumi up` of the stack 'dev' failed:\n")
    assert "ValueError: no such thing" in caught.value.problem
    assert caught.value.remedy == (
        "Correct what it names and run the same again: it goes on from what is made already."
    )


def kubeconfig(folder: Path, port: int) -> Path:
    """A kubeconfig with a token, for an API server on a port of this machine, with the certificate of `api_server`."""
    authority = folder / "server.pem"
    about = {"server": f"https://127.0.0.1:{port}"}
    if authority.exists():
        about["certificate-authority-data"] = base64.b64encode(authority.read_bytes()).decode()
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": about}],
        "users": [{"name": "u", "user": {"token": "expired"}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "c",
    }
    file = folder / "kubeconfig"
    file.write_text(json.dumps(content), encoding="utf-8")
    return file


@contextmanager
def api_server(folder: Path, status: int, reason: str) -> Iterator[int]:
    """An API server that says the same to every request; gives its port."""
    answer = json.dumps(
        {"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": reason, "reason": reason, "code": status}
    ).encode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        do_POST = do_PATCH = do_GET  # noqa: N815 - the library's names

        def log_message(self, *arguments: object) -> None:
            pass

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(_certificate(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def _certificate(folder: Path) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = folder / "server.pem"
    file.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return file


PACK = """
from pulumi_policy import EnforcementLevel, PolicyPack, ResourceValidationPolicy


def check(args, report):
    if args.resource_type == "random:index/randomPassword:RandomPassword" and args.props["length"] < 30:
        report("the key has fewer than 30 characters: write more")


PolicyPack("strict", [ResourceValidationPolicy("long-keys", "Keys are long.", check, EnforcementLevel.MANDATORY)])
"""


def test_a_policy_that_does_not_hold(checkout: Checkout, tmp_path: Path) -> None:
    pack = tmp_path / "pack"
    pack.mkdir()
    runtime = f"{{name: python, options: {{virtualenv: {sys.prefix}}}}}"
    (pack / "PulumiPolicy.yaml").write_text(f"runtime: {runtime}\n", encoding="utf-8")
    (pack / "__main__.py").write_text(PACK, encoding="utf-8")
    options = replace(checkout.options, policy_packs=(pack,))
    with pytest.raises(AutomationError) as caught:
        automation.preview("dev", options=options)
    refused(
        caught.value,
        automation.PolicyViolatedError,
        1,
        "strict, long-keys: ",
        "Change what they name, or waive them where the policies have a way to.",
    )
    assert "the key has fewer than 30 characters: write more" in caught.value.problem
    longer = replace(options, settings={"length": 30})
    assert automation.preview("dev", options=longer).violations == ()


@pytest.mark.parametrize("settings", [{}, {"length": 30}])
@pytest.mark.parametrize(
    "content", [b"config: [", b"config: 5\n", b"config:\n  modelyard:length: {", b"config: {}\n# \xff"]
)
def test_a_file_that_is_no_stack_file(checkout: Checkout, content: bytes, settings: dict[str, object]) -> None:
    (checkout.folder / "stacks" / "Pulumi.dev.yaml").write_bytes(content)
    with pytest.raises(automation.SettingsRefusedError) as caught:
        automation.preview("dev", options=replace(checkout.options, settings=settings))
    assert "dev" in caught.value.problem
    assert caught.value.remedy.startswith(("Correct stacks/Pulumi.dev.yaml", "Save it as such."))


def test_an_empty_file_takes_settings(checkout: Checkout) -> None:
    (checkout.folder / "stacks" / "Pulumi.dev.yaml").write_bytes(b"")
    options = replace(checkout.options, settings={"length": 30})
    assert automation.preview("dev", options=options).changes == {"create": 3}


def test_settings_that_name_nothing_to_take_out(checkout: Checkout) -> None:
    gone = {"models": [{"name": "a", "$patch": "delete"}]}
    checkout.stack("dev", models=[{"name": "b"}])
    with pytest.raises(automation.SettingsRefusedError, match=r"'a' is to be left out, and Pulumi\.dev\.yaml has 'b'"):
        automation.preview("dev", options=replace(checkout.options, settings=gone))

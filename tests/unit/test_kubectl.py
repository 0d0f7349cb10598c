"""The wrapper of ``kubectl``, against one that says what a test wants."""

import json
import shutil
import stat
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from stacks import kubectl as wrapped
from stacks.kubectl import (
    CredentialsError,
    ForbiddenError,
    Kubectl,
    KubectlError,
    MissingKubectlError,
    NotFoundError,
    UnreachableClusterError,
)
from stacks.settings import ClusterSettings

Says = Callable[..., Kubectl]


@pytest.fixture
def says(tmp_path: Path) -> Says:
    """A kubectl that runs a script. Its command lines are in ``calls``, one a line."""

    def write(script: str) -> Kubectl:
        program = tmp_path / "kubectl"
        program.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/calls\n{script}\n')
        program.chmod(0o755)
        return Kubectl(str(program), "/the/kubeconfig", "the-context", "models")

    return write


def calls(tmp_path: Path) -> list[str]:
    return (tmp_path / "calls").read_text().splitlines()


CONTEXT = "--kubeconfig=/the/kubeconfig --context=the-context"


@pytest.mark.parametrize(
    ("said", "error"),
    [
        ("stat /the/kubeconfig: no such file or directory", UnreachableClusterError),
        ('error: context "the-context" does not exist', UnreachableClusterError),
        ("error: Missing or incomplete configuration info.", UnreachableClusterError),
        (
            "The connection to the server 10.0.0.1:6443 was refused - did you specify the right host?",
            UnreachableClusterError,
        ),
        ("Unable to connect to the server: dial tcp: lookup api.example: no such host", UnreachableClusterError),
        ("Unable to connect to the server: net/http: TLS handshake timeout", UnreachableClusterError),
        ("Unable to connect to the server: x509: certificate signed by unknown authority", UnreachableClusterError),
        ("error: You must be logged in to the server (Unauthorized)", CredentialsError),
        ("error: the server has asked for the client to provide credentials", CredentialsError),
        (
            "Unable to connect to the server: getting credentials: exec: executable aws failed with exit code 255",
            CredentialsError,
        ),
        (
            "Unable to connect to the server: getting credentials: exec: executable gke-gcloud-auth-plugin not found",
            CredentialsError,
        ),
        ("Unable to connect to the server: x509: certificate has expired or is not yet valid", CredentialsError),
        ('Error from server (Forbidden): pods is forbidden: User "u" cannot list resource "pods"', ForbiddenError),
        ('error: the server doesn\'t have a resource type "playgrounds"', NotFoundError),
        ('Error from server (NotFound): pods "x" not found', NotFoundError),
        ("error: something new", KubectlError),
        ("", KubectlError),
    ],
)
def test_each_complaint_has_its_error_with_a_way_out(says: Says, said: str, error: type[KubectlError]) -> None:
    kubectl = says(f"echo '{said.replace(chr(39), chr(39) + chr(34) + chr(39) + chr(34) + chr(39))}' >&2; exit 1")
    with pytest.raises(KubectlError) as refused:
        kubectl.find("pods")
    assert type(refused.value) is error
    assert refused.value.problem == (
        f"`kubectl get pods` failed against the context 'the-context' of /the/kubeconfig: {said or 'it said nothing'}"
    )
    assert refused.value.remedy.endswith((".", ")"))


def test_advice_that_follows_a_complaint_is_not_the_complaint(says: Says) -> None:
    complaint = (
        "Unable to connect to the server: getting credentials: exec: executable gke-gcloud-auth-plugin not found"
    )
    kubectl = says(
        f"printf '%s\\n\\nIt looks like ...\\n      https://kubernetes.io/docs/\\n' '{complaint}' >&2; exit 1"
    )
    with pytest.raises(CredentialsError) as refused:
        kubectl.find("pods")
    assert refused.value.problem.endswith(f"of /the/kubeconfig: {complaint}")
    assert refused.value.remedy.startswith("Install that program, ")


@pytest.mark.parametrize(
    "said",
    [
        "The connection to the server localhost:8080 was refused - did you specify the right host or port?",
        'error: error loading config file "/a/config": yaml: line 2: mapping values are not allowed in this context',
    ],
)
def test_a_kubeconfig_that_is_missing_or_broken_is_what_to_look_at(says: Says, said: str) -> None:
    kubectl = says(f"echo '{said}' >&2; exit 1")
    with pytest.raises(UnreachableClusterError) as refused:
        kubectl.find("pods")
    assert "the environment variable KUBECONFIG" in refused.value.remedy
    assert "VPN" not in refused.value.remedy


def test_there_is_no_kubectl() -> None:
    with pytest.raises(MissingKubectlError, match="There is no 'no-such-kubectl' on PATH"):
        Kubectl("no-such-kubectl", None, None, "default").find("pods")
    with pytest.raises(MissingKubectlError), Kubectl("no-such-kubectl", None, None, "x").port_forward("pod/x", 1):
        pass


def test_a_cluster_that_does_not_answer_is_given_up(says: Says) -> None:
    kubectl = says("exec sleep 60")
    with pytest.raises(UnreachableClusterError, match="no answer within 1 s"):
        kubectl.run("get", "pods", seconds=1)


def test_objects(says: Says, tmp_path: Path) -> None:
    items = {"items": [{"metadata": {"name": "a"}}]}
    kubectl = says(f"echo '{json.dumps(items)}'")
    assert kubectl.find("pods", selector="app=x") == items["items"]
    assert kubectl.find("pods", namespace="other") == items["items"]
    assert calls(tmp_path) == [
        f"{CONTEXT} get pods --namespace=models --selector=app=x --output=json",
        f"{CONTEXT} get pods --namespace=other --output=json",
    ]


def test_what_the_caller_says_is_added_to_its_environment(says: Says, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", "/own")
    monkeypatch.setenv("KEPT", "kept")
    kubectl = replace(says('echo "$KUBECONFIG $KEPT"'), environment={"KUBECONFIG": "/theirs"})
    assert kubectl.run("get", "pods") == "/theirs kept\n"
    assert list(kubectl.logs("pod-0")) == ["/theirs kept"]


def test_an_object_that_is_not_there_is_none(says: Says) -> None:
    assert says("exit 0").get("service", "gateway") is None
    assert says('echo \'{"kind": "Service"}\'').get("service", "gateway") == {"kind": "Service"}


def test_pods_are_killed_at_once_only_where_that_is_said(says: Says, tmp_path: Path) -> None:
    kubectl = says("echo pod/a")
    assert kubectl.delete("pod", "a", "b", now=True) == ["a"]
    assert kubectl.delete("pod", "a") == ["a"]
    assert calls(tmp_path) == [
        f"{CONTEXT} delete pod a b --namespace=models --wait=false --ignore-not-found --output=name --force "
        "--grace-period=0",
        f"{CONTEXT} delete pod a --namespace=models --wait=false --ignore-not-found --output=name",
    ]


def test_objects_are_annotated_by_their_labels(says: Says, tmp_path: Path) -> None:
    says("exit 0").annotate("pods", "modelyard/seen", "3", selector="app=x")
    assert calls(tmp_path) == [
        f"{CONTEXT} annotate pods modelyard/seen=3 --namespace=models --selector=app=x --overwrite"
    ]


def test_lines_of_a_log_come_as_they_are_written_and_closing_ends_it(says: Says, tmp_path: Path) -> None:
    kubectl = says(f"echo $$ > {tmp_path}/pid; echo one; echo two; exec sleep 60")
    lines = kubectl.logs("pod-0", container="vllm", tail=2, follow=True)
    assert [next(lines), next(lines)] == ["one", "two"]
    lines.close()  # type: ignore[attr-defined]
    assert not Path(f"/proc/{(tmp_path / 'pid').read_text().strip()}").exists()
    assert calls(tmp_path) == [f"{CONTEXT} logs pod-0 --namespace=models --container=vllm --tail=2 --follow"]


def test_a_log_that_cannot_be_had(says: Says) -> None:
    with pytest.raises(NotFoundError):
        list(says("echo 'Error from server (NotFound): pods \"x\" not found' >&2; exit 1").logs("x"))


def test_a_port_forward_lasts_as_long_as_its_context(says: Says, tmp_path: Path) -> None:
    kubectl = says(f"echo $$ > {tmp_path}/pid; echo 'Forwarding from 127.0.0.1:40123 -> 8080'; exec sleep 60")
    with kubectl.port_forward("service/gateway", 8080) as url:
        assert url == "http://127.0.0.1:40123"
        assert Path(f"/proc/{(tmp_path / 'pid').read_text().strip()}").exists()
    assert not Path(f"/proc/{(tmp_path / 'pid').read_text().strip()}").exists()
    assert calls(tmp_path) == [
        f"{CONTEXT} port-forward service/gateway :8080 --namespace=models --address=127.0.0.1 --pod-running-timeout=20s"
    ]


def test_a_port_forward_that_talks_a_lot_goes_on(says: Says) -> None:
    kubectl = says(
        "echo 'Forwarding from 127.0.0.1:40123 -> 8080'; yes Handling connection | head -c 1000000; exec sleep 60"
    )
    with kubectl.port_forward("service/gateway", 8080) as url:
        assert url == "http://127.0.0.1:40123"


def test_a_port_forward_that_does_not_come_about(says: Says) -> None:
    kubectl = says(
        "echo 'error: unable to forward port because pod is not running. Current status=Pending' >&2; exit 1"
    )
    with pytest.raises(KubectlError, match="Current status=Pending"), kubectl.port_forward("service/gateway", 8080):
        pass


def test_a_port_forward_that_is_over_at_once_closes_nothing_that_is_still_read(says: Says) -> None:
    kubectl = says("echo 'Forwarding from 127.0.0.1:40123 -> 8080'; exec sleep 60")
    for _ in range(30):
        with kubectl.port_forward("service/gateway", 8080):
            pass
        # An exception in one of them fails the test, too.
        assert not [thread for thread in threading.enumerate() if "_read" in thread.name]


def test_a_port_forward_that_is_broken_off_leaves_no_thread(says: Says, monkeypatch: pytest.MonkeyPatch) -> None:
    before = set(threading.enumerate())

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("stacks.kubectl.re.search", interrupted)
    kubectl = says("echo; exec sleep 60")
    with pytest.raises(KeyboardInterrupt), kubectl.port_forward("service/gateway", 8080):
        pass
    timers = [thread for thread in set(threading.enumerate()) - before if isinstance(thread, threading.Timer)]
    for timer in timers:
        timer.join(timeout=5)
        assert not timer.is_alive()


def test_which_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Kubectl.of(ClusterSettings()).command == ["kubectl"]
    named = ClusterSettings(kubeconfig="/k", context="c", namespace="n")
    assert Kubectl.of(named) == Kubectl("kubectl", "/k", "c", "n")
    assert Kubectl.of(named, {"A": "b"}) == Kubectl("kubectl", "/k", "c", "n", {"A": "b"})
    assert Kubectl.of(ClusterSettings(kind="embedded")).kubeconfig == "/var/lib/modelyard/kubeconfig"


def test_the_embedded_cluster_brings_its_own_where_there_is_none(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    monkeypatch.setattr(wrapped, "EMBEDDED_KUBECONFIG", str(tmp_path / "kubeconfig"))
    assert Kubectl.of(ClusterSettings(kind="embedded")).program == "kubectl"
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "kubectl").touch()
    assert Kubectl.of(ClusterSettings(kind="embedded")).program == str(tmp_path / "bin" / "kubectl")
    assert Kubectl.of(ClusterSettings()).program == "kubectl"


def test_a_kubeconfig_in_the_settings_is_a_file_of_this_user_alone() -> None:
    cluster = ClusterSettings.model_validate({"kubeconfigContents": "apiVersion: v1"})
    path = Kubectl.of(cluster).kubeconfig
    assert path is not None
    assert Path(path).read_text() == "apiVersion: v1"
    assert stat.S_IMODE(Path(path).stat().st_mode) == 0o600
    assert Kubectl.of(cluster).kubeconfig == path
    assert Kubectl.of(cluster.model_copy(update={"kubeconfig": "/k"})).kubeconfig == "/k"

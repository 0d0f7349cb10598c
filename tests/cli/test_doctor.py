"""What is found before an update finds out."""

import json
import sys
from collections.abc import Callable
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest

from stacks import automation
from stacks.automation import PassphraseError, StackMissingError, running, toolchain
from stacks.cli.exits import ExitCode
from tests.cli.conftest import Cluster, Stacks, run
from tests.unit.pools import written


def node(name: str = "node-1", gpus: int = 2, **labels: str) -> dict[str, Any]:
    allocatable = {"cpu": "8", **({"nvidia.com/gpu": str(gpus)} if gpus else {})}
    return {"metadata": {"name": name, "labels": labels or {"pool": "gpu"}}, "status": {"allocatable": allocatable}}


@pytest.fixture
def machine(cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    """A machine that has everything, and a cluster that has it as well."""
    pulumi = tmp_path / "pulumi"
    pulumi.write_text("#!/bin/sh\necho v3.260.1\n")
    pulumi.chmod(0o755)
    (tmp_path / "Pulumi.yaml").write_text("name: modelyard\nruntime: python\n")
    monkeypatch.setattr(toolchain, "program", lambda: pulumi)
    monkeypatch.setattr(automation, "outputs", lambda *_, **__: {})
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text("")
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
    return cluster


def healthy(cluster: Cluster) -> None:
    """Add what a cluster says where nothing is missing. What a test has told it before counts first."""
    cluster.says(["version", "--client"], "Client Version: v1.33.3\n")
    cluster.says(["version"], {"serverVersion": {"gitVersion": "v1.33.3"}})
    cluster.says(["config", "view"], {"current-context": "there"})
    cluster.says(["get", "namespace"], {"metadata": {"name": "default"}})
    cluster.says(["create"], {"status": {"allowed": True}})
    cluster.says(["get", "nodes"], {"items": [node(gpus=4)]})


def found(*arguments: str) -> dict[str, tuple[str, str]]:
    """What was found of each thing, and that the command ends accordingly."""
    shown = run("doctor", "--json", *arguments)
    said = json.loads(shown.stdout)
    outcomes = {check["outcome"] for check in said["checks"]}
    assert said["healthy"] == ("failed" not in outcomes)
    assert shown.exit_code == (ExitCode.OK if said["healthy"] else ExitCode.FAILED)
    for check in said["checks"]:
        assert check.keys() == {"name", "outcome", "seen", "remedy"}
        # Whoever is told that something is wrong is told what to do.
        assert bool(check["remedy"]) == (check["outcome"] in ("failed", "warning"))
    return {check["name"]: (check["outcome"], check["seen"]) for check in said["checks"]}


def test_nothing_is_missing(mine: Stacks, machine: Cluster, tmp_path: Path) -> None:
    healthy(machine)
    checks = found()
    assert {name: outcome for name, (outcome, _) in checks.items()} == {
        "stack file": "ok",
        "pulumi": "ok",
        "kubectl": "ok",
        "uv": "ok",
        "state": "ok",
        "cluster": "ok",
        "namespace": "ok",
        "rights": "ok",
        "pool gpu": "ok",
        "definitions": "skipped",
        "charts": "skipped",
    }
    assert checks["pulumi"][1] == f"3.260.1, {tmp_path / 'pulumi'}"
    assert checks["cluster"][1] == "the context 'there' answers, Kubernetes v1.33.3"
    assert checks["pool gpu"][1] == "1 nodes offer 4 nvidia.com/gpu, of which models ask for 3"


@pytest.mark.parametrize("installed", [True, False])
def test_the_package_of_a_cloud(
    stacks: Stacks, machine: Cluster, monkeypatch: pytest.MonkeyPatch, installed: bool
) -> None:
    package = ModuleType("pulumi_gcp")
    package.__spec__ = ModuleSpec("pulumi_gcp", None)
    monkeypatch.setitem(sys.modules, "pulumi_gcp", package if installed else None)
    stacks.write(pools=[{"name": "spare", "gpusPerNode": 1}, written("gke"), written("gke", name="other")])
    healthy(machine)
    checks = [check for check in json.loads(run("doctor", "--json").stdout)["checks"] if "package" in check["name"]]
    problem = "modelyard:pools[1].adapter: 'gke' needs the package pulumi-gcp, which is not installed here"
    ok = {"outcome": "ok", "seen": "installed, for pools of the adapter 'gke'", "remedy": ""}
    failed = {"outcome": "failed", "seen": problem, "remedy": "Run `uv sync --extra gke`."}
    assert checks == [{"name": "package pulumi-gcp", **(ok if installed else failed)}]


def test_a_line_a_check_for_people(mine: Stacks, machine: Cluster) -> None:
    machine.says(["get", "namespace"], "")
    healthy(machine)
    shown = run("doctor")
    assert shown.exit_code == ExitCode.FAILED
    lines = shown.stdout.splitlines()
    assert lines[0] == "ok      stack file: 'mine' can work: 2 models, 1 pools"
    at = lines.index("FAILED  namespace: modelyard:cluster.namespace: there is no namespace 'default'")
    assert lines[at + 1].startswith("        `kubectl create namespace default` makes it")


def test_a_stack_file_that_cannot_work(stacks: Stacks, machine: Cluster) -> None:
    stacks.write(models=[{"name": "qwen"}])
    healthy(machine)
    checks = found()
    assert checks["stack file"][0] == "failed"
    assert "modelyard:models[0].source: nothing is given" in checks["stack file"][1]
    assert checks.keys() == {"stack file", "pulumi", "kubectl", "uv"}


def refused(stack: str, options: automation.Options) -> Any:
    raise PassphraseError("The secrets cannot be read.", "Set PULUMI_CONFIG_PASSPHRASE.")


@pytest.mark.parametrize(
    "said", [{"cluster": {"stackReference": "org/infrastructure/prod"}}, {"models": {"secure": "v1:abc:def"}}]
)
def test_what_only_pulumi_knows_keeps_nobody_from_the_rest(
    stacks: Stacks, machine: Cluster, monkeypatch: pytest.MonkeyPatch, said: dict[str, Any]
) -> None:
    monkeypatch.setattr(running, "readable_settings", refused)
    stacks.write(**said)
    healthy(machine)
    checks = found()
    assert checks["stack file"][0] == "warning"
    assert checks["stack file"][1].startswith("Pulumi alone knows ")
    assert checks["stack file"][1].endswith("The secrets cannot be read. Cluster and charts were not looked at.")
    assert {name: outcome for name, (outcome, _) in list(checks.items())[1:]} == {
        "pulumi": "ok",
        "kubectl": "ok",
        "uv": "ok",
        "state": "ok",
    }


def test_a_kubeconfig_that_pulumi_alone_can_decrypt(
    stacks: Stacks, machine: Cluster, monkeypatch: pytest.MonkeyPatch, answering: Callable[[int], None]
) -> None:
    answering(200)
    monkeypatch.setattr(running, "readable_settings", refused)
    stacks.write(cluster={"kubeconfigContents": {"secure": "v1:abc:def"}}, gateway={"kind": "higress"})
    healthy(machine)
    checks = found()
    assert checks["stack file"][0] == "ok"
    assert checks["cluster"] == (
        "warning",
        "Pulumi alone can decrypt modelyard:cluster.kubeconfigContents, and it cannot be asked: The secrets cannot be "
        "read. The cluster was not looked at.",
    )
    assert any(name.startswith("charts at") for name in checks)


def test_no_tools(mine: Stacks, machine: Cluster, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def missing() -> Path:
        raise automation.MissingToolError("There is no 'pulumi' on PATH.", "Install it.")

    monkeypatch.setattr(toolchain, "program", missing)
    monkeypatch.setattr("stacks.automation.options.CHECKOUT", tmp_path)
    monkeypatch.setenv("PATH", "/nowhere")
    checks = found()
    assert {name: outcome for name, (outcome, _) in checks.items()} == {
        "stack file": "ok",
        "pulumi": "failed",
        "kubectl": "failed",
        "uv": "failed",
        "charts": "skipped",
    }


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (PassphraseError("The secrets of the stack 'mine' cannot be read.", "Set PULUMI_CONFIG_PASSPHRASE."), "failed"),
        (StackMissingError("Pulumi knows no stack 'mine'.", "Make it."), "ok"),
    ],
)
def test_the_state(
    mine: Stacks, machine: Cluster, monkeypatch: pytest.MonkeyPatch, error: automation.AutomationError, outcome: str
) -> None:
    def outputs(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(automation, "outputs", outputs)
    healthy(machine)
    assert found()["state"][0] == outcome


@pytest.mark.parametrize("written", ["encryptionsalt: v1:abc\n", "encryptedkey: abc\n", "x:\n  secure: v1:abc\n", ""])
@pytest.mark.parametrize("refused", ["set", "--json"])
def test_a_passphrase_that_nothing_in_the_state_needs(
    mine: Stacks, machine: Cluster, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, written: str, refused: str
) -> None:
    pulumi = tmp_path / "pulumi"
    pulumi.write_text(
        f'#!/bin/sh\nif [ "$1 $2" = "config {refused}" ]; then echo "error: incorrect passphrase" >&2; exit 255; fi\n'
        "echo v3.260.1\n"
    )
    file = mine.folder / "Pulumi.mine.yaml"
    before = written + file.read_text()
    file.write_text(before)
    healthy(machine)
    outcome, seen = found()["state"]
    if written:
        assert (outcome, seen.partition(":")[0]) == ("failed", "The secrets of the stack 'mine' cannot be read")
    else:
        assert outcome == "ok"
    assert file.read_text() == before


def test_no_kubeconfig(mine: Stacks, machine: Cluster, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "gone"))
    healthy(machine)
    checks = found()
    assert checks["kubeconfig"] == ("failed", f"there is no file {tmp_path / 'gone'}")
    assert "cluster" not in checks


def test_a_kubeconfig_of_the_stack_that_is_not_there(stacks: Stacks, machine: Cluster) -> None:
    stacks.write(cluster={"kubeconfig": "/nowhere/kubeconfig"})
    healthy(machine)
    assert found()["kubeconfig"] == ("failed", "modelyard:cluster.kubeconfig: there is no file /nowhere/kubeconfig")


def test_a_cluster_that_does_not_answer(mine: Stacks, machine: Cluster) -> None:
    machine.says(["version", "--output=json"], err="Unable to connect to the server: i/o timeout", code=1)
    healthy(machine)
    checks = found()
    assert checks["cluster"][0] == "failed"
    assert "namespace" not in checks


def test_rights_that_are_missing(mine: Stacks, machine: Cluster) -> None:
    for resource in ("statefulsets", "secrets"):
        body = {"namespace": "default", "verb": "create", "group": "apps" if resource == "statefulsets" else ""}
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": {**body, "resource": resource}},
        }
        machine.says([json.dumps(review)], {"status": {"allowed": False}})
    healthy(machine)
    assert found()["rights"] == ("failed", "statefulsets, secrets may not be made in 'default' by this login")


@pytest.mark.parametrize(
    ("nodes", "outcome", "seen"),
    [
        ([node(pool="cpu")], "failed", "none of 1 nodes has pool=gpu"),
        ([node(gpus=0)], "failed", "1 nodes have its labels, and none of them offers nvidia.com/gpu"),
        ([node(gpus=2)], "warning", "1 nodes offer 2 nvidia.com/gpu, and the models ask for 3"),
    ],
)
def test_gpus_that_are_missing(
    mine: Stacks, machine: Cluster, nodes: list[dict[str, Any]], outcome: str, seen: str
) -> None:
    machine.says(["get", "nodes"], {"items": nodes})
    healthy(machine)
    assert found()["pool gpu"] == (outcome, seen)


def test_gpus_that_the_stack_has_offered(stacks: Stacks, machine: Cluster, answering: Callable[[int], None]) -> None:
    answering(200)
    stacks.write(gpuSoftware={"kind": "device_plugin"})
    machine.says(["get", "nodes"], {"items": [node(gpus=0)]})
    healthy(machine)
    checks = found()
    assert checks["pool gpu"][0] == "ok"
    assert checks["charts at nvidia.github.io"] == ("ok", "it answers")


@pytest.fixture
def answering(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Has every registry answer with a status. 0: none does."""

    def answer(status: int) -> None:
        def head(url: str, **_: object) -> httpx.Response:
            if status == 0:
                raise httpx.ConnectError("Name or service not known")
            return httpx.Response(status)

        monkeypatch.setattr(httpx, "head", head)

    return answer


@pytest.mark.parametrize(("status", "outcome"), [(0, "failed"), (401, "ok"), (404, "warning")])
def test_charts(stacks: Stacks, machine: Cluster, answering: Callable[[int], None], status: int, outcome: str) -> None:
    answering(status)
    stacks.write(gateway={"kind": "higress"}, imageMirror="registry.example/mirror")
    healthy(machine)
    assert found()["charts at registry.example"][0] == outcome


KEDA: dict[str, Any] = {
    "gateway": {"kind": "higress", "metrics": {}},
    "prometheus": {"url": "http://prometheus.monitoring:9090"},
    "models": [
        {
            "name": "qwen",
            "source": "hf://Qwen/Qwen2.5-1.5B-Instruct",
            "pool": "gpu",
            "autoscaling": {"kind": "keda", "maxReplicas": 2},
        }
    ],
    "routes": [],
}


def test_definitions_of_observability(stacks: Stacks, machine: Cluster, answering: Callable[[int], None]) -> None:
    answering(200)
    stacks.write(observability={})
    machine.says(["customresourcedefinition", "podmonitors.monitoring.coreos.com"], {"metadata": {}})
    machine.says(["customresourcedefinition", "prometheusrules.monitoring.coreos.com"], "")
    healthy(machine)
    checks = found()
    assert checks["definition podmonitors.monitoring.coreos.com"][0] == "ok"
    assert checks["definition prometheusrules.monitoring.coreos.com"] == (
        "failed",
        "the cluster does not know it: the Prometheus operator is missing",
    )


def test_definitions(stacks: Stacks, machine: Cluster, answering: Callable[[int], None]) -> None:
    answering(200)
    stacks.write(**KEDA)
    machine.says(["customresourcedefinition", "scaledobjects.keda.sh"], "")
    machine.says(["customresourcedefinition", "podmonitors.monitoring.coreos.com"], {"metadata": {}})
    healthy(machine)
    checks = found()
    assert checks["definition scaledobjects.keda.sh"] == ("failed", "the cluster does not know it: KEDA is missing")
    assert checks["definition podmonitors.monitoring.coreos.com"] == ("ok", "the Prometheus operator is there")

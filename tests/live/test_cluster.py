"""The embedded cluster: closed to strangers, mended after losses, gone without a trace."""

import contextlib
import ssl
import uuid
from pathlib import Path

import httpx
import psutil
import pytest

from local import cluster
from local.control_plane import programs
from local.kubectl import get, kubectl
from local.network import API_URL, HOST_LINK, NODE_ADDRESS
from local.node import Node, cgroup_folders, find_node
from local.paths import Paths
from local.shell import output_of
from local.waiting import wait_for

pytestmark = [pytest.mark.live, pytest.mark.timeout(600)]


def pids(paths: Paths) -> dict[str, int]:
    """The processes of the cluster by the names of their programs."""
    return {program.name: program.pid or 0 for program in cluster.status(paths).programs}


def names(node: Node) -> set[str]:
    """Names of the node's processes."""
    found = set()
    for process in node.processes():
        with contextlib.suppress(psutil.NoSuchProcess):
            found.add(process.name())
    return found


def test_everything_runs(paths: Paths) -> None:
    found = cluster.status(paths)
    assert found.healthy
    assert {program.name for program in found.programs} == {
        "etcd",
        "kube-apiserver",
        "kube-controller-manager",
        "kube-scheduler",
        "containerd",
        "kubelet",
        "kube-proxy",
    }


@pytest.mark.parametrize(
    "url", [f"{API_URL}/version", f"{API_URL}/api/v1/secrets", f"https://{NODE_ADDRESS}:10250/pods"]
)
def test_strangers_are_refused(paths: Paths, url: str) -> None:
    trusted = ssl.create_default_context(cafile=str(paths.cluster / "pki" / "ca.crt"))
    assert httpx.get(url, verify=trusted, timeout=10).status_code == 401


def test_rbac_is_on(paths: Paths) -> None:
    # kubectl exits with 1 where the answer is no.
    can = ["auth", "can-i", "list", "secrets", "--as=system:serviceaccount:default:default"]
    assert kubectl(paths, "auth", "can-i", "list", "secrets") == "yes\n"
    with pytest.raises(Exception, match="exited with 1"):
        kubectl(paths, *can)


def test_a_second_start_changes_nothing(paths: Paths) -> None:
    before = pids(paths)
    said: list[str] = []
    cluster.up(paths, said.append)
    assert pids(paths) == before
    assert said == ["waiting for DNS"]


@pytest.mark.parametrize("lost", [program.name for program in programs(Paths.from_environment())])
def test_a_lost_process_comes_back(paths: Paths, lost: str) -> None:
    before = pids(paths)
    process = psutil.Process(before[lost])
    process.kill()
    process.wait(timeout=10)
    cluster.up(paths, lambda line: None)
    after = cluster.status(paths)
    assert after.healthy
    assert pids(paths)[lost] != before[lost]


def test_the_loss_of_all_of_it_keeps_the_state(paths: Paths) -> None:
    name = f"kept-{uuid.uuid4().hex[:8]}"
    kubectl(paths, "create", "namespace", name)
    try:
        node = find_node(paths)
        assert node is not None
        for program in programs(paths):
            process = node.running(program.name)
            assert process is not None
            process.kill()
        psutil.Process(node.pid).kill()
        cluster.up(paths, lambda line: None)
        assert cluster.status(paths).healthy
        assert get(paths, "namespace", name) is not None
    finally:
        kubectl(paths, "delete", "namespace", name)


def test_down_leaves_nothing_and_up_brings_it_back(paths: Paths) -> None:
    node = find_node(paths)
    assert node is not None
    # Containers' processes are in the node too; after a loss of all of it they take a moment to be back.
    wait_for(lambda: {"coredns", "pause"} <= names(node) or None, "CoreDNS to run", seconds=120)
    inside = [process.pid for process in node.processes()]
    assert len(inside) > 7
    rules = output_of(["iptables-save"])
    assert cluster.down(paths)
    try:
        assert [pid for pid in inside if psutil.pid_exists(pid)] == []
        assert find_node(paths) is None
        assert not Path(f"/sys/class/net/{HOST_LINK}").exists()
        assert str(paths.cluster) not in Path("/proc/mounts").read_text()
        assert [folder for folder in cgroup_folders() if folder.exists()] == []
        assert "KUBE-" not in output_of(["iptables-save"])
        assert output_of(["iptables-save"]).count("-A") == rules.count("-A")
        assert not cluster.down(paths)
    finally:
        cluster.up(paths, lambda line: None)
    assert cluster.status(paths).healthy

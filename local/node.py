"""The node: namespaces of its own for processes, mounts and network, held by one process.

Everything that the cluster starts lives in them. When the holder ends, the kernel ends every
process in them and takes away their mounts, links and iptables rules, so stopping the cluster
leaves nothing behind however its processes died.
"""

import contextlib
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from local.network import HOST_ADDRESS, HOST_LINK, LINK_PREFIX, NODE_ADDRESS, NODE_LINK
from local.paths import DEFAULT_HOME, Paths
from local.shell import output_of, start_detached
from local.waiting import wait_for

HOLDER = "modelyard-node"
CGROUP = "modelyard"
"""Name of the node's cgroup in every hierarchy, so that what pods leave there can be found."""

_NODE_SETUP = """#!/bin/sh
# Runs in the node's own namespaces: nothing here is seen outside of them.
set -e
mount --make-rshared /
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/netns /run/lock
mount --bind "$1/cluster/log" /var/log
ip link set lo up
echo 1 >/proc/sys/net/ipv4/ip_forward
touch /run/ready
exec sleep infinity
"""


@dataclass(frozen=True)
class Node:
    """The running node, known by the process that holds its namespaces."""

    pid: int

    def enter(self, argv: Sequence[str]) -> list[str]:
        """The command line that runs ``argv`` in the node."""
        return ["nsenter", "--target", str(self.pid), "--mount", "--net", "--pid", "--", *argv]

    def spawn(self, argv: Sequence[str], log: Path) -> None:
        """Start a process in the node that outlives this one, its output added to ``log``."""
        start_detached(self.enter(argv), log)

    def processes(self) -> Iterator[psutil.Process]:
        """Every process in the node, those of containers included, which have namespaces of their own in it."""
        mine = _namespace(self.pid)
        inside: set[int] = set()
        # By age, so that a parent is known before its children.
        for process in sorted(psutil.process_iter(["ppid", "create_time"]), key=lambda one: one.info["create_time"]):
            if mine is not None and (_namespace(process.pid) == mine or process.info["ppid"] in inside):
                inside.add(process.pid)
                yield process

    def running(self, program: str) -> psutil.Process | None:
        """The node's process that was started as ``program``, or None."""
        for process in self.processes():
            with contextlib.suppress(psutil.Error, IndexError):
                if Path(process.cmdline()[0]).name == program and process.status() != psutil.STATUS_ZOMBIE:
                    return process
        return None


def find_node(paths: Paths) -> Node | None:
    """The node that runs from these paths, or None."""
    script = str(_script(paths))
    for process in psutil.process_iter(["cmdline", "name"]):
        if process.info["name"] == "tini" and script in (process.info["cmdline"] or []):
            return Node(process.pid)
    return None


def is_whole(node: Node) -> bool:
    """Whether the node was made to its end: one whose making was interrupted has no network or no home."""
    return _whole(node).exists()


def _whole(node: Node) -> Path:
    return Path(f"/proc/{node.pid}/root/run/whole")


def start_node(paths: Paths) -> Node:
    """Make the namespaces, the cable to this machine and the cgroups, and say who holds them."""
    (paths.cluster / "log").mkdir(parents=True, exist_ok=True)
    script = _script(paths)
    script.write_text(_NODE_SETUP)
    script.chmod(0o755)
    _make_cgroups()
    namespaces = ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"]
    holder = ["tini", "-s", "--", str(script), str(paths.home)]
    start_detached([*namespaces, "--propagation", "private", "--", *holder], paths.logs / "node.log")
    node = wait_for(lambda: find_node(paths), "the node's namespaces")
    ready = Path(f"/proc/{node.pid}/root/run/ready")
    wait_for(lambda: ready.exists() or None, "the node's mounts")
    _connect(node)
    if paths.home != DEFAULT_HOME:
        subprocess.run(node.enter(["mkdir", "-p", str(DEFAULT_HOME)]), check=True)
        subprocess.run(node.enter(["mount", "--rbind", str(paths.home), str(DEFAULT_HOME)]), check=True)
    _whole(node).touch()
    return node


def stop_node(node: Node) -> None:
    """End the node and everything in it, and wait until it is gone."""
    gone = list(node.processes())
    with contextlib.suppress(psutil.NoSuchProcess):
        psutil.Process(node.pid).kill()
    psutil.wait_procs(gone, timeout=30)
    _await_no_link()
    _remove_cgroups()


def _script(paths: Paths) -> Path:
    return paths.cluster / HOLDER


def _namespace(pid: int) -> int | None:
    try:
        return Path(f"/proc/{pid}/ns/pid").stat().st_ino
    except OSError:
        return None


def _link() -> Path:
    return Path(f"/sys/class/net/{HOST_LINK}")


def _await_no_link() -> None:
    wait_for(lambda: None if _link().exists() else True, "the network of the last node to go")


def _connect(node: Node) -> None:
    ip = shutil.which("ip") or "ip"
    if _link().exists():
        # The kernel takes a moment to clear away the network of a node that has ended.
        subprocess.run([ip, "link", "delete", HOST_LINK], check=False, capture_output=True)
        _await_no_link()
    inside = ["nsenter", "--target", str(node.pid), "--net", "--", ip]
    output_of([ip, "link", "add", HOST_LINK, "type", "veth", "peer", "name", NODE_LINK, "netns", str(node.pid)])
    output_of([ip, "address", "add", f"{HOST_ADDRESS}/{LINK_PREFIX}", "dev", HOST_LINK])
    output_of([ip, "link", "set", HOST_LINK, "up"])
    output_of([*inside, "address", "add", f"{NODE_ADDRESS}/{LINK_PREFIX}", "dev", NODE_LINK])
    output_of([*inside, "link", "set", NODE_LINK, "up"])
    # The kubelet takes its address from the interface of the default route.
    output_of([*inside, "route", "add", "default", "via", HOST_ADDRESS])


def cgroup_folders(root: Path = Path("/sys/fs/cgroup")) -> list[Path]:
    """The node's cgroup in every hierarchy: one folder with cgroup v2, one a controller with v1."""
    if (root / "cgroup.controllers").exists():
        return [root / CGROUP]
    return sorted({path.resolve() / CGROUP for path in root.iterdir() if (path / "cgroup.procs").exists()})


def _make_cgroups() -> None:
    for folder in cgroup_folders():
        folder.mkdir(exist_ok=True)
        # A new cpuset is empty, and no process may enter an empty one.
        for name in ("cpuset.cpus", "cpuset.mems"):
            own, parent = folder / name, folder.parent / name
            if own.exists() and parent.exists() and not own.read_text().strip():
                own.write_text(parent.read_text())


def _remove_cgroups() -> None:
    for folder in cgroup_folders():
        if folder.exists():
            for nested in sorted(folder.rglob("*"), key=lambda path: len(path.parts), reverse=True):
                if nested.is_dir():
                    _remove_cgroup(nested)
            _remove_cgroup(folder)


def _remove_cgroup(folder: Path) -> None:
    # A cgroup is busy for a moment after its last process ended.
    def removed() -> bool | None:
        try:
            folder.rmdir()
        except OSError:
            return None
        return True

    wait_for(removed, f"the cgroup {folder} to empty")

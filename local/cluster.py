"""Starting, looking at and stopping the embedded cluster."""

import hashlib
import json
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import grpc
import psutil
import yaml

from local.control_plane import NODE_NAME, Program, config_files, programs
from local.errors import LocalError
from local.images import IMAGES
from local.kubeconfigs import write_kubeconfigs
from local.kubectl import get, kubectl
from local.node import Node, find_node, is_whole, start_node, stop_node
from local.paths import Paths
from local.pki import make_certificates
from local.shell import CommandError, run_logged
from local.waiting import wait_for

GPUS = 2
"""Simulated GPUs of the node."""

ADDONS = Path(__file__).parent / "addons"

CTR = ("ctr", "--address=/run/containerd/containerd.sock", "--namespace=k8s.io")
"""containerd's own client, in the namespace that the kubelet uses."""

Say = Callable[[str], None]
"""Told what is being done, a short line at a time."""


@dataclass(frozen=True)
class ProgramStatus:
    """A process of the cluster: its process ID and memory in MiB, or None where it does not run."""

    name: str
    pid: int | None
    memory_mib: float | None


@dataclass(frozen=True)
class ClusterStatus:
    """What runs of the cluster."""

    programs: tuple[ProgramStatus, ...]
    node_ready: bool
    gpus: int

    @property
    def healthy(self) -> bool:
        """Whether everything runs and the node takes pods."""
        return self.node_ready and self.gpus == GPUS and all(program.pid for program in self.programs)


def up(paths: Paths, say: Say) -> None:
    """Start what does not run of the cluster, and wait until the node takes pods.

    Running it again changes nothing, and mends a cluster of which processes were killed.

    Raises:
        LocalError: when a program does not come up; the text names its log.
    """
    pki = paths.cluster / "pki"
    make_certificates(pki, NODE_NAME)
    write_kubeconfigs(pki, paths.kubeconfig)
    _write_config(paths)
    node = find_node(paths)
    if node is not None and not is_whole(node):
        stop_node(node)
        node = None
    if node is None:
        say("node: new namespaces")
        node = start_node(paths)
    begin = datetime.now(UTC)
    for program in programs(paths):
        started = _start(node, paths, program, say)
        if program.name == "kube-apiserver":
            _await_api(paths)
        if program.name == "containerd":
            _await_containerd(node, paths)
        if program.name == "kubelet" and started:
            _await_kubelet(paths, begin)
    import_images(paths, IMAGES, say)
    # The definitions are too large for the annotation that `apply` keeps by itself of what it was given.
    apply = ("apply", "--server-side", "--force-conflicts")
    kubectl(paths, *apply, f"--filename={ADDONS}", f"--filename={paths.monitoring_crds}")
    kubectl(paths, "wait", f"--filename={paths.monitoring_crds}", "--for=condition=Established")
    _await_node(paths)
    _offer_gpus(paths)
    _await_dns(paths, say)
    _check_running(node, paths)


def down(paths: Paths) -> bool:
    """Stop the cluster and leave no process, mount, namespace or rule of it; say whether there was one.

    Its state (etcd, images, certificates) stays, and ``up`` goes on from it.
    """
    node = find_node(paths)
    if node is None:
        return False
    stop_node(node)
    return True


def reset(paths: Paths) -> None:
    """Stop the cluster and delete its state and that of the stacks put on it."""
    down(paths)
    shutil.rmtree(paths.cluster, ignore_errors=True)
    shutil.rmtree(paths.pulumi, ignore_errors=True)
    paths.kubeconfig.unlink(missing_ok=True)


def status(paths: Paths) -> ClusterStatus:
    """What runs of the cluster."""
    node = find_node(paths)
    running = {program.name: node.running(program.name) if node else None for program in programs(paths)}
    found = get(paths, "node", NODE_NAME) if node else None
    return ClusterStatus(
        programs=tuple(_program_status(name, process) for name, process in running.items()),
        node_ready=_is_ready(found),
        gpus=int((found or {}).get("status", {}).get("allocatable", {}).get("nvidia.com/gpu", 0)),
    )


def _program_status(name: str, process: psutil.Process | None) -> ProgramStatus:
    if process is None:
        return ProgramStatus(name, None, None)
    return ProgramStatus(name, process.pid, process.memory_info().rss / 2**20)


def _write_config(paths: Paths) -> None:
    for name, content in config_files(paths).items():
        path = paths.cluster / "config" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        text = content if isinstance(content, str) else _rendered(path, content)
        # kube-proxy ends when its file is written, even with the same text.
        if not path.exists() or path.read_text() != text:
            path.write_text(text)


def _rendered(path: Path, document: dict[str, Any]) -> str:
    if path.suffix == ".yaml":
        return yaml.safe_dump(document, sort_keys=False)
    return json.dumps(document, indent=2)


def _start(node: Node, paths: Paths, program: Program, say: Say) -> bool:
    """Start a program, or start it anew where it runs with another configuration; say whether it was started."""
    inputs = "\0".join([*program.argv, *(map(repr, config_files(paths).values()))])
    fingerprint = hashlib.sha256(inputs.encode()).hexdigest()
    # On the node's own /run, so that it is gone together with the processes it speaks of.
    marker = Path(f"/proc/{node.pid}/root/run/started-{program.name}")
    process = node.running(program.name)
    if process and marker.exists() and marker.read_text() == fingerprint:
        return False
    if process:
        process.kill()
        process.wait(timeout=30)
    say(f"{program.name}: starting")
    node.spawn(program.argv, paths.logs / f"{program.name}.log")
    marker.write_text(fingerprint)
    return True


def _await(probe: Callable[[], object | None], what: str, log: Path, *, seconds: float) -> None:
    try:
        wait_for(probe, what, seconds=seconds, every=0.2)
    except TimeoutError as error:
        problem = f"The embedded cluster did not come up: {error}."
        remedy = f"Look at the end of {log}; then try `make local-down` and `make local-up`."
        raise LocalError(problem, remedy) from None


def _await_api(paths: Paths) -> None:
    def answers() -> bool | None:
        try:
            return kubectl(paths, "get", "--raw=/readyz", "--request-timeout=2s") == "ok" or None
        except CommandError:
            return None

    _await(answers, "the API server", paths.logs / "kube-apiserver.log", seconds=90)


def _await_containerd(node: Node, paths: Paths) -> None:
    """Wait until containerd answers as it answers the kubelet, which does not start before: its own API comes first."""
    with grpc.insecure_channel(f"unix:/proc/{node.pid}/root/run/containerd/containerd.sock") as channel:
        # A request without fields is an empty message, and what is in the answer does not matter.
        version = channel.unary_unary("/runtime.v1.RuntimeService/Version")

        def answers() -> bool | None:
            try:
                return bool(version(b"", timeout=5, wait_for_ready=True))
            except grpc.RpcError:
                return None

        _await(answers, "containerd", paths.logs / "containerd.log", seconds=60)


def _await_kubelet(paths: Paths, begin: datetime) -> None:
    """Wait until the kubelet that was just started speaks: what the API says of the node before is old."""

    def renewed() -> bool | None:
        lease = get(paths, "lease", NODE_NAME, "--namespace=kube-node-lease") or {}
        when = lease.get("spec", {}).get("renewTime")
        return (when is not None and datetime.fromisoformat(when) > begin) or None

    _await(renewed, "the kubelet", paths.logs / "kubelet.log", seconds=120)


def _await_node(paths: Paths) -> None:
    def ready() -> bool | None:
        return _is_ready(get(paths, "node", NODE_NAME)) or None

    _await(ready, "the node to be ready", paths.logs / "kubelet.log", seconds=120)


def _check_running(node: Node, paths: Paths) -> None:
    for program in programs(paths):
        if node.running(program.name) is None:
            problem = f"{program.name} started and ended again."
            raise LocalError(problem, f"The end of {paths.logs / program.name}.log says why; then `make local-up`.")


def _is_ready(node: dict[str, object] | None) -> bool:
    conditions = (node or {}).get("status", {}).get("conditions", [])  # type: ignore[attr-defined]
    return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)


def _offer_gpus(paths: Paths) -> None:
    node = get(paths, "node", NODE_NAME) or {}
    if node.get("status", {}).get("capacity", {}).get("nvidia.com/gpu") == str(GPUS):
        return
    patch = [{"op": "add", "path": "/status/capacity/nvidia.com~1gpu", "value": str(GPUS)}]
    kubectl(paths, "patch", "node", NODE_NAME, "--subresource=status", "--type=json", f"--patch={json.dumps(patch)}")

    def offered() -> bool | None:
        found = get(paths, "node", NODE_NAME) or {}
        return found.get("status", {}).get("allocatable", {}).get("nvidia.com/gpu") == str(GPUS) or None

    _await(offered, "the simulated GPUs to be allocatable", paths.logs / "kubelet.log", seconds=60)


def _await_dns(paths: Paths, say: Say) -> None:
    def answers() -> bool | None:
        found = get(paths, "deployment", "coredns", "--namespace=kube-system") or {}
        return found.get("status", {}).get("readyReplicas", 0) > 0 or None

    say("waiting for DNS")
    _await(answers, "CoreDNS to be ready", paths.logs / "kubelet.log", seconds=120)


def import_images(paths: Paths, names: Iterable[str], say: Say) -> None:
    """Bring images into the cluster, which must run, each from its archive where that is another than before."""
    node = find_node(paths)
    if node is None:
        raise LocalError("The embedded cluster does not run.", "Run `make local-up` first.")
    imported = paths.cluster / "imported"
    imported.mkdir(exist_ok=True)
    for name in names:
        archive = paths.images / f"{name}.tar"
        # The archive's own time and size: an image that was built anew is imported anew.
        stamp = f"{archive.stat().st_mtime_ns} {archive.stat().st_size}"
        marker = imported / name
        if marker.exists() and marker.read_text() == stamp:
            continue
        say(f"image {name}: importing")
        with (paths.logs / "images.log").open("a") as log:
            run_logged(node.enter([*CTR, "images", "import", str(archive)]), log)
        marker.write_text(stamp)

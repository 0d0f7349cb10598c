"""NetworkPolicies that are enforced on the embedded cluster, whose own network lets everything through.

kube-network-policies decides on the first packet of each connection. It gets them from a queue of the kernel's, into
which a rule of iptables puts them: rules of its own, by nftables, take a part of the kernel that not every machine has
(``CONFIG_NFT_QUEUE``).
"""

import subprocess
from pathlib import Path

from local.cluster import Say, import_images
from local.enforcement.image import PROGRAM
from local.errors import LocalError
from local.kubectl import kubectl
from local.network import POD_RANGE
from local.node import Node, find_node
from local.paths import Paths
from local.shell import output_of
from local.waiting import wait_for

MANIFESTS = Path(__file__).with_name("enforcement.yaml")

_QUEUE = "100"
"""The number that kube-network-policies gives its queue."""

# What the node itself sends, such as the kubelet's probes, is let through everywhere. Without a reader of the queue
# everything is, so that nothing hangs on a pod that has ended.
_RULE = [
    *("POSTROUTING", "--destination", POD_RANGE),
    *("--match", "addrtype", "!", "--src-type", "LOCAL"),
    *("--match", "conntrack", "--ctstate", "NEW"),
    *("--jump", "NFQUEUE", "--queue-num", _QUEUE, "--queue-bypass"),
]


def start(paths: Paths, say: Say) -> None:
    """Start what does not run of it, and return when policies are enforced: on new connections between pods.

    Raises:
        LocalError: when the cluster does not run.
        CommandError: when the cluster or the kernel refuses a part of it.
        TimeoutError: when the queue has no reader after a minute.
    """
    node = _node(paths)
    import_images(paths, (PROGRAM,), say)
    kubectl(paths, "apply", "--server-side", "--force-conflicts", f"--filename={MANIFESTS}")
    # It opens the queue when it knows all pods and policies.
    wait_for(lambda: _has_reader(node) or None, "kube-network-policies to open its queue", seconds=60, every=0.2)
    if not _has_rule(node):
        output_of(_iptables(node, "--append"))


def stop(paths: Paths) -> None:
    """Take away what there is of it: everything is let through again.

    Raises:
        LocalError: when the cluster does not run.
    """
    node = _node(paths)
    if _has_rule(node):
        output_of(_iptables(node, "--delete"))
    kubectl(paths, "delete", "--ignore-not-found", f"--filename={MANIFESTS}")


def _node(paths: Paths) -> Node:
    node = find_node(paths)
    if node is None:
        raise LocalError("The embedded cluster does not run.", "Run `make local-up` first.")
    return node


def _has_reader(node: Node) -> bool:
    # One line a queue, of which the first column is its number.
    queues = Path(f"/proc/{node.pid}/net/netfilter/nfnetlink_queue").read_text().splitlines()
    return any(line.split()[0] == _QUEUE for line in queues)


def _has_rule(node: Node) -> bool:
    return subprocess.run(_iptables(node, "--check"), capture_output=True, check=False).returncode == 0


def _iptables(node: Node, action: str) -> list[str]:
    return node.enter(["iptables", "--wait", "--table", "mangle", action, *_RULE])

"""Whether this machine has the kubeconfig by which a stack's cluster is reached. The cluster itself is not asked."""

import os
from dataclasses import dataclass
from pathlib import Path

from stacks.settings import ClusterSettings


@dataclass(frozen=True)
class Missing:
    """A kubeconfig that is not there."""

    seen: str
    """What is missing, as a sentence without its end."""
    remedy: str
    """What to do about it."""


def missing(cluster: ClusterSettings) -> Missing | None:
    """What is missing of a cluster's kubeconfig. None: nothing."""
    path = cluster.kubeconfig_path
    if path is None:
        return None if cluster.kubeconfig_contents is not None else _missing_default()
    if Path(path).expanduser().is_file():
        return None
    if cluster.kind == "embedded":
        return Missing(f"there is no file {path}", "Run `make local-up`, which writes it.")
    return Missing(
        f"modelyard:cluster.kubeconfig: there is no file {path}",
        "Write the path of one that is there, or remove the setting: then KUBECONFIG counts.",
    )


def _missing_default() -> Missing | None:
    # Where kubectl finds none, it asks whatever listens on this machine's port 8080. In a pod it needs none.
    given = [Path(path) for path in os.environ.get("KUBECONFIG", "").split(os.pathsep) if path]
    looked = given or [Path.home() / ".kube" / "config"]
    if "KUBERNETES_SERVICE_HOST" in os.environ or any(path.is_file() for path in looked):
        return None
    return Missing(
        f"there is no file {' or '.join(map(str, looked))}",
        "Set KUBECONFIG, or write modelyard:cluster.kubeconfig, to the kubeconfig of your cluster.",
    )

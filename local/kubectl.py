"""kubectl against the embedded cluster."""

import json
from pathlib import Path
from typing import Any

from local.errors import LocalError
from local.network import HOST_LINK
from local.paths import Paths
from local.shell import CommandError, output_of
from stacks.kubectl import Kubectl


def check_reachable() -> None:
    """Refuse to speak to a cluster that does not run: without its link, its addresses are some other network's.

    Raises:
        LocalError: when the link to the node is not there.
    """
    if not Path(f"/sys/class/net/{HOST_LINK}").exists():
        raise LocalError("The embedded cluster does not run.", "Run `make local-up` first.")


def kubectl(paths: Paths, *arguments: str, stdin: str | None = None) -> str:
    """What kubectl prints.

    Raises:
        CommandError: when it fails.
        LocalError: when the cluster does not run.
    """
    check_reachable()
    own = Kubectl(str(paths.bin / "kubectl"), str(paths.kubeconfig), None, "default")
    return output_of([*own.command, *arguments], stdin=stdin)


def get(paths: Paths, *arguments: str) -> dict[str, Any] | None:
    """The object or list that ``kubectl get`` finds, or None when there is none or the API is not there."""
    try:
        found: dict[str, Any] = json.loads(kubectl(paths, "get", *arguments, "--output=json"))
    except CommandError:
        return None
    return found

"""kubectl against the embedded cluster."""

import json
from typing import Any

from local.paths import Paths
from local.shell import CommandError, output_of


def kubectl(paths: Paths, *arguments: str, stdin: str | None = None) -> str:
    """What kubectl prints.

    Raises:
        CommandError: when it fails.
    """
    return output_of([str(paths.bin / "kubectl"), f"--kubeconfig={paths.kubeconfig}", *arguments], stdin=stdin)


def get(paths: Paths, *arguments: str) -> dict[str, Any] | None:
    """The object or list that ``kubectl get`` finds, or None when there is none or the API is not there."""
    try:
        found: dict[str, Any] = json.loads(kubectl(paths, "get", *arguments, "--output=json"))
    except CommandError:
        return None
    return found

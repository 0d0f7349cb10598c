"""Which Pulumi is run for a stack, and with what: the one on PATH, or the one that was built here."""

import os
from pathlib import Path

from local.errors import LocalError
from local.paths import Paths
from local.toolchain import installed_pulumi

STACK = "local"

PASSPHRASE = "modelyard-local"  # noqa: S105 - belongs to the salt in stacks/Pulumi.local.yaml, which holds no secret
"""Passphrase of the local stack. The stack exists on one machine and keeps nothing worth hiding."""


def environment(paths: Paths, stack: str = STACK) -> dict[str, str]:
    """What is added to the environment: for the local stack its file backend, for any the plugins built here."""
    added = {"PULUMI_SKIP_UPDATE_CHECK": "true"}
    if stack == STACK:
        state = paths.pulumi / "state"
        state.mkdir(parents=True, exist_ok=True)
        added |= {"PULUMI_BACKEND_URL": f"file://{state}", "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE}
    if installed_pulumi(paths.bin) is None:
        added |= {
            "PATH": f"{paths.bin}{os.pathsep}{os.environ.get('PATH', '')}",
            "PULUMI_HOME": str(paths.pulumi_home),
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            # The plugins are linked into that home; found on PATH as well, each would bring a warning.
            "PULUMI_IGNORE_AMBIENT_PLUGINS": "true",
        }
    return added


def program(paths: Paths) -> Path:
    """The Pulumi CLI: the one on PATH where it is recent enough, else the one that was built here.

    Raises:
        LocalError: when there is neither.
    """
    found = installed_pulumi(paths.bin) or paths.bin / "pulumi"
    if not found.exists():
        raise LocalError("There is no 'pulumi' here yet.", "Run `make setup`, which builds it.")
    return found

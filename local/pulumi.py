"""The ordinary ``pulumi`` command for the local stack: its backend, its passphrase, its plugins."""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from local.errors import LocalError
from local.paths import CHECKOUT, Paths
from local.toolchain import installed_pulumi

STACK = "local"

PASSPHRASE = "modelyard-local"  # noqa: S105 - belongs to the salt in stacks/Pulumi.local.yaml, which holds no secret
"""Passphrase of the local stack. The stack exists on one machine and keeps nothing worth hiding."""


def environment(paths: Paths) -> dict[str, str]:
    """What the local stack adds to the environment: a file backend, and the plugins that were built here."""
    state = paths.pulumi / "state"
    state.mkdir(parents=True, exist_ok=True)
    added = {
        "PULUMI_BACKEND_URL": f"file://{state}",
        "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE,
        "PULUMI_SKIP_UPDATE_CHECK": "true",
    }
    if installed_pulumi(paths.bin) is None:
        added |= {
            "PATH": f"{paths.bin}{os.pathsep}{os.environ.get('PATH', '')}",
            "PULUMI_HOME": str(paths.pulumi / "home"),
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        }
    return added


def pulumi(paths: Paths, arguments: Sequence[str], *, capture: bool = False) -> subprocess.CompletedProcess[str]:
    """Run ``pulumi`` in the checkout with the local stack's environment.

    Its output goes where this program's goes, or, with ``capture``, into the result.
    """
    found = installed_pulumi(paths.bin) or paths.bin / "pulumi"
    if not Path(found).exists():
        raise LocalError("There is no 'pulumi' here yet.", "Run `make setup`, which builds it.")
    return subprocess.run(
        [str(found), *arguments],
        cwd=CHECKOUT,
        env={**os.environ, **environment(paths)},
        text=True,
        capture_output=capture,
        check=False,
    )


def select_stack(paths: Paths) -> None:
    """Make the local stack's state where there is none yet.

    Raises:
        LocalError: with what Pulumi said.
    """
    made = pulumi(paths, ["stack", "select", STACK, "--create", "--non-interactive"], capture=True)
    if made.returncode:
        raise LocalError(
            f"Pulumi could not make the stack '{STACK}': {made.stderr.strip()}",
            "Read its message above; `make local-reset` starts over with an empty cluster and an empty state.",
        )


def up(paths: Paths, arguments: Sequence[str] = ()) -> None:
    """``pulumi up`` of the local stack.

    Raises:
        LocalError: when it failed; what it printed says why.
    """
    select_stack(paths)
    # An `up` that was killed half-way leaves operations pending, and the next one must not stop at them.
    done = pulumi(paths, ["up", f"--stack={STACK}", "--yes", "--skip-preview", *arguments])
    if done.returncode:
        raise LocalError(
            f"`pulumi up` of the stack '{STACK}' failed; its messages are above.",
            "Correct what they name and run the same command: it goes on from what is made already.",
        )

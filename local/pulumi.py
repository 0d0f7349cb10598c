"""The ordinary ``pulumi`` command for the local stack: its backend, its passphrase, its plugins."""

import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

import psutil

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


def pulumi(paths: Paths, arguments: Sequence[str], *, capture: bool = False) -> subprocess.CompletedProcess[str]:
    """Run ``pulumi`` in the checkout with the local stack's environment.

    Its output goes where this program's goes, or, with ``capture``, into the result.
    """
    return subprocess.run(
        [str(program(paths)), *arguments],
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


def release_stale_lock(paths: Paths) -> None:
    """Take away the lock of an update that was killed, so that the next one can finish its work.

    A lock whose process still runs stays: Pulumi then says who holds it.
    """
    locks = list((paths.pulumi / "state" / ".pulumi" / "locks").rglob("*.json"))
    holders = [json.loads(lock.read_text()).get("pid") for lock in locks]
    if locks and not any(psutil.pid_exists(pid) for pid in holders if pid is not None):
        pulumi(paths, ["cancel", f"--stack={STACK}", "--yes"], capture=True)


def up(paths: Paths, arguments: Sequence[str] = ()) -> None:
    """``pulumi up`` of the local stack.

    Raises:
        LocalError: when it failed; what it printed says why.
    """
    select_stack(paths)
    release_stale_lock(paths)
    done = pulumi(paths, ["up", f"--stack={STACK}", "--yes", "--skip-preview", *arguments])
    if done.returncode:
        raise LocalError(
            f"`pulumi up` of the stack '{STACK}' failed; its messages are above.",
            "Correct what they name and run the same command: it goes on from what is made already.",
        )

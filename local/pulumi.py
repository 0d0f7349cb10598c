"""The ordinary ``pulumi`` command for the local stack: its backend, its passphrase, its plugins."""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from local.errors import LocalError
from local.kubectl import check_reachable, get
from local.paths import CHECKOUT, Paths
from local.toolchain import installed_pulumi
from stacks import automation

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


def pulumi(
    paths: Paths, arguments: Sequence[str], *, stack: str = STACK, capture: bool = False
) -> subprocess.CompletedProcess[str]:
    """Run ``pulumi`` in the checkout with a stack's environment.

    Its output goes where this program's goes, or, with ``capture``, into the result.
    """
    return subprocess.run(
        [str(program(paths)), *arguments],
        cwd=CHECKOUT,
        env={**os.environ, **environment(paths, stack)},
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


def recover() -> None:
    """Take up what an update that was killed left behind, so that the next one finishes its work.

    Raises:
        LocalError: with what Pulumi said.
    """
    try:
        automation.recover(STACK)
    except automation.LockedError:
        # It runs: the command that comes now says who holds the lock.
        return
    except automation.AutomationError as error:
        raise LocalError(
            f"An update was interrupted, and taking up what it left failed: {error.problem}",
            f"{error.remedy} `make local-reset` starts over with an empty cluster and an empty state.",
        ) from None


def up(paths: Paths, arguments: Sequence[str] = ()) -> None:
    """``pulumi up`` of the local stack.

    Raises:
        LocalError: when it failed; what it printed says why.
    """
    check_reachable()
    select_stack(paths)
    recover()
    done = pulumi(paths, ["up", f"--stack={STACK}", "--yes", "--skip-preview", *arguments])
    if done.returncode:
        reasons = "".join(f"\n{reason}" for reason in unschedulable(paths))
        raise LocalError(
            f"`pulumi up` of the stack '{STACK}' failed; its messages are above.{reasons}",
            "Correct what they name and run the same command: it goes on from what is made already.",
        )


def unschedulable(paths: Paths) -> list[str]:
    """What the scheduler says of the pods that it finds no node for, which Pulumi's own wait leaves out."""
    pods = (get(paths, "pods", "--all-namespaces", "--field-selector=status.phase=Pending") or {}).get("items", [])
    return [
        f"Pod {pod['metadata']['name']} is Pending: {condition['message']}"
        for pod in pods
        for condition in pod["status"].get("conditions", [])
        if condition["type"] == "PodScheduled" and condition["status"] == "False"
    ]

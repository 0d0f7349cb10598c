"""The ordinary ``pulumi`` command for the local stack."""

import os
import subprocess
from collections.abc import Sequence

from local.errors import LocalError
from local.kubectl import check_reachable, get
from local.paths import CHECKOUT, Paths
from local.pulumi_cli import STACK, environment, program
from local.shell import run_to_its_end
from stacks import automation


def pulumi(
    paths: Paths, arguments: Sequence[str], *, stack: str = STACK, capture: bool = False
) -> subprocess.CompletedProcess[str]:
    """Run ``pulumi`` in the checkout with a stack's environment.

    Its output goes where this program's goes, or, with ``capture``, into the result.
    """
    return run_to_its_end(
        [str(program(paths)), *arguments],
        cwd=CHECKOUT,
        env={**os.environ, **environment(paths, stack)},
        capture=capture,
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

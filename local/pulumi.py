"""The ordinary ``pulumi`` command for the local stack: its backend, its passphrase, its plugins."""

import json
import os
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil

from local.errors import LocalError
from local.kubectl import check_reachable, get
from local.paths import CHECKOUT, Paths
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


def recover(paths: Paths) -> None:
    """Take up what an update that was killed left behind, so that the next one finishes its work.

    Its lock goes, unless its process still runs: then Pulumi says who holds it. Objects that it was
    making are read into the state by their names, or the next update would not know that they are there.

    Raises:
        LocalError: with what Pulumi said.
    """
    locks = list((paths.pulumi / "state" / ".pulumi" / "locks").rglob(f"{STACK}/*.json"))
    if any(_is_pulumi(json.loads(lock.read_text()).get("pid")) for lock in locks):
        return
    if locks:
        _checked(paths, ["cancel", f"--stack={STACK}", "--yes"])
    state = json.loads(_checked(paths, ["stack", "export", f"--stack={STACK}"]))
    if not state["deployment"].get("pending_operations"):
        return
    adopt_pending_creates(state)
    with tempfile.NamedTemporaryFile("w", suffix=".json") as repaired:
        json.dump(state, repaired)
        repaired.flush()
        _checked(paths, ["stack", "import", f"--stack={STACK}", f"--file={repaired.name}"])
    # What was not made after all goes out of the state again, and the rest is read from the cluster.
    _checked(paths, ["refresh", f"--stack={STACK}", "--yes", "--skip-preview", "--non-interactive"])


def _is_pulumi(pid: int | None) -> bool:
    try:
        return pid is not None and psutil.Process(pid).name().startswith("pulumi")
    except psutil.NoSuchProcess:
        return False


def adopt_pending_creates(state: dict[str, Any]) -> None:
    """Move the Kubernetes objects that an exported state says were being made to those that it says are there.

    Their IDs are known, for the program names its objects itself. Other pending operations are dropped,
    as ``pulumi refresh`` does with them.
    """
    deployment = state["deployment"]
    for operation in deployment.pop("pending_operations", None) or ():
        resource = operation["resource"]
        if operation["type"] == "creating" and resource["type"].startswith("kubernetes:"):
            metadata = resource["inputs"]["metadata"]
            identifier = "/".join(filter(None, (metadata.get("namespace"), metadata["name"])))
            deployment["resources"].append({**resource, "id": identifier, "outputs": resource["inputs"]})


def _checked(paths: Paths, arguments: Sequence[str]) -> str:
    done = pulumi(paths, arguments, capture=True)
    if done.returncode:
        raise LocalError(
            f"An update was interrupted, and taking up what it left failed at `pulumi {arguments[0]}`: "
            f"{(done.stderr or done.stdout).strip()}",
            "Read its message; `make local-reset` starts over with an empty cluster and an empty state.",
        )
    return done.stdout


def up(paths: Paths, arguments: Sequence[str] = ()) -> None:
    """``pulumi up`` of the local stack.

    Raises:
        LocalError: when it failed; what it printed says why.
    """
    check_reachable()
    select_stack(paths)
    recover(paths)
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

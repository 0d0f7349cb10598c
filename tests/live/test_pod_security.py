"""What Pod Security's own admission says of the pods that run, asked by a change of a namespace that is not made."""

import subprocess

import pytest

from local.paths import Paths

pytestmark = pytest.mark.live


def said_of_pods(paths: Paths, standard: str) -> list[str]:
    """The API server's warnings, were the namespace of models and gateway to have this standard."""
    change = ["label", "namespace", "default", f"pod-security.kubernetes.io/enforce={standard}", "--overwrite"]
    done = subprocess.run(
        [paths.bin / "kubectl", f"--kubeconfig={paths.kubeconfig}", *change, "--dry-run=server"],
        capture_output=True,
        text=True,
        check=True,
    )
    return [line.removeprefix("Warning: ") for line in done.stderr.splitlines()]


def test_restricted_refuses_the_folders_of_the_node_and_nothing_else(stack: Paths) -> None:
    first, *violations = said_of_pods(stack, "restricted")
    assert first.startswith("existing pods in namespace ")
    # The local stack's models have theirs from such folders. The gateway's pod is in no line.
    assert [line.partition(": ")[2] for line in violations] == ["restricted volume types"]
    assert all(line.startswith("gemma-2-2b-0 (and 1 other pod): ") for line in violations)


def test_privileged_refuses_nothing(stack: Paths) -> None:
    assert said_of_pods(stack, "privileged") == []

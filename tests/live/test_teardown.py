"""The end of the local stack on the embedded cluster. It stands behind all files whose tests need the stack."""

import pytest

from local import pulumi as pulumi_command
from local.kubectl import get
from local.paths import Paths
from local.pulumi_cli import STACK
from local.waiting import wait_for

pytestmark = [pytest.mark.live, pytest.mark.timeout(1200)]


def test_destroy_leaves_nothing(stack: Paths) -> None:
    done = pulumi_command.pulumi(
        stack, ["destroy", f"--stack={STACK}", "--yes", "--skip-preview", "--non-interactive"], capture=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    kinds = "statefulset,deployment,replicaset,service,configmap,secret,poddisruptionbudget,horizontalpodautoscaler"
    left = get(stack, kinds, "--all-namespaces", "--selector=app.kubernetes.io/part-of=modelyard")
    assert left is not None
    assert [(item["kind"], item["metadata"]["name"]) for item in left["items"]] == []
    wait_for(lambda: _no_pods(stack), "the pods to end", seconds=120, every=0.5)


def _no_pods(paths: Paths) -> bool | None:
    found = get(paths, "pods", "--selector=app.kubernetes.io/part-of=modelyard")
    return (found is not None and not found["items"]) or None

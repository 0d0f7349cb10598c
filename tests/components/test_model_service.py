"""A native model service: its children and how Pulumi waits for them."""

from typing import Any

import pytest

from components.gpu_node_pool.existing import ExistingGpuNodePool
from components.model_service.contract import ModelServiceArgs
from components.model_service.native import NativeModelService
from stacks.settings import ExistingPoolSettings, ModelSettings, ServingSettings
from tests.components.conftest import Program, Run
from tests.components.stacks import QWEN


def deploy(run: Run, **changes: Any) -> Program:
    def build() -> None:
        pool = ExistingGpuNodePool(
            "pool", ExistingPoolSettings.model_validate({"name": "gpu", **changes.pop("gpu", {})})
        )
        model = ModelSettings.model_validate({**QWEN, **changes})
        NativeModelService("qwen", ModelServiceArgs(model, pool.placement, ServingSettings(), "default"))

    return run(build)


def children(program: Program) -> set[str]:
    return {found.name for found in program.resources if found.parent == "qwen"}


def test_what_is_not_needed_is_not_made(run: Run) -> None:
    assert children(deploy(run)) == {"qwen-replicas", "qwen-service", "qwen-lb-service"}


def test_replicas_are_guarded(run: Run) -> None:
    assert "qwen-budget" in children(deploy(run, replicas=2))


def test_autoscaled_replicas_are_guarded_scaled_and_left_to_the_scaler(run: Run) -> None:
    program = deploy(run, autoscaling={"maxReplicas": 3})
    assert {"qwen-budget", "qwen-autoscaler"} <= children(program)
    stateful_set = program.named("qwen-replicas")
    assert "replicas" not in stateful_set.inputs["spec"]
    assert list(stateful_set.request.ignoreChanges) == ["spec.replicas"]


def test_a_number_of_replicas_is_held(run: Run) -> None:
    stateful_set = deploy(run, replicas=2).named("qwen-replicas")
    assert stateful_set.inputs["spec"]["replicas"] == 2
    assert list(stateful_set.request.ignoreChanges) == []


@pytest.mark.parametrize(("replicas", "seconds"), [(1, "3790s"), (3, "11370s")])
def test_pulumi_waits_as_long_as_the_model_may_take(run: Run, replicas: int, seconds: str) -> None:
    probes = {"startupSeconds": 3300, "drainSeconds": 120}
    timeouts = deploy(run, replicas=replicas, probes=probes).named("qwen-replicas").request.customTimeouts
    assert (timeouts.create, timeouts.update, timeouts.delete) == (seconds, seconds, seconds)


def test_the_pods_go_where_the_pool_says(run: Run) -> None:
    pool = {"nodeSelector": {"cloud.example/pool": "l4"}, "gpuResource": "amd.com/gpu", "tolerations": []}
    program = deploy(run, gpu=pool)
    pod = program.named("qwen-replicas").inputs["spec"]["template"]["spec"]
    assert pod["nodeSelector"] == {"cloud.example/pool": "l4"}
    assert "tolerations" not in pod
    assert pod["containers"][0]["resources"]["limits"] == {"amd.com/gpu": "1", "memory": "16Gi"}
    assert program.outputs["pool"] == {"nodeSelector": {"cloud.example/pool": "l4"}, "gpuResource": "amd.com/gpu"}

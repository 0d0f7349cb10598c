"""GPU software: its children, their order, and what waits for it."""

from typing import Any

from components.gpu_software import GpuSoftware
from components.platform import Platform
from tests.components.conftest import RELEASE, Program, Run
from tests.components.stacks import GEMMA, QWEN, stack

NAMESPACE = "kubernetes:core/v1:Namespace"
POOLS = [{"name": "gpu", "gpusPerNode": 2}, {"name": "mi300", "accelerator": "amd"}]


def deploy(run: Run, **software: Any) -> Program:
    def build() -> None:
        settings = stack(gpuSoftware=software)
        assert settings.gpu_software.kind != "none"
        GpuSoftware("gpus", settings, settings.gpu_software)

    return run(build)


def platform(run: Run, **changes: Any) -> Program:
    return run(lambda: Platform("modelyard", stack(**changes)))


def test_namespace_quota_and_releases_one_after_the_other(run: Run) -> None:
    program = deploy(run, kind="device_plugin", metrics={})
    children = {found.name: found.dependencies for found in program.resources if found.parent == "gpus"}
    assert children == {
        "gpus-namespace": set(),
        "gpus-quota": {"gpus-namespace"},
        "gpus-nvidia-device-plugin": {"gpus-namespace", "gpus-quota"},
        "gpus-dcgm-exporter": {"gpus-nvidia-device-plugin"},
    }
    labels = program.named("gpus-namespace").inputs["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "privileged"


def test_the_release_of_the_gpu_operator(run: Run) -> None:
    release = deploy(run, kind="gpu_operator", driver=False).named("gpus-gpu-operator").inputs
    assert release["values"]["driver"] == {"enabled": False}
    del release["values"]
    assert release == {
        "name": "gpu-operator",
        "namespace": "gpu-operator",
        "chart": "gpu-operator",
        "version": "v26.7.0",
        "repositoryOpts": {"repo": "https://helm.ngc.nvidia.com/nvidia"},
        "timeout": 900,
        "atomic": False,
        "cleanupOnFail": True,
        "compat": "true",
    }


def test_a_namespace_that_is_there(run: Run) -> None:
    program = deploy(run, kind="gpu_operator", namespace="gpus", createNamespace=False)
    assert program.of(NAMESPACE) == []
    assert program.named("gpus-gpu-operator").inputs["namespace"] == "gpus"


def test_models_on_gpus_of_nvidias_wait_for_it_and_no_others(run: Run) -> None:
    models = [QWEN, {**GEMMA, "pool": "mi300"}]
    program = platform(run, pools=POOLS, models=models, gpuSoftware={"kind": "device_plugin"}, serving={})
    release = "modelyard-gpu-software-nvidia-device-plugin"
    waiting = {found.name for found in program.resources if release in found.dependencies}
    assert {name for name in waiting if "qwen" in name}
    assert not {name for name in waiting if "gemma" in name}


def test_models_take_the_image_of_their_accelerator(run: Run) -> None:
    models = [QWEN, {**GEMMA, "pool": "mi300"}]
    program = platform(run, pools=POOLS, models=models, serving={}, imageMirror="mirror.example/ai")
    images = {
        found.inputs["metadata"]["name"]: found.inputs["spec"]["template"]["spec"]["containers"][0]["image"]
        for found in program.of("kubernetes:apps/v1:StatefulSet")
    }
    assert images == {
        "qwen": "mirror.example/ai/vllm/vllm-openai:v0.32.0",
        "gemma": "mirror.example/ai/vllm/vllm-openai-rocm:v0.32.0",
    }


def test_a_cluster_that_has_it_gets_nothing(run: Run) -> None:
    assert platform(run).of(RELEASE) == []

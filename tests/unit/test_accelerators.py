"""What vLLM runs on: resources, images, and what it can't do there."""

import ast
from typing import Any

import pytest

from local.paths import Paths
from stacks.accelerators import ACCELERATORS, AcceleratorName
from stacks.settings import ServingSettings, SettingsError, load

MODEL = {"name": "m", "source": "hf://a/b", "pool": "gpu"}
PLATFORMS = sorted(Paths.from_environment().vllm.glob("lib/python3*/site-packages/vllm/platforms/rocm.py"))
"""Where the vLLM that was built here says what it does on AMD's GPUs."""


def problems(accelerator: str, serving: dict[str, Any] | None = None, **model: Any) -> list[str]:
    pool = {"name": "gpu", "accelerator": accelerator, "gpusPerNode": 8, "maxNodes": 4}
    try:
        load({"pools": [pool], "models": [{**MODEL, **model}], "serving": serving or {}})
    except SettingsError as error:
        return error.problems
    return []


@pytest.mark.parametrize(
    ("accelerator", "resource"),
    [("nvidia", "nvidia.com/gpu"), ("amd", "amd.com/gpu"), ("gaudi", "habana.ai/gaudi"), ("tpu", "google.com/tpu")],
)
def test_resource_and_taint_of_a_pools_nodes_follow_from_its_accelerator(accelerator: str, resource: str) -> None:
    (pool,) = load({"pools": [{"name": "a", "accelerator": accelerator}]}).pools
    assert pool.gpu_resource == resource
    assert [taint.model_dump(exclude_none=True) for taint in pool.tolerations] == [
        {"key": resource, "operator": "Exists", "effect": "NoSchedule"}
    ]


def test_slices_of_the_mixed_strategy_have_a_resource_of_their_own() -> None:
    def resource(strategy: str) -> str:
        pool = {"name": "a", "mig": {"profile": "3g.40gb", "strategy": strategy}}
        return load({"pools": [pool]}).pools[0].gpu_resource

    assert resource("mixed") == "nvidia.com/mig-3g.40gb"
    assert resource("single") == "nvidia.com/gpu"


def test_an_unknown_accelerator_is_one_problem() -> None:
    with pytest.raises(SettingsError) as caught:
        load({"pools": [{"name": "a", "accelerator": "metal"}]})
    assert caught.value.problems == [
        "modelyard:pools[0].accelerator: 'metal' cannot be used: input should be 'nvidia', 'amd', 'gaudi' or 'tpu'"
    ]


def images(**serving: Any) -> dict[AcceleratorName, str]:
    settings = ServingSettings.model_validate(serving)
    return {name: settings.image_on(name) for name in ACCELERATORS}


def test_the_image_is_the_accelerators() -> None:
    assert images() == {
        "nvidia": "docker.io/vllm/vllm-openai:v0.32.0",
        "amd": "docker.io/vllm/vllm-openai-rocm:v0.32.0",
        "gaudi": "vault.habana.ai/gaudi-docker/1.24.1/ubuntu24.04/habanalabs/vllm-0.26.0-ptupstream-2.11.0:latest",
        "tpu": "docker.io/vllm/vllm-tpu:v0.27.0",
    }


def test_the_image_that_is_given_is_for_all_that_have_none_of_their_own() -> None:
    assert images(image="r.example/own:1", images={"amd": "r.example/rocm:1"}) == {
        "nvidia": "r.example/own:1",
        "amd": "r.example/rocm:1",
        "gaudi": "r.example/own:1",
        "tpu": "r.example/own:1",
    }


def test_one_image_for_two_accelerators() -> None:
    pools = [{"name": "gpu"}, {"name": "mi300", "accelerator": "amd"}]
    models = [MODEL, {**MODEL, "name": "n", "pool": "mi300"}]
    serving = {"image": "r.example/own:1"}
    with pytest.raises(SettingsError) as caught:
        load({"pools": pools, "models": models, "serving": serving})
    assert caught.value.problems == [
        "modelyard:serving.image: 'r.example/own:1' would be for amd and nvidia, and no image has a vLLM for more than "
        "one of them: write modelyard:serving.images.nvidia as well, or leave image out"
    ]
    load({"pools": pools, "models": models, "serving": {**serving, "images": {"amd": "r.example/rocm:1"}}})
    load({"pools": pools, "models": models[1:], "serving": serving})


def test_quantization_that_is_not_there() -> None:
    assert problems("gaudi", engine={"quantization": "torchao"}) == [
        "modelyard:models[0].engine.quantization: 'torchao' on pool 'gpu' of Gaudi accelerators, where vLLM 0.26.0 has "
        "only awq, compressed-tensors, fp8, gpt_oss_mxfp4, gptq, inc, modelopt: write one of these with weights of "
        "that kind, or name another pool"
    ]
    assert problems("amd", engine={"quantization": "torchao"}) == []
    assert problems("nvidia", engine={"quantization": "torchao"}) == []


def test_pipeline_parallelism_that_is_not_there() -> None:
    parallel: dict[str, Any] = {"gpus": 4, "engine": {"pipelineParallelSize": 2}}
    assert problems("gaudi", **parallel) == [
        "modelyard:models[0].engine.pipelineParallelSize: 2 on pool 'gpu' of Gaudi accelerators, where vLLM 0.26.0 "
        "can't spread layers: leave it out, so that all 4 share each layer"
    ]
    assert problems("tpu", **parallel) == []


@pytest.mark.parametrize(("accelerator", "title"), [("gaudi", "Gaudi accelerators"), ("tpu", "TPUs")])
def test_replicas_on_several_nodes_that_are_not_there(accelerator: AcceleratorName, title: str) -> None:
    assert problems(accelerator, gpus=16) == [
        f"modelyard:models[0].gpus: 16 on pool 'gpu' of {title} with 8 a node, and vLLM "
        f"{ACCELERATORS[accelerator].vllm} has no replicas on several nodes there: write 8 or fewer, or name a pool "
        "with larger nodes"
    ]
    assert problems("amd", gpus=16) == []


@pytest.mark.skipif(not PLATFORMS, reason="there is no vLLM here: run `make local-up`")
def test_quantization_of_amd_is_what_vllms_platform_says() -> None:
    tree = ast.parse(PLATFORMS[0].read_text())
    (methods,) = [
        ast.literal_eval(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == "supported_quantization" and node.value
    ]
    assert ACCELERATORS["amd"].quantization == frozenset(methods)

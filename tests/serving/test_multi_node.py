"""vLLM understands what the pods of a replica that spans nodes tell it, in either entrypoint."""

import os
import re
from collections.abc import Mapping
from typing import Any

import pytest

from components.manifests.multi_node.workload import leader_worker_set
from components.manifests.objects import Manifest
from components.manifests.placement import Placement
from serving.argv import server_command
from serving.sources import load
from stacks.settings import ModelSettings, ServingSettings
from tests.serving.vllm_process import Ask

pytestmark = pytest.mark.vllm

PLACEMENT = Placement(
    node_selector={},
    tolerations=(),
    gpu_resource="nvidia.com/gpu",
    gpus_per_node=8,
    gpu_model=None,
    gpu_memory_gib=None,
    min_nodes=0,
    max_nodes=2,
)
MODEL = {"name": "big", "source": "hf://example/big", "pool": "gpu", "gpus": 16, "extraArgs": ["--max-logprobs", "5"]}
OF_POD = ("leader", "worker")


def expanded(text: str, variables: Mapping[str, str]) -> str:
    """A text as Kubernetes gives it to a container: ``$(NAME)`` is a variable's value, and ``$$`` is ``$``."""
    return re.sub(
        r"\$\$|\$\((\w+)\)", lambda found: variables.get(found[1] or "", "$" if not found[1] else found[0]), text
    )


def vllm_arguments(entrypoint: str, number: int, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The words behind ``vllm`` in pod ``number`` of the first replica."""
    serving = ServingSettings.model_validate({"entrypoint": entrypoint})
    template = leader_worker_set(ModelSettings.model_validate(MODEL), PLACEMENT, serving, "llm")["spec"]
    pod: Manifest = template["leaderWorkerTemplate"][f"{OF_POD[number]}Template"]["spec"]
    (container,) = pod["containers"]
    # LeaderWorkerSet puts its own in front of the others.
    variables = {
        "LWS_LEADER_ADDRESS": "big-0.big-0.llm",
        "LWS_GROUP_SIZE": "2",
        "LWS_WORKER_INDEX": str(number),
    }
    for variable in container["env"]:
        known = "10.0.0.1" if variable["name"] == "VLLM_HOST_IP" else ""
        variables[variable["name"]] = expanded(variable.get("value", known), variables)
    if entrypoint == "vllm":
        return [expanded(word, variables) for word in container["command"][3:]]
    for name, value in variables.items():
        if name.startswith("MODELYARD_"):
            monkeypatch.setenv(name, value)
    assert "MODELYARD_NNODES" in os.environ
    return server_command(load([]))[3:]


@pytest.mark.parametrize("number", [0, 1], ids=OF_POD)
@pytest.mark.parametrize("entrypoint", ["vllm", "modelyard"])
def test_vllm_understands_its_place(ask: Ask, monkeypatch: pytest.MonkeyPatch, entrypoint: str, number: int) -> None:
    answer: dict[str, Any] = ask(vllm_arguments(entrypoint, number, monkeypatch))
    assert "error" not in answer, answer
    told = {
        "model_tag": "example/big",
        "tensor_parallel_size": 8,
        "pipeline_parallel_size": 2,
        "nnodes": 2,
        "node_rank": number,
        "master_addr": "big-0.big-0.llm" if number else "10.0.0.1",
        "master_port": 29501,
        "headless": number == 1,
        "max_logprobs": 5,
    }
    assert {name: answer["arguments"][name] for name in told} == told

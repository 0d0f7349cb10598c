"""Engine defaults that were measured to be faster: where they are filled in, and where not."""

from typing import Any

import pytest

from components.manifests.placement import placement
from components.manifests.workload_pod import pod_spec
from stacks.quantities import amount
from stacks.settings import SettingsError, StackSettings, load
from stacks.tuned import filled_in, sentences, tuned

FILLED = {"api_server_count": 4}


def stack(pool: dict[str, Any] | None = None, **model: Any) -> StackSettings:
    """One model on one pool, as the row was measured but for what is given."""
    return load(
        {
            "pools": [{"name": "gpu", "gpuModel": "NVIDIA-H200", "gpusPerNode": 8, **(pool or {})}],
            "serving": {"image": "registry.example/serving:1", "entrypoint": "modelyard"},
            "models": [{"name": "m", "source": "hf://Qwen/Qwen2.5-1.5B-Instruct", "pool": "gpu", **model}],
        }
    )


def filled(pool: dict[str, Any] | None = None, **model: Any) -> dict[str, int]:
    made = stack(pool, **model)
    return dict(filled_in(made, made.models[0]))


def test_a_small_model_on_an_h200_has_four_api_servers() -> None:
    assert filled() == FILLED
    assert tuned(stack()).models[0].engine.api_server_count == 4


def test_the_pods_are_told() -> None:
    made = tuned(stack())
    (container,) = pod_spec(made.models[0], placement(made.pools[0]), made.serving)["containers"]
    assert {"name": "MODELYARD_API_SERVER_COUNT", "value": "4"} in container["env"]
    # With several, vLLM ends a start after ten minutes unless it is told otherwise.
    assert any(variable["name"] == "VLLM_ENGINE_READY_TIMEOUT_S" for variable in container["env"])
    assert not any("TUNED" in variable["name"] for variable in container["env"])


@pytest.mark.parametrize(
    "engine",
    [
        {"tuned": False},
        {"apiServerCount": 1},
        {"apiServerCount": 2},
        {"runner": "pooling"},
        {"speculativeConfig": {"method": "ngram", "numSpeculativeTokens": 3}},
    ],
)
def test_what_is_said_stays(engine: dict[str, Any]) -> None:
    made = stack(engine=engine)
    assert filled(engine=engine) == {}
    assert tuned(made) == made


def test_an_argument_is_said_too() -> None:
    assert filled(extraArgs=["--api-server-count=1"]) == {}


@pytest.mark.parametrize(
    "model",
    [
        {"source": "hf://Qwen/Qwen3-8B"},
        {"source": "hf://organisation/unknown"},
        {"gpus": 2},
        {"cpu": "3500m"},
        {"memory": "8Gi"},
        {"lora": {"adapters": [{"name": "a", "source": "hf://a/a"}]}},
        {"env": {"VLLM_ALLOW_RUNTIME_LORA_UPDATING": "1"}},
    ],
)
def test_nothing_is_filled_in_for_what_was_not_measured(model: dict[str, Any]) -> None:
    assert filled(**model) == {}


@pytest.mark.parametrize(
    "pool",
    [
        {"gpuModel": "NVIDIA-L4"},
        {"gpuModel": "NVIDIA-H200-NVL"},
        {"gpuModel": None},
        {"timeSlicing": {"replicas": 2}},
        {"mig": {"profile": "3g.71gb"}},
    ],
)
def test_nor_on_other_gpus(pool: dict[str, Any]) -> None:
    assert filled(pool, engine={"gpuMemoryUtilization": 0.4}) == {}


def test_a_line_says_what_was_filled_in() -> None:
    assert sentences(stack()) == [
        "modelyard:models[0].engine: apiServerCount: 4 is filled in for 'm', as was measured to be faster on its "
        "GPU (docs/serving.md): write another value, or `tuned: false`, to have it otherwise"
    ]
    assert sentences(stack(engine={"tuned": False})) == []


def test_replicas_that_span_nodes_have_no_number_of_api_servers() -> None:
    with pytest.raises(SettingsError) as caught:
        stack(
            {"gpusPerNode": 2, "maxNodes": 4},
            gpus=4,
            source="hf://Qwen/Qwen3-8B",
            engine={"apiServerCount": 2},
        )
    assert caught.value.problems == [
        "modelyard:models[0].engine.apiServerCount: 2 for replicas that span nodes, of which only the first has API "
        "servers: remove it"
    ]


@pytest.mark.parametrize(
    ("quantity", "number"), [("4", 4), ("500m", 0.5), ("16Gi", 16 * 2**30), ("1.5G", 1.5e9), ("2Ki", 2048)]
)
def test_quantities_are_numbers(quantity: str, number: float) -> None:
    assert amount(quantity) == number

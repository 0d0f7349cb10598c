"""Adapters and second models in a model's pod: volumes, mounts, variables, and what the server is told."""

from typing import Any

from components.manifests.extra_weights import ExtraWeights, extra_weights
from stacks.settings import ModelSettings


def model(**changes: Any) -> ModelSettings:
    return ModelSettings.model_validate({"name": "m", "source": "file:///weights", "pool": "gpu", **changes})


def adapters(*sources: str, **lora: Any) -> ModelSettings:
    named = [{"name": f"a{index}", "source": source} for index, source in enumerate(sources)]
    return model(lora={"adapters": named, **lora})


def test_a_model_without_any() -> None:
    assert extra_weights(model()) == ExtraWeights()


def test_adapters_of_a_repository_are_fetched_by_vllm() -> None:
    assert extra_weights(adapters("hf://o/sql")) == ExtraWeights(
        arguments={
            "lora_modules": [{"name": "a0", "path": "o/sql"}],
            "max_loras": 1,
            "max_lora_rank": 16,
            "max_cpu_loras": 1,
        },
        of_hub=True,
    )


def test_each_claim_and_folder_is_mounted_once() -> None:
    found = extra_weights(
        adapters("pvc://lora/sql", "pvc://lora/team/law", "pvc://poems", "file:///adapters/a", "file:///adapters/a/")
    )
    assert found.volumes == [
        {"name": "extra-0", "persistentVolumeClaim": {"claimName": "lora", "readOnly": True}},
        {"name": "extra-1", "persistentVolumeClaim": {"claimName": "poems", "readOnly": True}},
        {"name": "extra-2", "hostPath": {"path": "/adapters/a", "type": "Directory"}},
    ]
    assert found.mounts == [
        {"name": "extra-0", "mountPath": "/extra/pvc/lora", "readOnly": True},
        {"name": "extra-1", "mountPath": "/extra/pvc/poems", "readOnly": True},
        {"name": "extra-2", "mountPath": "/extra/file/adapters/a", "readOnly": True},
    ]
    assert [module["path"] for module in found.arguments["lora_modules"]] == [
        "/extra/pvc/lora/sql",
        "/extra/pvc/lora/team/law",
        "/extra/pvc/poems",
        "/extra/file/adapters/a",
        "/extra/file/adapters/a",
    ]
    assert not found.of_hub


def test_memory_is_set_aside_for_what_there_is() -> None:
    def limits(given: ModelSettings) -> tuple[int, int, int]:
        found = extra_weights(given).arguments
        return found["max_loras"], found["max_lora_rank"], found["max_cpu_loras"]

    assert limits(adapters("hf://o/a", "hf://o/b")) == (2, 16, 2)
    assert limits(adapters("hf://o/a", "hf://o/b", maxLoras=1, maxLoraRank=8)) == (1, 8, 2)
    ranked = {"adapters": [{"name": "a", "source": "hf://o/a", "rank": 40}, {"name": "b", "source": "hf://o/b"}]}
    assert limits(model(lora=ranked)) == (2, 64, 2)
    low = {"adapters": [{"name": "a", "source": "hf://o/a", "rank": 4}]}
    assert limits(model(lora=low)) == (1, 8, 1)


def test_a_second_model_is_told_as_vllm_wants_it() -> None:
    engine = {
        "speculativeConfig": {
            "method": "eagle3",
            "numSpeculativeTokens": 3,
            "model": "pvc://drafts/eagle",
            "draftTensorParallelSize": 1,
        }
    }
    found = extra_weights(model(engine=engine))
    assert found.arguments == {
        "speculative_config": {
            "method": "eagle3",
            "num_speculative_tokens": 3,
            "model": "/extra/pvc/drafts/eagle",
            "draft_tensor_parallel_size": 1,
        }
    }
    assert found.volumes == [{"name": "extra-0", "persistentVolumeClaim": {"claimName": "drafts", "readOnly": True}}]


def test_guesses_without_a_second_model() -> None:
    engine = {"speculativeConfig": {"method": "ngram", "numSpeculativeTokens": 4, "promptLookupMax": 4}}
    assert extra_weights(model(engine=engine)) == ExtraWeights(
        arguments={"speculative_config": {"method": "ngram", "num_speculative_tokens": 4, "prompt_lookup_max": 4}}
    )

"""What the llmaz backend can't do, and the sentence for it."""

from typing import Any

import pytest

from stacks.settings import SettingsError, load

QWEN = {"name": "qwen", "source": "hf://Qwen/Qwen2.5-1.5B-Instruct", "pool": "gpu", "backend": "llmaz"}


def stack(*models: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A stack of these models on a pool of two GPUs."""
    return {
        "serving": {"image": "registry.example/serving:1"},
        "pools": [{"name": "gpu", "gpusPerNode": 2}],
        "models": list(models),
        **changes,
    }


RULES = {
    "weights in a claim": (
        stack({**QWEN, "source": "pvc://weights/qwen"}),
        "modelyard:models[0].source: 'pvc://weights/qwen' with backend 'llmaz', which the program lets have weights "
        "of model hubs only: write an hf:// or modelscope:// source, or backend native",
    ),
    "weights in a folder": (
        stack({**QWEN, "source": "file:///weights"}),
        "modelyard:models[0].source: 'file:///weights' with backend 'llmaz', which the program lets have weights of "
        "model hubs only: write an hf:// or modelscope:// source, or backend native",
    ),
    "model whose Service sets vLLM's variables": (
        stack({**QWEN, "name": "vllm"}),
        "modelyard:models[0].name: 'vllm' names a Service, by which Kubernetes sets variables VLLM_... in every pod "
        "of a Playground, and they contradict the server's own of that beginning: write another name, or backend "
        "native for all models",
    ),
    "another model whose Service sets the server's variables": (
        stack(QWEN, {"name": "modelyard-chat", "source": "hf://a/b", "pool": "gpu"}),
        "modelyard:models[1].name: 'modelyard-chat' names a Service, by which Kubernetes sets variables "
        "MODELYARD_CHAT_... in every pod of a Playground, and they contradict the server's own of that beginning: "
        "write another name, or backend native for all models",
    ),
    "gateway whose Service sets the server's variables": (
        stack(QWEN, gateway={"name": "modelyard"}),
        "modelyard:gateway.name: 'modelyard' names a Service, by which Kubernetes sets variables MODELYARD_... in "
        "every pod of a Playground, and they contradict the server's own of that beginning: write another name, or "
        "backend native for all models",
    ),
    "more GPUs than a node has": (
        stack({**QWEN, "gpus": 4}),
        "modelyard:models[0].gpus: 4 GPUs a replica with backend 'llmaz', but a node of pool 'gpu' has 2, and llmaz "
        "starts the pods on the other nodes only when the first is ready, which vLLM never is without them: write "
        "backend native, or 2 GPUs or fewer",
    ),
    "unknown backend": (
        stack({**QWEN, "backend": "kserve"}),
        "modelyard:models[0].backend: 'kserve' cannot be used: input should be 'native' or 'llmaz'",
    ),
}


@pytest.mark.parametrize(("given", "sentence"), RULES.values(), ids=RULES.keys())
def test_what_cannot_work_gets_a_sentence(given: dict[str, Any], sentence: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(given)
    assert caught.value.problems == [sentence]


@pytest.mark.parametrize(
    "given",
    [
        stack({**QWEN, "name": "vllm-chat"}),
        stack({**QWEN, "name": "vllm", "backend": "native"}),
        stack({**QWEN, "source": "file:///weights", "backend": "native"}),
    ],
    ids=["only a beginning", "no Playground", "another backend"],
)
def test_what_works_is_let_through(given: dict[str, Any]) -> None:
    assert load(given).models

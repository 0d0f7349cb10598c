"""What only Modelyard's entrypoint does, and how pods stop."""

from typing import Any

import pytest

from stacks.settings import SettingsError, load
from stacks.warnings.stopping import drain_warnings

QWEN = {"name": "qwen", "source": "file:///weights", "pool": "gpu"}
INSTEAD = "write serving.entrypoint: modelyard, with an image that serving/Containerfile has made, or leave it out"
PROBES = "modelyard:models[0].probes"


def stack(probes: dict[str, Any], entrypoint: str = "modelyard", **changes: Any) -> dict[str, Any]:
    model = {**QWEN, "probes": probes, "engine": {"maxModelLen": 4096}}
    serving = {"entrypoint": entrypoint, **changes.pop("serving", {})}
    return {"pools": [{"name": "gpu"}], "models": [model], "serving": serving, **changes}


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (
            stack({"hungSeconds": 60}, "vllm"),
            f"{PROBES}.hungSeconds: 60, which vLLM itself does not know: {INSTEAD}",
        ),
        (
            stack({"warmUpTokens": [512, 1024]}, "vllm"),
            f"{PROBES}.warmUpTokens: [512, 1024], which vLLM itself does not know: {INSTEAD}",
        ),
        (
            stack({}, "vllm", serving={"preflight": "warn"}),
            f"modelyard:serving.preflight: 'warn', and vLLM itself checks nothing: {INSTEAD}",
        ),
        (
            stack({"warmUpTokens": [512, 4095]}),
            f"{PROBES}.warmUpTokens[1]: 4095 tokens and an answer do not fit into engine.maxModelLen 4096, so the "
            "replica would never be ready: write at most 4094",
        ),
        (
            stack({"handoverSeconds": 30, "drainSeconds": 30}),
            f"{PROBES}.handoverSeconds: 30 is a part of drainSeconds 30, and would leave nothing of it to a request "
            "that comes last: write a smaller one",
        ),
    ],
)
def test_what_cannot_work_gets_a_sentence(given: dict[str, Any], sentence: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(given)
    assert sentence in str(caught.value).splitlines()


def test_what_can_work_is_taken() -> None:
    probes = {"hungSeconds": 0, "warmUpTokens": [4094], "handoverSeconds": 29, "drainSeconds": 30}
    assert load(stack(probes, serving={"preflight": "warn"})).models[0].probes.warm_up_tokens == (4094,)


def test_answers_that_were_allowed_to_take_longer_than_the_drain() -> None:
    route = {"model": "qwen", "timeouts": {"answerSeconds": 300.5}}
    assert drain_warnings(load(stack({"drainSeconds": 120}, routes=[route]))) == [
        "modelyard:routes[0].timeouts.answerSeconds: 300.5, and a pod of 'qwen' that stops gives running answers 120, "
        "so a rollout may cut longer ones: write probes.drainSeconds: 301 for that model, or a smaller answerSeconds"
    ]


@pytest.mark.parametrize(
    ("probes", "timeouts"),
    [({"drainSeconds": 301}, {"answerSeconds": 300.5}), ({}, {}), ({}, {"firstByteSeconds": 300})],
)
def test_timeouts_that_fit_or_were_not_written(probes: dict[str, Any], timeouts: dict[str, Any]) -> None:
    assert drain_warnings(load(stack(probes, routes=[{"model": "qwen", "timeouts": timeouts}]))) == []

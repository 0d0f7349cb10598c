"""Which names of repositories are a family's, what a preset fills in, and what it leaves alone."""

from pathlib import Path
from typing import Any, get_args

import pytest

from stacks.presets import FAMILIES, FamilyName, PresetName, family_of
from stacks.settings import EngineSettings, ModelSettings

ROOT = Path(__file__).resolve().parents[2]

KNOWN = {
    "hf://deepseek-ai/DeepSeek-R1": "deepseek-r1",
    "hf://deepseek-ai/DeepSeek-R1-0528": "deepseek-r1",
    "hf://deepseek-ai/DeepSeek-R1-0528-Qwen3-8B": "deepseek-r1",
    "hf://deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B": "deepseek-r1",
    "hf://deepseek-ai/DeepSeek-R1-Distill-Llama-70B": "deepseek-r1",
    "hf://deepseek-ai/DeepSeek-V3.1": "deepseek-v3.1",
    "hf://zai-org/GLM-4.5-Air-FP8": "glm-4.5",
    "hf://zai-org/GLM-4.6": "glm-4.5",
    "hf://zai-org/GLM-4.7-Flash": "glm-4.7",
    "hf://openai/gpt-oss-120b": "gpt-oss",
    "hf://ibm-granite/granite-3.1-8b-instruct": "granite-3.1",
    "hf://ibm-granite/granite-3.2-2b-instruct": "granite-3.2",
    "hf://ibm-granite/granite-4.0-h-small": "granite-4.0",
    "hf://ibm-granite/granite-4.0-micro": "granite-4.0",
    "hf://NousResearch/Hermes-3-Llama-3.1-8B": "hermes",
    "hf://NousResearch/Hermes-2-Pro-Mistral-7B": "hermes",
    "hf://moonshotai/Kimi-K2-Instruct-0905": "kimi-k2",
    "hf://meta-llama/Meta-Llama-3.1-8B-Instruct": "llama-3",
    "hf://meta-llama/Llama-3.3-70B-Instruct": "llama-3",
    "hf://RedHatAI/Meta-Llama-3.1-8B-Instruct-quantized.w4a16": "llama-3",
    "hf://MiniMaxAI/MiniMax-M2": "minimax-m2",
    "hf://mistralai/Mistral-7B-Instruct-v0.3": "mistral",
    "hf://Qwen/Qwen2.5-1.5B-Instruct": "qwen2.5",
    "hf://Qwen/Qwen2.5-72B-Instruct-GPTQ-Int4": "qwen2.5",
    "modelscope://Qwen/Qwen2.5-7B-Instruct-AWQ": "qwen2.5",
    "hf://Qwen/Qwen3-0.6B": "qwen3",
    "hf://Qwen/Qwen3-8B": "qwen3",
    "hf://Qwen/Qwen3-30B-A3B-FP8": "qwen3",
    "hf://Qwen/Qwen3-4B-Thinking-2507": "qwen3",
    "hf://Qwen/Qwen3-235B-A22B-Thinking-2507-FP8": "qwen3",
    "hf://Qwen/Qwen3-4B-Instruct-2507": "qwen3-instruct",
    "hf://Qwen/Qwen3-30B-A3B-Instruct-2507": "qwen3-instruct",
    "hf://Qwen/Qwen3-Coder-30B-A3B-Instruct-FP8": "qwen3-coder",
    "hf://Qwen/QwQ-32B-AWQ": "qwq",
}

UNKNOWN = [
    "hf://Qwen/Qwen3-Embedding-8B",
    "hf://Qwen/Qwen3-Reranker-0.6B",
    "hf://Qwen/Qwen3-8B-Base",
    "hf://Qwen/Qwen3-VL-8B-Instruct",
    "hf://Qwen/Qwen3Guard-Gen-8B",
    "hf://Qwen/Qwen2.5-7B",
    "hf://Qwen/Qwen2.5-VL-7B-Instruct",
    "hf://Qwen/Qwen2.5-Math-RM-72B",
    "hf://me/Qwen3-8B-of-mine",
    "hf://me/my-Qwen3-8B",
    "hf://meta-llama/Llama-3.1-8B",
    "hf://meta-llama/Llama-3.2-11B-Vision-Instruct",
    "hf://meta-llama/Llama-Guard-3-8B",
    "hf://meta-llama/Llama-4-Scout-17B-16E-Instruct",
    "hf://google/gemma-2-2b-it",
    "hf://microsoft/Phi-4-mini-instruct",
    "hf://deepseek-ai/DeepSeek-V3",
    "hf://deepseek-ai/DeepSeek-V3.2-Exp",
    "hf://ibm-granite/granite-3.1-8b-base",
    "hf://moonshotai/Kimi-K2-Base",
    "hf://openai/whisper-large-v3",
    "hf://BAAI/bge-m3",
    "file:///models/Qwen3-8B",
    "pvc://weights/Qwen3-8B",
]


def model(source: str = "hf://Qwen/Qwen3-8B", arguments: tuple[str, ...] = (), **engine: Any) -> ModelSettings:
    return ModelSettings.model_validate(
        {"name": "m", "source": source, "pool": "gpu", "engine": engine, "extraArgs": arguments}
    )


def filled(given: ModelSettings) -> tuple[str | None, str | None]:
    return given.filled_engine.tool_call_parser, given.filled_engine.reasoning_parser


@pytest.mark.parametrize(("source", "family"), KNOWN.items())
def test_a_family_is_known_by_the_name_of_its_repository(source: str, family: str) -> None:
    assert family_of(source) == family


@pytest.mark.parametrize("source", UNKNOWN)
def test_a_name_that_only_looks_like_a_family_gets_nothing(source: str) -> None:
    assert family_of(source) is None
    assert model(source).filled_engine == EngineSettings()


def test_every_family_is_tried_and_every_repository_is_of_one_family() -> None:
    assert set(KNOWN.values()) == set(FAMILIES) == set(get_args(FamilyName))
    for name in FAMILIES:
        assert {family_of(source) for source, family in KNOWN.items() if family == name} == {name}


def test_a_preset_is_auto_or_none_or_a_family() -> None:
    written = {name for choice in get_args(PresetName) for name in (get_args(choice) or (choice,))}
    assert written == {"auto", "none", *FAMILIES}


def test_left_out_parsers_are_filled_in() -> None:
    assert filled(model()) == ("hermes", "qwen3")
    assert filled(model("hf://Qwen/Qwen2.5-1.5B-Instruct")) == ("hermes", None)


def test_what_is_said_stays() -> None:
    assert filled(model(toolCallParser="qwen3_xml")) == ("qwen3_xml", "qwen3")
    assert filled(model(reasoningParser="deepseek_r1")) == ("hermes", "deepseek_r1")
    assert filled(model(arguments=("--reasoning_parser=deepseek_r1",))) == ("hermes", None)
    assert filled(model(arguments=("--tool-call-parser", "xlam"))) == (None, "qwen3")


def test_a_preset_can_be_switched_off_and_named() -> None:
    assert filled(model(preset="none")) == (None, None)
    assert filled(model("file:///weights", preset="qwen3")) == ("hermes", "qwen3")
    assert filled(model("hf://Qwen/Qwen3-8B", preset="qwen3-instruct")) == ("hermes", None)


@pytest.mark.parametrize(("field", "value"), [("runner", "pooling"), ("convert", "embed"), ("convert", "classify")])
def test_a_model_that_writes_no_text_gets_nothing(field: str, value: str) -> None:
    assert EngineSettings.model_validate({field: value}).pools
    given = model().model_copy(update={"engine": EngineSettings.model_validate({field: value})})
    assert filled(given) == (None, None)


def test_the_docs_list_every_family_as_it_is() -> None:
    docs = (ROOT / "docs" / "models.md").read_text()
    for name, family in FAMILIES.items():
        parsers = (f"`{parser}`" if parser else "-" for parser in (family.tool_call_parser, family.reasoning_parser))
        row = " | ".join((f"`{name}`", *parsers))
        assert f"| {row} |" in docs

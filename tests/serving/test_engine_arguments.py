"""What vLLM would refuse is refused before it is loaded, with what to write instead."""

from collections.abc import Sequence

import pytest

from serving import engine_arguments
from serving.settings import variable
from serving.sources import InvalidSettingsError, load
from serving.vllm_arguments import version


@pytest.fixture(autouse=True)
def beside(monkeypatch: pytest.MonkeyPatch) -> None:
    """The vLLM of the table is there."""
    monkeypatch.setattr(engine_arguments, "installed", version)


def problems(arguments: Sequence[str]) -> list[str]:
    with pytest.raises(InvalidSettingsError) as caught:
        load(["--model=m", *arguments])
    return str(caught.value).splitlines()


@pytest.mark.parametrize(
    ("extra", "said"),
    [
        ('["--max-model-length", "1"]', "[0]: '--max-model-length' is no argument of vLLM 0.32.0: write "
         "--max-model-len"),
        ('["--max-logprobs", "5", "--max_model_length=1"]', "[2]: '--max-model-length' is no argument of vLLM 0.32.0: "
         "write --max-model-len"),
        ('["--zzz"]', "[0]: '--zzz' is no argument of vLLM 0.32.0: correct or remove it"),
        ('["hidden"]', "[0]: it belongs to no argument of vLLM: write an argument's name ahead of it"),
        ('["--lora-dtype", "int"]', "[0]: the value cannot be used, vLLM 0.32.0 takes none but auto, bfloat16, "
         "float16: write one of them"),
        ('["--lora-dtype=int"]', "[0]: the value cannot be used, vLLM 0.32.0 takes none but auto, bfloat16, "
         "float16: write one of them"),
    ],
)  # fmt: skip
def test_further_arguments(extra: str, said: str) -> None:
    assert problems([f"--extra-args={extra}"]) == [f"--extra-args{said}"]


def test_values_of_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable("tool_call_parser"), "hermse")
    monkeypatch.setenv(variable("max_lora_rank"), "7")
    assert problems(["--kv-cache-dtype=fp9"])[1:] == [
        "MODELYARD_MAX_LORA_RANK: the value cannot be used, vLLM 0.32.0 takes none but 1, 8, 16, 32, 64, 128, 256, "
        "320, 512: write one of them",
        "MODELYARD_TOOL_CALL_PARSER: 'hermse' is no parser of vLLM 0.32.0: write hermes",
    ]
    assert problems(["--kv-cache-dtype=fp9"])[0].startswith(
        "--kv-cache-dtype: the value cannot be used, vLLM 0.32.0 takes none but auto, "
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ["--extra-args", '["--max-logprobs", "-1", "--lora-dtype", "auto", "-O3", "--additional-config.a", "b"]'],
        ["--extra-args", '["--max-logp", "5"]'],
        ["--tool-call-parser=mine", "--extra-args", '["--tool-parser-plugin", "/mine.py"]'],
        ["--chat-template=/dev/null"],
    ],
)
def test_what_vllm_takes(arguments: list[str]) -> None:
    load(["--model=m", *arguments])


def test_of_another_vllm_nothing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_arguments, "installed", lambda: "0.33.0")
    load(["--model=m", '--extra-args=["--new-argument"]', "--kv-cache-dtype=new"])

"""Every command line that the settings can give is one that vLLM itself accepts."""

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from local.paths import Paths
from serving.argv import build_argv
from serving.settings import ServingSettings

pytestmark = pytest.mark.vllm

Parse = Callable[[list[str]], dict[str, Any]]


@pytest.fixture(scope="module")
def parse() -> Iterator[Parse]:
    """Asks vLLM's parser, in one process for all tests: importing vLLM takes its time."""
    python = Paths.from_environment().vllm / "bin" / "python"
    assert python.exists(), f"there is no {python}: run `make setup`"
    script = str(Path(__file__).with_name("vllm_parser.py"))
    process = subprocess.Popen([str(python), script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(argv: list[str]) -> dict[str, Any]:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(argv) + "\n")
        process.stdin.flush()
        answer: dict[str, Any] = json.loads(process.stdout.readline())
        return answer

    with process:
        yield ask
        assert process.stdin is not None
        process.stdin.close()


WORD = st.from_regex(r"[a-z0-9][a-z0-9._/-]{0,20}", fullmatch=True)
COUNT = st.integers(min_value=1, max_value=2**20)

SETTINGS = st.builds(
    ServingSettings,
    model=WORD,
    revision=st.none() | WORD,
    served_names=st.lists(WORD, max_size=3).map(tuple),
    port=st.integers(min_value=1, max_value=65535),
    max_model_len=st.none() | COUNT,
    dtype=st.sampled_from([None, "auto", "bfloat16", "float16", "float32"]),
    quantization=st.sampled_from([None, "awq", "fp8"]),
    kv_cache_dtype=st.sampled_from([None, "auto", "fp8"]),
    gpu_memory_utilization=st.none() | st.floats(min_value=0.01, max_value=1),
    tensor_parallel_size=st.none() | COUNT,
    pipeline_parallel_size=st.none() | COUNT,
    max_num_seqs=st.none() | COUNT,
    max_num_batched_tokens=st.none() | COUNT,
    enable_prefix_caching=st.none() | st.booleans(),
    enforce_eager=st.booleans(),
    trust_remote_code=st.booleans(),
    tool_call_parser=st.sampled_from([None, "hermes", "llama3_json"]),
    reasoning_parser=st.sampled_from([None, "deepseek_r1", "qwen3"]),
    seed=st.none() | st.integers(min_value=-1, max_value=2**31),
    drain_seconds=st.integers(min_value=0, max_value=3600),
    extra_args=st.sampled_from([(), ("--api-key", "k"), ("--distributed-executor-backend", "uni")]),
)

# vLLM's names for the fields that it calls otherwise.
RENAMED = {"model": "model_tag", "drain_seconds": "shutdown_timeout"}
NOT_AN_ARGUMENT = {"served_names", "extra_args"}


@given(settings=SETTINGS)
@hypothesis_settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.too_slow])
def test_vllm_understands_what_the_settings_say(parse: Parse, settings: ServingSettings) -> None:
    answer = parse(build_argv(settings))
    assert "error" not in answer, answer
    understood = answer["arguments"]
    for field, value in settings:
        if value is not None and field not in NOT_AN_ARGUMENT:
            assert understood[RENAMED.get(field, field)] == value, field
    if settings.served_names:
        assert understood["served_model_name"] == list(settings.served_names)
    assert understood["enable_auto_tool_choice"] == (settings.tool_call_parser is not None)


@pytest.mark.parametrize("extra", [("--no-such-argument",), ("--max-model-len", "many")])
def test_vllm_refuses_what_it_does_not_know(parse: Parse, extra: tuple[str, ...]) -> None:
    refused = parse(build_argv(ServingSettings(model="m", extra_args=extra)))
    assert extra[0] in refused["error"]

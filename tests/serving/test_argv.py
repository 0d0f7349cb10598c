from typing import Any

import pytest

from serving.argv import build_argv, server_command
from serving.settings import ServingSettings


def argv(**values: Any) -> list[str]:
    return build_argv(ServingSettings(model="/weights", **values))


def test_what_is_not_set_gives_no_argument() -> None:
    assert argv() == [
        "serve",
        "/weights",
        *("--host", "0.0.0.0"),
        *("--port", "8080"),
        *("--shutdown-timeout", "120"),
    ]


def test_everything_set() -> None:
    everything = argv(
        revision="abc",
        served_names=("qwen", "other"),
        allowed_media_domains=("images.example.com", "cdn.example.com"),
        host="127.0.0.1",
        port=9000,
        max_model_len=2048,
        dtype="bfloat16",
        quantization="awq",
        kv_cache_dtype="fp8",
        gpu_memory_utilization=0.85,
        tensor_parallel_size=2,
        pipeline_parallel_size=3,
        max_num_seqs=16,
        max_num_batched_tokens=512,
        enable_prefix_caching=True,
        enforce_eager=True,
        trust_remote_code=True,
        tool_call_parser="hermes",
        reasoning_parser="deepseek_r1",
        seed=7,
        drain_seconds=30,
        extra_args=("--api-key", "k"),
    )
    assert everything == [
        "serve",
        "/weights",
        *("--served-model-name", "qwen", "other"),
        *("--allowed-media-domains", "images.example.com", "cdn.example.com"),
        *("--revision", "abc"),
        *("--host", "127.0.0.1"),
        *("--port", "9000"),
        *("--max-model-len", "2048"),
        *("--dtype", "bfloat16"),
        *("--quantization", "awq"),
        *("--kv-cache-dtype", "fp8"),
        *("--gpu-memory-utilization", "0.85"),
        *("--tensor-parallel-size", "2"),
        *("--pipeline-parallel-size", "3"),
        *("--max-num-seqs", "16"),
        *("--max-num-batched-tokens", "512"),
        *("--reasoning-parser", "deepseek_r1"),
        *("--seed", "7"),
        "--enable-prefix-caching",
        "--enforce-eager",
        "--trust-remote-code",
        *("--enable-auto-tool-choice", "--tool-call-parser", "hermes"),
        *("--shutdown-timeout", "30"),
        *("--api-key", "k"),
    ]


def test_mappings_are_json() -> None:
    given = argv(
        hf_overrides={"architectures": ["X"]},
        speculative_config={"method": "ngram", "num_speculative_tokens": 3},
        default_chat_template_kwargs={"enable_thinking": False},
        limit_mm_per_prompt={"image": 2},
    )
    assert given[6:-2] == [
        *("--hf-overrides", '{"architectures": ["X"]}'),
        *("--speculative-config", '{"method": "ngram", "num_speculative_tokens": 3}'),
        *("--default-chat-template-kwargs", '{"enable_thinking": false}'),
        *("--limit-mm-per-prompt", '{"image": 2}'),
    ]


def test_adapters_turn_lora_on() -> None:
    given = argv(
        lora_modules=({"name": "sql", "path": "/a/sql"}, {"name": "org/law", "path": "org/law"}),
        max_loras=2,
        max_lora_rank=64,
        max_cpu_loras=2,
    )
    assert given[6:-2] == [
        *("--max-loras", "2"),
        *("--max-lora-rank", "64"),
        *("--max-cpu-loras", "2"),
        "--enable-lora",
        *("--lora-modules", '{"name": "sql", "path": "/a/sql"}', '{"name": "org/law", "path": "org/law"}'),
    ]


@pytest.mark.parametrize("field", ["enable_prefix_caching", "enable_chunked_prefill"])
def test_what_vllm_turns_on_itself_can_be_turned_off(field: str) -> None:
    name = field.replace("_", "-")
    assert f"--{name}" in argv(**{field: True})
    assert f"--no-{name}" in argv(**{field: False})


@pytest.mark.parametrize(
    "switch", ["enforce_eager", "trust_remote_code", "enable_expert_parallel", "enable_sleep_mode"]
)
def test_a_switch_that_is_off_gives_no_argument(switch: str) -> None:
    assert argv(**{switch: False}) == argv()


def test_the_server_runs_in_the_same_interpreter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.executable", "/env/bin/python")
    assert server_command(ServingSettings(model="m"))[:5] == [
        "/env/bin/python",
        "-m",
        "vllm.entrypoints.cli.main",
        "serve",
        "m",
    ]


def test_a_value_with_a_dash_is_no_argument() -> None:
    assert argv(chat_template="- {{ x }}", seed=-1)[6:-2] == ["--chat-template=- {{ x }}", "--seed=-1"]

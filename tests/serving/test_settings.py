import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.settings import ServingSettings, environment, variable
from serving.sources import load
from stacks.settings import EngineSettings

MODEL = "Qwen/Qwen2.5-1.5B-Instruct"


def test_a_model_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODELYARD_MODEL", MODEL)
    settings = load([])
    assert (settings.model, settings.host, settings.port, settings.drain_seconds) == (MODEL, "0.0.0.0", 8080, 120)
    assert settings.model_fields_set == {"model"}


def test_every_variable_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    values = {
        "model": MODEL,
        "revision": "main",
        "served_names": ("qwen", "small, cheap"),
        "host": "127.0.0.1",
        "port": 9000,
        "runner": "pooling",
        "convert": "embed",
        "max_model_len": 2048,
        "dtype": "bfloat16",
        "quantization": "awq",
        "hf_overrides": {"architectures": ["X"], "is_matryoshka": True},
        "kv_cache_dtype": "fp8",
        "gpu_memory_utilization": 0.85,
        "kv_cache_memory_bytes": 2**34,
        "kv_offloading_size": 7.5,
        "cpu_offload_gb": 2.0,
        "tensor_parallel_size": 2,
        "pipeline_parallel_size": 3,
        "data_parallel_size": 4,
        "enable_expert_parallel": True,
        "nnodes": 2,
        "node_rank": 1,
        "master_addr": "10.0.0.1",
        "master_port": 29501,
        "headless": True,
        "api_server_count": 4,
        "max_num_seqs": 16,
        "max_num_batched_tokens": 512,
        "max_num_queued_reqs": 64,
        "enable_chunked_prefill": True,
        "enable_prefix_caching": False,
        "speculative_config": {"method": "ngram", "num_speculative_tokens": 3},
        "enforce_eager": True,
        "enable_sleep_mode": True,
        "trust_remote_code": True,
        "chat_template": "{{ messages }}\n",
        "default_chat_template_kwargs": {"enable_thinking": False},
        "tool_call_parser": "hermes",
        "reasoning_parser": "deepseek_r1",
        "limit_mm_per_prompt": {"image": 2},
        "allowed_media_domains": ("images.example.com", "cdn.example.com"),
        "seed": 7,
        "lora_modules": ({"name": "sql", "path": "/extra/sql"},),
        "max_loras": 1,
        "max_lora_rank": 64,
        "max_cpu_loras": 2,
        "drain_seconds": 30,
        "handover_seconds": 1.5,
        "hung_seconds": 60.0,
        "warm_up_tokens": (512, 8192),
        "preflight": "warn",
        "gpu_model": "H200",
        "token_required": True,
        "weights_gib": 2.9,
        "weights_cache": "/cache/weights",
        "weights_cache_gib": 500.5,
        "termination_log": "/run/termination-log",
        "extra_args": ("--api-key", "k, l"),
    }
    assert values.keys() == ServingSettings.model_fields.keys()
    for name, value in environment(values).items():
        monkeypatch.setenv(name, value)
    assert load([]).model_dump() == values


def test_settings_are_frozen() -> None:
    settings = ServingSettings(model=MODEL)
    with pytest.raises(ValueError, match="frozen"):
        settings.port = 1  # type: ignore[misc]


def test_engine_settings_of_a_stack_have_the_same_names() -> None:
    assert EngineSettings.model_fields.keys() - ServingSettings.model_fields.keys() == {"preset", "tuned"}


def test_environment_leaves_out_what_is_not_set() -> None:
    values: dict[str, object] = {
        "seed": None,
        "served_names": (),
        "hf_overrides": {},
        "port": 8080,
        "enforce_eager": False,
        "extra_args": ("--x",),
    }
    assert environment(values) == {
        "MODELYARD_PORT": "8080",
        "MODELYARD_ENFORCE_EAGER": "false",
        "MODELYARD_EXTRA_ARGS": '["--x"]',
    }


def test_environment_refuses_what_is_no_field() -> None:
    with pytest.raises(KeyError, match="bogus"):
        environment({"model": MODEL, "bogus": 1})


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)))
def test_any_list_of_texts_survives_the_environment(texts: list[str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment({"model": MODEL, "extra_args": texts}).items():
            patch.setenv(name, value)
        assert load([]).extra_args == tuple(texts)


def test_variables_are_the_field_names_in_capitals() -> None:
    assert variable("max_model_len") == "MODELYARD_MAX_MODEL_LEN"

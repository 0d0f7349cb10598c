import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.settings import InvalidSettingsError, ServingSettings, environment, load, variable
from stacks.settings import EngineSettings

MODEL = "Qwen/Qwen2.5-1.5B-Instruct"


def problems(*arguments: str) -> list[str]:
    with pytest.raises(InvalidSettingsError) as caught:
        load(arguments)
    return str(caught.value).splitlines()


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
        "termination_log": "/run/termination-log",
        "extra_args": ("--api-key", "k, l"),
    }
    assert values.keys() == ServingSettings.model_fields.keys()
    for name, value in environment(values).items():
        monkeypatch.setenv(name, value)
    assert load([]).model_dump() == values


def test_flags_win_over_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODELYARD_MODEL", MODEL)
    monkeypatch.setenv("MODELYARD_PORT", "9000")
    monkeypatch.setenv("MODELYARD_SEED", "1")
    settings = load(["--port=9001", "--served-names", '["a", "b"]', "--enforce-eager=true"])
    assert (settings.port, settings.seed) == (9001, 1)
    assert settings.served_names == ("a", "b")
    assert settings.enforce_eager is True


def test_flags_take_json_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODELYARD_SPECULATIVE_CONFIG", '{"method": "mtp", "num_speculative_tokens": 1}')
    settings = load(
        [
            f"--model={MODEL}",
            '--speculative-config={"method": "ngram", "model": "a=b,c"}',
            "--lora-modules",
            '[{"name": "sql", "path": "/sql"}]',
        ]
    )
    assert settings.speculative_config == {"method": "ngram", "model": "a=b,c"}
    assert settings.lora_modules == ({"name": "sql", "path": "/sql"},)


def test_settings_are_frozen() -> None:
    settings = ServingSettings(model=MODEL)
    with pytest.raises(ValueError, match="frozen"):
        settings.port = 1  # type: ignore[misc]


def test_engine_settings_of_a_stack_have_the_same_names() -> None:
    assert EngineSettings.model_fields.keys() - ServingSettings.model_fields.keys() == {"preset"}


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


def test_a_missing_model_is_named() -> None:
    assert problems() == ["MODELYARD_MODEL: nothing is given, and there is no default: set it, or pass --model"]


def test_the_variable_that_is_wrong_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODELYARD_MODEL", MODEL)
    monkeypatch.setenv("MODELYARD_PORT", "http")
    assert problems() == [
        "MODELYARD_PORT: 'http' cannot be used: input should be a valid integer, unable to parse string as an integer"
    ]


def test_the_flag_that_is_wrong_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODELYARD_DTYPE", "bfloat16")
    assert problems("--model", MODEL, "--dtype", "int1") == [
        "--dtype: 'int1' cannot be used: input should be 'auto', 'bfloat16', 'float16' or 'float32'"
    ]


def test_all_problems_are_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODELYARD_MAX_NUM_SEQS", "0")
    monkeypatch.setenv("MODELYARD_MODLE", MODEL)
    found = problems("--port=70000")
    assert [line.split(":")[0] for line in found] == [
        "MODELYARD_MODLE",
        "MODELYARD_MODEL",
        "--port",
        "MODELYARD_MAX_NUM_SEQS",
    ]


@pytest.mark.parametrize("value", ["a,b", "{}", '"a"', "[1]", '["a", null]', '[""]', ""])
def test_a_list_is_json_and_is_never_quoted(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("MODELYARD_MODEL", MODEL)
    monkeypatch.setenv("MODELYARD_EXTRA_ARGS", value)
    assert problems() == [
        "MODELYARD_EXTRA_ARGS: the value cannot be used, it is no JSON list of texts: "
        'write one like ["first", "second"]'
    ]


@pytest.mark.parametrize(
    ("name", "value", "like"),
    [
        ("SPECULATIVE_CONFIG", "ngram", 'object: write one like {"key": "value"}'),
        ("LIMIT_MM_PER_PROMPT", "[1]", 'object: write one like {"key": "value"}'),
        (
            "LORA_MODULES",
            '[{"name": "sql"}]',
            'list of adapters: write one like [{"name": "sql", "path": "/adapters/sql"}]',
        ),
    ],
)
def test_a_mapping_is_json(monkeypatch: pytest.MonkeyPatch, name: str, value: str, like: str) -> None:
    monkeypatch.setenv("MODELYARD_MODEL", MODEL)
    monkeypatch.setenv(f"MODELYARD_{name}", value)
    assert problems() == [f"MODELYARD_{name}: the value cannot be used, it is no JSON {like}"]


@pytest.mark.parametrize("arguments", [["--hf-token", "hf_secret"], ["--hf-token=hf_secret"]])
def test_an_unknown_flag_is_named_without_its_value(arguments: list[str]) -> None:
    assert problems("--model", MODEL, *arguments) == [
        "--hf-token: the server has no such setting: correct it, or put vLLM's own arguments into --extra-args"
    ]


def test_a_flag_is_never_abbreviated() -> None:
    assert problems("--mod", MODEL)[0].startswith("--mod: ")


def test_a_flag_without_a_value() -> None:
    assert problems("--model", MODEL, "--seed") == ["--seed: expected one argument: write flags as --name=value"]


def test_variables_are_the_field_names_in_capitals() -> None:
    assert variable("max_model_len") == "MODELYARD_MAX_MODEL_LEN"

"""Every command line that the settings can give is one that vLLM itself accepts."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from local.paths import Paths
from serving.argv import build_argv
from serving.check import EVERYTHING, TURNED_OFF
from serving.settings import ServingSettings, of
from serving.supervisor import MIDDLEWARE
from serving.vllm_arguments import TABLE, version
from stacks.presets import FAMILIES, Family
from stacks.settings import EngineSettings, ModelSettings
from stacks.settings.engine import KvCacheDtype
from stacks.settings.lora import RANKS
from tests.serving.vllm_process import ROOT, Ask

pytestmark = pytest.mark.vllm


WORD = st.from_regex(r"[a-z0-9][a-z0-9._/-]{0,20}", fullmatch=True)
COUNT = st.integers(min_value=1, max_value=2**20)
GIB = st.floats(min_value=0.5, max_value=1000)
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
JSON = st.dictionaries(WORD, st.booleans() | st.integers() | TEXT | st.lists(TEXT, max_size=2), max_size=3)
TEMPLATE = st.one_of(
    st.just("/dev/null"),
    st.builds("{{% for message in messages %}}{}{{% endfor %}}".format, TEXT),
)
SPECULATIVE = st.fixed_dictionaries(
    {"method": st.sampled_from(["ngram", "eagle3", "mtp"]), "num_speculative_tokens": COUNT},
    optional={"model": WORD, "prompt_lookup_max": COUNT, "draft_tensor_parallel_size": COUNT, "revision": WORD},
)

SETTINGS = st.builds(
    ServingSettings,
    model=WORD,
    revision=st.none() | WORD,
    served_names=st.lists(WORD, max_size=3).map(tuple),
    port=st.integers(min_value=1, max_value=65535),
    runner=st.sampled_from([None, "auto", "generate", "pooling"]),
    convert=st.sampled_from([None, "auto", "none", "embed", "classify"]),
    max_model_len=st.none() | COUNT,
    dtype=st.sampled_from([None, "auto", "bfloat16", "float16", "float32"]),
    quantization=st.sampled_from([None, "awq", "fp8"]),
    hf_overrides=JSON,
    kv_cache_dtype=st.sampled_from([None, *get_args(KvCacheDtype)]),
    gpu_memory_utilization=st.none() | st.floats(min_value=0.01, max_value=1),
    kv_cache_memory_bytes=st.none() | st.integers(min_value=1, max_value=2**40),
    kv_offloading_size=st.none() | GIB,
    cpu_offload_gb=st.none() | GIB,
    tensor_parallel_size=st.none() | COUNT,
    pipeline_parallel_size=st.none() | COUNT,
    data_parallel_size=st.none() | COUNT,
    enable_expert_parallel=st.booleans(),
    nnodes=st.none() | COUNT,
    node_rank=st.none() | COUNT,
    master_addr=st.none() | WORD,
    master_port=st.none() | st.integers(min_value=1, max_value=65535),
    headless=st.booleans(),
    api_server_count=st.none() | COUNT,
    max_num_seqs=st.none() | COUNT,
    max_num_batched_tokens=st.none() | COUNT,
    max_num_queued_reqs=st.none() | COUNT,
    enable_chunked_prefill=st.none() | st.booleans(),
    enable_prefix_caching=st.none() | st.booleans(),
    speculative_config=st.just({}) | SPECULATIVE,
    enforce_eager=st.booleans(),
    enable_sleep_mode=st.booleans(),
    trust_remote_code=st.booleans(),
    chat_template=st.none() | TEMPLATE,
    default_chat_template_kwargs=JSON,
    tool_call_parser=st.sampled_from([None, "hermes", "llama3_json"]),
    reasoning_parser=st.sampled_from([None, "deepseek_r1", "qwen3"]),
    limit_mm_per_prompt=st.dictionaries(st.sampled_from(["image", "video", "audio"]), st.integers(0, 9)),
    seed=st.none() | st.integers(min_value=-(2**31), max_value=2**31),
    allowed_media_domains=st.lists(WORD, max_size=2).map(tuple),
    lora_modules=st.lists(st.fixed_dictionaries({"name": WORD, "path": TEXT.filter(bool)}), max_size=3).map(tuple),
    max_loras=st.none() | COUNT,
    max_lora_rank=st.sampled_from([None, *RANKS]),
    max_cpu_loras=st.none() | COUNT,
    drain_seconds=st.integers(min_value=0, max_value=3600),
    extra_args=st.sampled_from([(), ("--api-key", "k"), ("--distributed-executor-backend", "uni")]),
)

# vLLM's names for the fields that it calls otherwise.
RENAMED = {"model": "model_tag", "drain_seconds": "shutdown_timeout", "served_names": "served_model_name"}
OWN = {
    *("handover_seconds", "hung_seconds", "warm_up_tokens", "preflight", "gpu_model"),
    *("token_required", "weights_gib", "weights_cache", "weights_cache_gib", "termination_log"),
}
NOT_AN_ARGUMENT = {"lora_modules", "extra_args", *OWN}


@given(settings=SETTINGS)
@hypothesis_settings(max_examples=200)
def test_vllm_understands_what_the_settings_say(ask: Ask, settings: ServingSettings) -> None:
    understands(ask, settings)


# What vLLM 0.31 does not have yet.
NEW_KV_CACHE_DTYPES = {"ultraquant_4bit"}


@given(settings=SETTINGS.filter(lambda settings: settings.kv_cache_dtype not in NEW_KV_CACHE_DTYPES))
@hypothesis_settings(max_examples=50)
def test_the_version_before_understands_it_too(ask_previous: Ask, settings: ServingSettings) -> None:
    understands(ask_previous, settings)


def test_the_version_before_takes_every_argument(ask_previous: Ask) -> None:
    for values in (EVERYTHING, TURNED_OFF):
        assert "error" not in ask_previous([*build_argv(of(values)), *MIDDLEWARE])
    for name in get_args(KvCacheDtype):
        refused = "error" in ask_previous(build_argv(of({"model": "m", "kv_cache_dtype": name})))
        assert refused == (name in NEW_KV_CACHE_DTYPES), name


def understands(ask: Ask, settings: ServingSettings) -> None:
    answer = ask(build_argv(settings))
    assert "error" not in answer, answer
    understood = answer["arguments"]
    for field, value in settings:
        if value not in (None, (), {}) and field not in NOT_AN_ARGUMENT:
            expected = list(value) if isinstance(value, tuple) else value
            assert understood[RENAMED.get(field, field)] == expected, field
    assert understood["enable_auto_tool_choice"] == (settings.tool_call_parser is not None)
    assert bool(understood["enable_lora"]) == bool(settings.lora_modules)
    adapters = [{"name": one["name"], "path": one["path"]} for one in understood["lora_modules"] or []]
    assert adapters == list(settings.lora_modules)


def test_every_field_is_tried() -> None:
    drawn = SETTINGS.wrapped_strategy.kwargs  # type: ignore[attr-defined]
    assert ServingSettings.model_fields.keys() - drawn.keys() == {"host", *OWN}


def test_the_table_is_that_of_vllm(ask: Ask) -> None:
    assert ask("table") == json.loads(TABLE.read_text()), "run vLLM's `python -m serving.check`"


def test_the_version_before_is_the_one_before(ask_previous: Ask) -> None:
    major, minor, _ = version().split(".")
    assert ask_previous("version")["version"].startswith(f"{major}.{int(minor) - 1}.")


def test_the_build_of_an_image_writes_the_table(tmp_path: Path) -> None:
    # As when an image is built: a vLLM for GPUs, and none to see.
    shutil.copytree(ROOT / "serving", tmp_path / "serving", ignore=shutil.ignore_patterns("__pycache__", "*.json"))
    (tmp_path / "vllm-1.dist-info").mkdir()
    (tmp_path / "vllm-1.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: vllm\nVersion: 1\n")
    python = str(Paths.from_environment().vllm / "bin" / "python")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    subprocess.run([python, "-m", "serving.check"], env=environment, cwd=tmp_path, check=True)
    assert json.loads((tmp_path / "serving" / TABLE.name).read_text()) == json.loads(TABLE.read_text())


def test_the_check_tries_every_field() -> None:
    assert ServingSettings.model_fields.keys() - EVERYTHING.keys() == {"extra_args", *OWN}


@pytest.mark.parametrize(("name", "family"), FAMILIES.items())
def test_parsers_of_presets_are_those_of_vllm(ask: Ask, name: str, family: Family) -> None:
    known = ask("table")["parsers"]
    assert family.tool_call_parser in {None, *known["tool_call_parser"]}
    assert family.reasoning_parser in {None, *known["reasoning_parser"]}
    model = {"name": "m", "source": "file:///m", "pool": "p", "engine": {"preset": name}}
    engine = ModelSettings.model_validate(model).filled_engine
    values = engine.model_dump(exclude_defaults=True, exclude={"preset", "tuned"})
    assert "error" not in ask(build_argv(ServingSettings(model="m", **values)))


@pytest.mark.parametrize(
    ("field", "types"),
    [
        ("kv_cache_dtype", get_args(KvCacheDtype)),
        ("max_lora_rank", RANKS),
        ("runner", ("auto", "generate", "pooling", "draft")),
        ("convert", get_args(EngineSettings.model_fields["convert"].annotation)),
    ],
)
def test_choices_are_those_of_vllm(ask: Ask, field: str, types: tuple[Any, ...]) -> None:
    refused = ask(["serve", "m", f"--{field.replace('_', '-')}", "0"])["error"]
    chosen = refused.partition("choose from")[2]
    found = {word.strip(" '\"()\n") for word in chosen.split(",")}
    assert found == {str(one) for one in types}


@pytest.mark.parametrize("extra", [("--no-such-argument",), ("--max-model-len", "many")])
def test_vllm_refuses_what_it_does_not_know(ask: Ask, extra: tuple[str, ...]) -> None:
    refused = ask(build_argv(ServingSettings(model="m", extra_args=extra)))
    assert extra[0] in refused["error"]

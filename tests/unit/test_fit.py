"""Whether a model fits its GPUs: parameters, KV cache, memory beside them, sentences and ways out."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from bench.fit.__main__ import REPORTED, Comparison, comparisons
from stacks import fit as public
from stacks import stack_file
from stacks.fit.gpus import GPUS, Target, target
from stacks.fit.kv_cache import layout
from stacks.fit.parameters import Share, stage, stage_layers, total
from stacks.fit.report import fit_warnings, problems, report, summary
from stacks.fit.shape import ModelShape, UnknownShapeError, from_config
from stacks.fit.table import config_of, entries
from stacks.fit.verdict import Fit, fit
from stacks.fit.weights import GIB
from stacks.settings import ModelSettings, SettingsError, load

L4 = Target("NVIDIA-L4", 22.03, GPUS["nvidia-l4"], 8)
NAMES = sorted(entry["names"][0] for entry in entries())


def a_model(name: str, gpus: int = 1, **engine: Any) -> ModelSettings:
    return ModelSettings.model_validate(
        {"name": "m", "source": f"hf://{name}", "pool": "gpu", "gpus": gpus, "engine": engine}
    )


def a_shape(name: str) -> ModelShape:
    config = config_of(name)
    assert config is not None
    return from_config(config)


def a_fit(name: str, here: Target = L4, gpus: int = 1, **engine: Any) -> Fit:
    found = fit(a_model(name, gpus, **engine), a_shape(name), here)
    assert found is not None
    return found


def values(name: str, pool: dict[str, Any] | None = None, check: str = "refuse", **model: Any) -> dict[str, Any]:
    gpu = {"name": "gpu", "gpuModel": "NVIDIA-L4", "gpuMemoryGib": 24, "gpusPerNode": 4, **(pool or {})}
    return {
        "pools": [gpu],
        "serving": {"image": "registry.example/serving:1"},
        "models": [{"name": "m", "source": f"hf://{name}", "pool": "gpu", **model}],
        "fit": {"check": check},
    }


def refused(raw: dict[str, Any]) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        load(raw)
    return caught.value.problems


def test_a_replica_that_spans_nodes_shares_each_layer_within_a_node_only() -> None:
    # 24 GPUs could not share 32 heads: 8 of a node do, and 3 nodes have a third of the layers each.
    load(values("Qwen/Qwen3-8B", {"gpusPerNode": 8, "maxNodes": 4}, gpus=24))
    one, three = a_fit("Qwen/Qwen3-8B", gpus=8), a_fit("Qwen/Qwen3-8B", gpus=24)
    # The first and the last node have the embedding and the head as well.
    assert one.weights_gib / 3 < three.weights_gib < one.weights_gib / 2


@pytest.mark.parametrize("entry", entries(), ids=lambda entry: str(entry["names"][0]))
def test_parameters_are_those_that_are_published(entry: dict[str, Any]) -> None:
    assert total(from_config(entry["config"])) == entry["parameters"]


@pytest.mark.parametrize("each", list(comparisons(json.loads(REPORTED.read_text()))), ids=lambda each: str(each.name))
def test_what_an_h200_reported(each: Comparison) -> None:
    assert abs(each.weights_error) < 0.03
    assert abs(each.tokens_error) < 0.05
    assert each.fits[0] == each.fits[1]


def test_names_are_taken_in_any_case_and_from_any_hub() -> None:
    assert config_of("qwen/qwen3-8b") == config_of("Qwen/Qwen3-8B")
    modelscope = a_model("x/y").model_copy(update={"source": "modelscope://Qwen/Qwen3-8B"})
    assert public.known_shape(modelscope) == a_shape("Qwen/Qwen3-8B")
    assert public.known_shape(a_model("someone/else")) is None


def test_weights_as_they_are_published() -> None:
    assert public.estimated_weights_gib(a_model("Qwen/Qwen3-8B")) == pytest.approx(15.26, abs=0.01)
    assert public.estimated_weights_gib(a_model("Qwen/Qwen3-8B-FP8")) == pytest.approx(8.79, abs=0.01)
    assert public.estimated_weights_gib(a_model("openai/gpt-oss-20b")) == pytest.approx(12.82, abs=0.01)
    assert public.estimated_weights_gib(a_model("someone/else")) is None


def test_layers_of_a_pipeline_go_to_the_stages_ahead_of_the_last() -> None:
    shape = a_shape("Qwen/Qwen3-30B-A3B")
    assert [len(stage_layers(shape, 5, rank)) for rank in range(5)] == [9, 10, 10, 10, 9]


def test_gpus_that_share_a_model_hold_a_copy_of_a_head_where_there_are_too_few() -> None:
    shape = a_shape("Qwen/Qwen2.5-1.5B-Instruct")
    assert layout(shape, Share(tensor=4), 2, 0).block_bytes == layout(shape, Share(tensor=2), 2, 0).block_bytes


def test_latent_attention_is_whole_on_every_gpu() -> None:
    shape = a_shape("deepseek-ai/DeepSeek-V2-Lite")
    assert layout(shape, Share(), 2, 0).block_bytes == layout(shape, Share(tensor=8), 2, 0).block_bytes == 27 * 18432


def test_whole_experts_are_dealt_and_sliced_ones_are_cut() -> None:
    shape = a_shape("Qwen/Qwen3-30B-A3B")
    whole, cut = stage(shape, Share(tensor=4, whole_experts=True)), stage(shape, Share(tensor=4))
    assert whole.experts == cut.experts == stage(shape, Share()).experts // 4


def test_groups_of_layers_with_and_without_a_window() -> None:
    cache = layout(a_shape("google/gemma-3-1b-it"), Share(), 2, 16384)
    assert cache.windows.count(None) == 1
    assert len(cache.windows) == 7
    assert cache.block_bytes == 4 * 16384
    assert cache.blocks(32768) == 8390


@given(some.sampled_from(NAMES), some.integers(1, 200_000), some.integers(1, 200_000))
def test_more_context_never_takes_less(name: str, one: int, other: int) -> None:
    cache = layout(a_shape(name), Share(), 2, 4096)
    low, high = sorted((one, other))
    assert cache.bytes(low) <= cache.bytes(high)


@given(some.sampled_from(NAMES), some.integers(0, 40 * GIB), some.integers(1, 200_000))
def test_the_longest_context_fits_and_one_token_more_does_not(name: str, available: int, limit: int) -> None:
    cache = layout(a_shape(name), Share(), 2, 4096)
    longest = cache.longest(available, limit)
    assert longest == 0 or cache.bytes(longest) <= available
    assert longest == limit or cache.bytes(longest + 1) > available


@given(some.sampled_from(NAMES), some.sampled_from([1, 2, 4, 8]))
def test_twice_the_gpus_never_hold_more_each(name: str, gpus: int) -> None:
    one, more = a_shape(name), a_shape(name)
    assert stage(more, Share(tensor=2 * gpus)).total <= stage(one, Share(tensor=gpus)).total


def test_the_sentence_of_a_model_that_does_not_fit() -> None:
    assert refused(values("Qwen/Qwen3-8B")) == [
        "modelyard:models[0]: 23.0 GiB are needed on the GPU at maxModelLen 40960 (15.3 of weights, 5.6 of KV cache, "
        "2.1 beside them), but one NVIDIA-L4 has 20.3 GiB to give: write gpus: 2, engine.quantization: fp8, or "
        "engine.maxModelLen: 20480"
    ]


@given(
    some.sampled_from(["Qwen/Qwen3-8B", "Qwen/Qwen3-14B", "google/gemma-2-9b-it", "Qwen/Qwen2.5-32B-Instruct"]),
    some.sampled_from(["NVIDIA-L4", "NVIDIA-A10G", "NVIDIA-L40S", "NVIDIA-A100-SXM4-40GB"]),
)
def test_every_way_out_fits(name: str, gpu: str) -> None:
    raw = values(name, {"gpuModel": gpu, "gpuMemoryGib": None, "gpusPerNode": 8}, check="warn")
    for line in report(load(raw)):
        for way in line.ways_out:
            changed: dict[str, Any] = {"engine": {}}
            for part in way.split(" with "):
                place, _, value = part.partition(": ")
                plain = int(value) if value.isdigit() else value
                changed.update({place: plain} if place == "gpus" else {})
                changed["engine"].update({} if place == "gpus" else {place.removeprefix("engine."): plain})
            load(values(name, {"gpuModel": gpu, "gpuMemoryGib": None, "gpusPerNode": 8}, **changed))


def test_nothing_is_refused_where_nothing_is_known() -> None:
    load(values("someone/else"))
    load(values("Qwen/Qwen2.5-72B-Instruct", {"gpuModel": None, "gpuMemoryGib": None}))
    load(values("Qwen/Qwen2.5-72B-Instruct", check="off"))
    turns, half = {"timeSlicing": {"replicas": 2}}, {"gpuMemoryUtilization": 0.4}
    assert [line.fits for line in report(load(values("Qwen/Qwen3-8B", turns, engine=half)))] == [None]


def test_an_argument_that_is_not_read_leaves_no_verdict() -> None:
    raw = values("Qwen/Qwen3-8B", extraArgs=["--block-size=32"])
    assert [line.fits for line in report(load(raw))] == [None]


def test_a_warning_in_place_of_a_refusal() -> None:
    stack = load(values("Qwen/Qwen3-8B", check="warn"))
    assert fit_warnings(stack) == problems(stack) != []
    assert fit_warnings(load(values("Qwen/Qwen3-8B", engine={"maxModelLen": 8192}))) == []


@pytest.mark.parametrize(
    ("said", "memory"),
    [(24, 22.03), (None, 22.03), (12, 12)],
    ids=["what the box says", "nothing", "a part of it"],
)
def test_memory_is_what_cuda_sees(said: float | None, memory: float) -> None:
    stack = load(values("someone/else", {"gpuMemoryGib": said}))
    there = target(stack.pools[0])
    assert there is not None
    assert there.memory_gib == memory


def test_heads_that_gpus_cannot_share() -> None:
    assert refused(values("Qwen/Qwen2.5-7B-Instruct", gpus=3)) == [
        "modelyard:models[0].gpus: 3 GPUs that share each layer cannot divide its 28 attention heads evenly, and vLLM "
        "does not start: let 1 or 2 or 4 share it, by gpus or engine.tensorParallelSize"
    ]


def test_groups_of_quantized_rows_that_gpus_cannot_share() -> None:
    (sentence,) = refused(values("Qwen/Qwen2.5-72B-Instruct-AWQ", {"gpusPerNode": 8}, gpus=8))
    assert "quantized in groups of 128 of which a GPU would get 3696" in sentence


def test_a_context_longer_than_the_model_was_made_for() -> None:
    engine = {"maxModelLen": 65536, "quantization": "fp8", "kvCacheDtype": "fp8"}
    assert refused(values("Qwen/Qwen3-0.6B", engine=engine)) == [
        "modelyard:models[0].engine.maxModelLen: 65536 tokens, but the model was made for 40960, and vLLM does not "
        "start with more: write 40960 or less, or its rope_scaling in engine.hfOverrides"
    ]


def test_types_that_a_gpu_does_not_have() -> None:
    t4 = {"gpuModel": "Tesla-T4", "gpuMemoryGib": 16}
    short = {"maxModelLen": 2048}
    (dtype,) = refused(values("Qwen/Qwen3-0.6B", t4, engine={**short, "dtype": "bfloat16"}))
    assert dtype.startswith("modelyard:models[0].engine.dtype: bfloat16 needs a GPU of compute capability 8.0")
    (gemma,) = refused(values("google/gemma-2-2b-it", t4, engine=short))
    assert gemma.endswith("write float32, or name another pool")
    (oss,) = [each for each in refused(values("openai/gpt-oss-20b", t4, engine=short)) if "quantization" in each]
    assert oss.startswith("modelyard:models[0].engine.quantization: mxfp4 needs a GPU of compute capability 8.0")


def scaled(kind: str, **fields: Any) -> ModelShape:
    rope = {"rope_type": kind, "factor": 4.0}
    return from_config({**(config_of("Qwen/Qwen3-8B") or {}), "rope_scaling": rope, **fields})


def test_contexts_by_the_scaling_of_positions() -> None:
    assert scaled("linear").longest_context == 4 * 40960
    assert scaled("yarn").longest_context == 40960
    long = scaled("longrope", original_max_position_embeddings=4096)
    assert (long.longest_context, long.default_context) == (40960, 4096)


def test_a_way_out_names_no_pool_with_too_few_gpus_and_no_slices() -> None:
    raw = values("Qwen/Qwen2.5-72B-Instruct", {"gpusPerNode": 2}, check="warn", gpus=2, engine={"maxModelLen": 32768})
    large = {"name": "large", "gpuModel": "NVIDIA-H200"}
    raw["pools"].append({**large, "gpusPerNode": 1})
    assert [line.ways_out for line in report(load(raw))] == [()]
    raw["pools"][1] = {**large, "gpusPerNode": 2}
    assert [line.ways_out for line in report(load(raw))] == [("pool: large",)]


def test_a_config_of_ones_own(tmp_path: Path) -> None:
    config = config_of("Qwen/Qwen3-8B")
    (tmp_path / "config.json").write_text(json.dumps(config))
    for said in (config, str(tmp_path / "config.json")):
        stack = load(values("someone/else", config=said, engine={"maxModelLen": 8192}))
        assert public.known_shape(stack.models[0]) == a_shape("Qwen/Qwen3-8B")


def test_a_config_that_is_not_there(tmp_path: Path) -> None:
    (sentence,) = refused(values("someone/else", config=str(tmp_path / "none.json")))
    assert "is no file that can be read" in sentence


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        ({"architectures": ["SomethingNew"]}, "the architecture SomethingNew is not known"),
        ({"architectures": ["LlamaForCausalLM"], "hidden_size": 8}, "its config.json has no num_attention_heads"),
    ],
)
def test_shapes_that_are_not_known(config: dict[str, Any], reason: str) -> None:
    with pytest.raises(UnknownShapeError, match=reason):
        from_config(config)


def test_the_table_of_a_preview() -> None:
    raw = values("Qwen/Qwen3-8B", engine={"maxModelLen": 8192}, replicas=2)
    raw["fit"] = {"prices": {"NVIDIA-L4": 0.7}}
    assert summary(load(raw)) == (
        "GiB of each GPU, and tokens:\n"
        "MODEL  GPUS           WEIGHTS  OTHER  KV CACHE     LONGEST CONTEXT  AT A TIME  VERDICT  COST/H\n"
        "m      1 x NVIDIA-L4  15.3     2.1    2.9 of 20.3  8192 of 8192     2.5        fits     1.40"
    )
    assert summary(load(values("someone/else"))) is None


def test_costs_are_at_list_prices_where_the_stack_has_none_of_its_own() -> None:
    raw = values("Qwen/Qwen3-8B", engine={"maxModelLen": 8192}, replicas=2)
    first, second = str(summary(load(raw))).splitlines()[1:]
    assert (first.split("  ")[-1], second.split()[-1]) == ("LIST USD/H", "1.61")
    # In another currency, perhaps, so nothing is mixed in.
    raw["fit"] = {"prices": {"NVIDIA-H200": 3}}
    assert str(summary(load(raw))).splitlines()[1].endswith("VERDICT")


def test_the_production_stack_fits() -> None:
    stack = stack_file.read(stack_file.FOLDER / "Pulumi.prod.yaml")
    assert [line.fits for line in report(stack)] == [True] * len(stack.models)

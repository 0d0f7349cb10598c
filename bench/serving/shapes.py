"""The models' shapes and the plans that measure them."""

from typing import Any

from bench.fit.cases import Case
from bench.serving.plan import Plan, Step
from bench.serving.servers import Arm
from bench.serving.workloads import Cell

GIB = 1024**3
SHAPES = {
    "1.5B": "Qwen/Qwen2.5-1.5B-Instruct",
    "2B": "google/gemma-2-2b-it",
    "8B": "meta-llama/Llama-3.1-8B",
    "tiny": "HuggingFaceTB/SmolLM2-135M-Instruct",
}
"""Whose shape they are."""


def config(shape: str) -> dict[str, Any]:
    """A shape's config.json."""
    return Case(shape, SHAPES[shape]).full_config


def cells(workload: str, requests: dict[int, int]) -> tuple[Cell, ...]:
    """The cells of a workload, by requests at a time."""
    return tuple(Cell(workload, concurrency, number) for concurrency, number in requests.items())


def _tiny() -> Plan:
    """Shows, without a GPU, that everything works."""
    few = ("--max-model-len", "512", "--enforce-eager", "--kv-cache-memory-bytes", str(GIB // 8))
    bare, ours = Arm("bare", "bare", few), Arm("ours", "ours", few)
    chat = cells("tiny", {1: 4, 8: 16})
    return Plan(
        {"tiny": config("tiny")},
        (
            Step("start", "tiny", (bare, ours), label="prepare"),
            Step("measure", "tiny", (bare, ours), chat, (1, 2), label="main"),
            Step("stop", "tiny", (bare, ours)),
        ),
    )


def _memory(share: float, cache_gib: float) -> tuple[str, ...]:
    """Arguments by which several servers share a GPU, each with the same KV cache."""
    return (
        *("--gpu-memory-utilization", str(share)),
        *("--kv-cache-memory-bytes", str(int(cache_gib * GIB))),
    )


FRONT_ENDS = ("--api-server-count", "4")
NO_JIT = {"VLLM_USE_FLASHINFER_SAMPLER": "0"}
"""Keeps vLLM from compiling samplers that no request here uses, which takes it a minute and a half."""


def _beside_bare(shape: str, memory: tuple[float, float], measured: tuple[Cell, ...]) -> Plan:
    """Bare vLLM, the entrypoint, and the entrypoint with four API servers, two repetitions of each cell."""
    arguments = _memory(*memory)
    arms = (
        Arm("bare", "bare", arguments, "all", NO_JIT),
        Arm("ours", "ours", arguments, "all", NO_JIT),
        Arm("api4", "ours", (*arguments, *FRONT_ENDS), "all", NO_JIT),
    )
    return Plan(
        {shape: config(shape)},
        (
            Step("start", shape, arms, label="all at once, prepare"),
            # The first requests have vLLM compile what depends on their sizes.
            Step("measure", shape, arms, measured, (0,), "unmeasured"),
            Step("measure", shape, arms, measured, (1, 2), "main"),
            Step("stop", shape, arms),
        ),
    )


def _small() -> Plan:
    return _beside_bare(
        "1.5B",
        (0.2, 28),
        (
            *cells("chat", {1: 8, 8: 40, 32: 128, 128: 512, 512: 1024}),
            *cells("long", {1: 4, 8: 16, 32: 64, 128: 128}),
            *cells("shared", {1: 8, 8: 40, 32: 128, 128: 512, 512: 1024}),
        ),
    )


def _large() -> Plan:
    return _beside_bare(
        "8B",
        (0.3, 25),
        (
            *cells("chat", {1: 4, 8: 24, 32: 96, 128: 384, 512: 768}),
            *cells("long", {1: 2, 8: 8, 32: 32}),
            *cells("shared", {1: 4, 8: 24, 32: 96, 128: 384, 512: 768}),
        ),
    )


def _gemma() -> Plan:
    return _beside_bare(
        "2B",
        (0.25, 30),
        (
            *cells("chat", {1: 8, 8: 40, 32: 128, 128: 512, 512: 1024}),
            *cells("long-7k", {1: 4, 8: 16, 32: 64, 128: 128}),
            *cells("shared", {1: 8, 8: 40, 32: 128, 128: 512, 512: 1024}),
        ),
    )


def _starts() -> Plan:
    """Starts of the 1.5B, alone on the GPU and with vLLM's own share of its memory: one cold, and then warm ones."""
    bare, ours = Arm("bare", "bare", (), "all"), Arm("ours", "ours", (), "all")
    four = Arm("api4", "ours", FRONT_ENDS, "all")
    order = (("cold", bare), *(("warm", arm) for arm in (ours, bare, four, four, bare, ours)))
    return Plan(
        {"1.5B": config("1.5B")},
        tuple(
            step
            for label, arm in order
            for step in (Step("start", "1.5B", (arm,), label=label), Step("stop", "1.5B", (arm,)))
        ),
    )


PLANS = {"tiny": _tiny, "small": _small, "large": _large, "gemma": _gemma, "starts": _starts}
"""The plans by their names. All but the first are for an H200."""

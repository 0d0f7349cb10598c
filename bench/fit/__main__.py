"""Compares the fit check with vLLM: ``python -m bench.fit cases FILE``, then ``python -m bench.fit compare FILE``.

The first writes the cases that ``start.py`` takes to a machine with vLLM and a GPU. The second reads what came back,
prints it beside what the check says, and ends with a line of figures.
"""

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import entry
from bench.arguments import existing
from bench.fit.cases import CASES, HELD_OUT, Case
from stacks.fit.gpus import GPUS, Target
from stacks.fit.shape import from_config
from stacks.fit.verdict import fit
from stacks.fit.weights import GIB
from stacks.settings import ModelSettings

ARGUMENTS = {
    "enforceEager": "enforce_eager",
    "gpuMemoryUtilization": "gpu_memory_utilization",
    "kvCacheDtype": "kv_cache_dtype",
    "maxModelLen": "max_model_len",
    "maxNumBatchedTokens": "max_num_batched_tokens",
    "maxNumSeqs": "max_num_seqs",
    "quantization": "quantization",
}
"""What the settings of the cases are called as arguments of ``vllm.LLM``."""
REPORTED = Path(__file__).parent / "reported.json"
"""What an H200 reported, and docs/figures.md shows."""


@dataclass(frozen=True)
class Comparison:
    """What the check says of a case, beside what vLLM reports. Memory is in GiB."""

    name: str
    """The case."""
    weights: tuple[float, float]
    """Weights: predicted, reported."""
    cache: tuple[float, float]
    """Memory for the KV cache: predicted, reported."""
    tokens: tuple[int, int]
    """Tokens of the KV cache: predicted, reported. 0: it does not start."""
    fits: tuple[bool, bool]
    """Whether it starts: predicted, reported."""

    @property
    def weights_error(self) -> float:
        """How far the weights are off, as a share of what is reported."""
        return self.weights[0] / self.weights[1] - 1

    @property
    def tokens_error(self) -> float:
        """How far the tokens are off, as a share of what is reported."""
        return self.tokens[0] / self.tokens[1] - 1 if self.tokens[1] else 0.0


def comparisons(reported: list[dict[str, Any]]) -> Iterator[Comparison]:
    """Every reported case beside its prediction."""
    cases = {case.name: case for case in (*CASES, *HELD_OUT)}
    for row in reported:
        if "weights_gib" in row:
            yield _compare(cases[row["name"]], row)


def _compare(case: Case, row: dict[str, Any]) -> Comparison:
    engine = {**case.engine, "maxModelLen": row["max_model_len"]}
    model = ModelSettings.model_validate(
        {"name": "m", "source": f"hf://{case.model}", "pool": "p", "engine": engine, "lora": case.lora}
    )
    found = fit(model, from_config(case.full_config), Target("H200", row["total_gib"], GPUS["nvidia-h200"], 1))
    if found is None:
        raise ValueError(f"nothing is known of {case.name}")
    # Release 0.26 counts CUDA graphs against the cache for its older model runner only, and 0.32 always does.
    cache = found.cache_gib + (0 if row["graphs_gib"] else found.graphs_gib)
    started = "error" not in row
    tokens = int(found.cache.concurrency(cache * GIB, found.max_model_len) * found.max_model_len)
    return Comparison(
        name=case.name,
        weights=(found.weights_gib, row["weights_gib"]),
        cache=(cache, row["kv_cache_gib"]),
        tokens=(tokens if started else 0, row.get("kv_cache_tokens", 0)),
        fits=(found.fits, started),
    )


def _write_cases(file: Path, *, held_out: bool) -> None:
    file.write_text(json.dumps([_case(case) for case in (HELD_OUT if held_out else CASES)]))


def _case(case: Case) -> dict[str, Any]:
    arguments = {ARGUMENTS[name]: value for name, value in case.engine.items()}
    if case.lora:
        arguments |= {
            "enable_lora": True,
            "max_loras": case.lora["maxLoras"],
            "max_lora_rank": case.lora["maxLoraRank"],
        }
    return {"name": case.name, "config": case.full_config, "arguments": arguments}


def _print(found: list[Comparison]) -> None:
    print("| case | weights, GiB | off | KV cache, GiB | tokens | off | starts |")
    print("|---|---|---|---|---|---|---|")
    for each in found:
        weights = f"{each.weights[0]:.2f} / {each.weights[1]:.2f} | {each.weights_error:+.1%}"
        tokens = f"{each.tokens[0]:,} / {each.tokens[1]:,} | {each.tokens_error:+.1%}"
        fits = " / ".join("yes" if fits else "no" for fits in each.fits)
        print(f"| {each.name} | {weights} | {each.cache[0]:.2f} / {each.cache[1]:.2f} | {tokens} | {fits} |")
    worst = max(abs(each.weights_error) for each in found), max(abs(each.tokens_error) for each in found)
    wrong = sum(each.fits[0] and not each.fits[1] for each in found)
    print(f"figure: cases={len(found)} weights_error={worst[0]:.3f} tokens_error={worst[1]:.3f} wrong_fits={wrong}")


def main() -> None:
    """Write the cases, or compare what came back."""
    parser = argparse.ArgumentParser(prog="python -m bench.fit", description=__doc__)
    commands = parser.add_subparsers(dest="what", required=True)
    cases, compare = commands.add_parser("cases"), commands.add_parser("compare")
    cases.add_argument("file", type=Path, help="where to write the cases")
    cases.add_argument("--held-out", action="store_true", help="write the cases that no constant was taken from")
    compare.add_argument("file", type=existing, nargs="?", default=REPORTED, help="what came back")
    given = parser.parse_args()
    if given.what == "cases":
        _write_cases(given.file, held_out=given.held_out)
        return
    text = given.file.read_text()
    rows = json.loads(text) if given.file.suffix == ".json" else [json.loads(line) for line in text.splitlines()]
    _print(list(comparisons(rows)))


if __name__ == "__main__":
    entry.run(main)

"""Makes tables of ratios of what was measured: an arm's figures over those of bare ``vllm serve`` in the same cell."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import exp, log, sqrt
from pathlib import Path
from statistics import NormalDist, fmean
from typing import Any

REPORTED = Path(__file__).with_name("reported.jsonl")
"""What an H200 reported, and docs/figures.md shows."""
BARE = "bare"


@dataclass(frozen=True)
class Ratio:
    """A cell's figures over those of bare vLLM."""

    shape: str
    """The model's shape."""
    arm: str
    """What was compared."""
    cell: str
    """Workload, and requests at a time."""
    throughput: tuple[float, ...]
    """Tokens a second over bare vLLM's, of every pair of runs. More is better."""
    ttft: float
    """Time to the first token over bare vLLM's, by medians. Less is better."""
    tpot: float
    """Time of each further token over bare vLLM's, by medians. Less is better."""
    tokens: tuple[float, float]
    """Tokens of answers a second: bare, and the arm."""

    @property
    def mean(self) -> float:
        """The geometric mean of the ratios of throughput."""
        return exp(fmean(map(log, self.throughput)))


def ratios(rows: Sequence[dict[str, Any]]) -> Iterator[Ratio]:
    """A ratio for every cell that both bare vLLM and an arm were measured in, as one pair of runs or more."""
    found: dict[tuple[str, str, str], list[tuple[dict[str, Any], dict[str, Any]]]] = {}
    cells = [row for row in rows if row["did"] == "cell" and "throughput" in row]
    bare = {_run(row): row for row in cells if row["arm"] == BARE}
    for row in cells:
        if row["arm"] != BARE and _run(row) in bare:
            found.setdefault((row["shape"], row["arm"], row["cell"]), []).append((bare[_run(row)], row))
    for (shape, arm, cell), pairs in found.items():
        yield Ratio(
            shape,
            arm,
            cell,
            tuple(one["throughput"] / other["throughput"] for other, one in pairs),
            exp(fmean(log(one["ttft"] / other["ttft"]) for other, one in pairs)),
            exp(fmean(log(one["tpot"] / other["tpot"]) for other, one in pairs)),
            (fmean(other["throughput"] for other, _ in pairs), fmean(one["throughput"] for _, one in pairs)),
        )


def _run(row: dict[str, Any]) -> tuple[object, ...]:
    """What an arm's run and bare vLLM's have in common that are compared: the machine's session, and the prompts."""
    return row.get("session"), row["shape"], row["cell"], row["repetition"]


def spread(found: Sequence[Ratio]) -> tuple[float, int]:
    """The standard deviation of a logarithm of a ratio between runs of a cell, pooled, and its degrees of freedom."""
    squares = [(log(each) - log(ratio.mean)) ** 2 for ratio in found for each in ratio.throughput]
    degrees = sum(len(ratio.throughput) - 1 for ratio in found)
    return (sqrt(sum(squares) / degrees) if degrees else 0.0), degrees


def interval(values: Sequence[float]) -> tuple[float, float, float]:
    """The geometric mean of ratios, and the ends of its 95 % confidence interval."""
    logs = [log(value) for value in values]
    middle, degrees = fmean(logs), len(logs) - 1
    if degrees == 0:
        return exp(middle), 0.0, float("inf")
    deviation = sqrt(sum((each - middle) ** 2 for each in logs) / degrees)
    half = student(degrees) * deviation / sqrt(len(logs))
    return exp(middle), exp(middle - half), exp(middle + half)


def student(degrees: int) -> float:
    """Student's t for 95 %, from the normal distribution by the first terms of its expansion."""
    z = NormalDist().inv_cdf(0.975)
    return z + (z**3 + z) / (4 * degrees) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * degrees**2)


def print_report(file: Path) -> None:
    """Print the tables of a file of results, and a last line of figures."""
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    found = list(ratios(rows))
    figures: list[str] = []
    for shape, arm in dict.fromkeys((ratio.shape, ratio.arm) for ratio in found):
        ours = [ratio for ratio in found if (ratio.shape, ratio.arm) == (shape, arm)]
        deviation, degrees = spread(ours)
        print(f"\n{shape}, {arm} over bare:")
        print("| cell | tokens/s, bare | tokens/s | ratio | pairs | time to first token | time per token |")
        print("|---|---|---|---|---|---|---|")
        for ratio in ours:
            error = f" ±{student(degrees) * deviation / sqrt(len(ratio.throughput)):.1%}" if degrees else ""
            print(
                f"| {ratio.cell} | {ratio.tokens[0]:,.0f} | {ratio.tokens[1]:,.0f} | {ratio.mean:.3f}{error} "
                f"| {len(ratio.throughput)} | {ratio.ttft:.2f} | {ratio.tpot:.2f} |"
            )
        mean, low, high = interval([ratio.mean for ratio in ours])
        print(f"all cells: {mean:.3f} ({low:.3f} to {high:.3f})")
        figures.append(f"{shape}_{arm}={mean:.3f}")
    for row in rows:
        if row["did"] == "start" and "answered" in row["times"]:
            print(f"start, {row['label']}: {row['shape']} {row['arm']} answers after {row['times']['answered']:.1f} s")
    print("figure:", " ".join(figures))

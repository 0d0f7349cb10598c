"""Ratios of what was measured, and that the rows of defaults stand on them."""

import json
from math import isclose
from pathlib import Path
from typing import Any

import pytest

from bench.serving.plan import Plan
from bench.serving.report import REPORTED, Ratio, interval, print_report, ratios, spread, student
from bench.serving.runner import figures
from bench.serving.shapes import PLANS
from bench.serving.workloads import CLIENTS, Cell
from stacks.tuned import ROWS


def row(arm: str, throughput: float, repetition: int = 1, **more: Any) -> dict[str, Any]:
    return {
        "did": "cell",
        "session": 1,
        "shape": "s",
        "arm": arm,
        "cell": "chat 8",
        "repetition": repetition,
        "throughput": throughput,
        "ttft": 0.1,
        "tpot": 0.01,
        **more,
    }


def reported() -> list[Ratio]:
    return list(ratios([json.loads(line) for line in REPORTED.read_text().splitlines()]))


def test_a_ratio_is_of_runs_with_the_same_prompts_in_the_same_session() -> None:
    rows = [
        row("bare", 100),
        row("ours", 110, ttft=0.05),
        row("bare", 200, 2),
        row("ours", 180, 2, ttft=0.05),
        row("ours", 900, 3),
        row("ours", 900, session=2),
    ]
    (found,) = ratios(rows)
    assert found.throughput == (1.1, 0.9)
    assert isclose(found.mean, 0.99**0.5)
    assert isclose(found.ttft, 0.5)
    assert found.tokens == (150, 145)


def test_the_spread_is_pooled_over_cells_with_several_pairs() -> None:
    several, one = (Ratio("s", "a", "c", values, 1, 1, (1, 1)) for values in ((1.1, 1 / 1.1), (1.5,)))
    deviation, degrees = spread([several, one])
    assert degrees == 1
    assert isclose(deviation, 0.1348, rel_tol=0.001)


@pytest.mark.parametrize(("degrees", "value"), [(8, 2.306), (11, 2.201), (30, 2.042)])
def test_students_t(degrees: int, value: float) -> None:
    assert isclose(student(degrees), value, rel_tol=0.003)


def test_an_interval_holds_its_mean() -> None:
    mean, low, high = interval([1.0, 1.1, 1.2])
    assert low < mean < high
    assert interval([1.1])[1:] == (0.0, float("inf"))


def test_a_cell_lasts_from_the_first_beginning_to_the_last_end() -> None:
    clients = [
        {"requests": [[10.0, 12.0, 0.5, 0.01, 100]], "failed": 0, "error": "", "input_tokens": 7, "itl_p99": 0.1},
        {"requests": [[11.0, 14.0, 0.7, 0.03, 300]], "failed": 1, "error": "x", "input_tokens": 7, "itl_p99": 0.3},
    ]
    found = figures(clients)
    assert found["throughput"] == 100
    assert (found["requests"], found["failed"], found["input_tokens"]) == (2, 1, 14)
    assert (found["ttft"], found["tpot"], found["ttft_p99"]) == (0.6, 0.02, 0.7)


@pytest.mark.parametrize("name", PLANS)
def test_a_plan_is_the_same_when_it_is_read_again(name: str, tmp_path: Path) -> None:
    plan = PLANS[name]()
    plan.write(tmp_path / "plan.json")
    assert Plan.read(tmp_path / "plan.json") == plan


@pytest.mark.parametrize("concurrency", CLIENTS)
def test_clients_share_a_cell_evenly_and_send_other_prompts(concurrency: int) -> None:
    cell = Cell("chat", concurrency, 2 * concurrency)
    jobs = list(cell.jobs("http://x", Path("t"), 3))
    at_a_time = [int(job[job.index("--max-concurrency") + 1]) for job in jobs]
    assert sum(at_a_time) == concurrency
    assert len({job[job.index("--seed") + 1] for job in jobs}) == len(jobs)


def test_every_row_of_defaults_was_measured_to_win() -> None:
    (only,) = ROWS
    found = {each.cell: each for each in reported() if (each.shape, each.arm) == ("1.5B", "api4")}
    assert only.engine == {"api_server_count": 4}
    assert all(each.mean >= 0.995 for each in found.values())
    assert min(min(found[cell].throughput) for cell in ("chat 512", "shared 512")) >= 2.0


def test_the_report_ends_with_its_figures(capsys: pytest.CaptureFixture[str]) -> None:
    print_report(REPORTED)
    assert capsys.readouterr().out.splitlines()[-1] == "figure: 1.5B_ours=1.018 1.5B_api4=1.437 8B_ours=0.999"

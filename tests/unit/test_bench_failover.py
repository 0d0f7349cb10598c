"""What the benchmarks of the gateway make of what they saw."""

from typing import Any

import pytest

from bench.failover import Loss, Sample, figures, loss
from bench.failover_plot import drawn, longest
from local.errors import LocalError


def sample(at: float, seconds: float = 0.02, by: str = "qwen", **more: Any) -> Sample:
    return Sample(**{"at": at, "seconds": seconds, "streamed": False, "by": by, "error": "", "cut": False, **more})


def test_the_first_answer_of_the_fallback_is_compared_with_the_usual_one() -> None:
    found = loss(
        [
            sample(-2, 0.02),
            sample(-1, 0.03),
            sample(-0.9, 0.04),
            # Sent before the fault and answered after it, later than the one that was sent after it.
            sample(-0.01, 0.5, by="gemma"),
            sample(0.1, 0.08, by="gemma"),
            sample(0.2, 1.03, by="gemma"),
        ]
    )
    assert (found.requests, found.failed, found.cut, found.late) == (6, 0, 0, 1)
    assert found.usual_seconds == 0.03
    assert found.first_seconds == pytest.approx(0.05)
    assert found.slowest_seconds == pytest.approx(1.0)


def test_a_stream_that_was_cut_has_not_failed() -> None:
    found = loss(
        [
            sample(-1),
            sample(-0.1, error="unexpected EOF", streamed=True, cut=True),
            sample(0.1, by="", error="503"),
        ]
    )
    assert (found.failed, found.cut, found.first_seconds, found.slowest_seconds) == (1, 1, None, 0)


def test_nothing_to_compare_with() -> None:
    with pytest.raises(LocalError, match="before the fault; the first request got: refused"):
        loss([sample(-1, by="", error="refused")])


def test_the_last_line_counts_failed_requests_of_each_gateway() -> None:
    ours = Loss(10, 0, 1, 0.02, 0.0123, 0.1, 0)
    litellm = Loss(10, 2, 0, 0.1, None, 0.1, 0)
    losses = {("5xx", "ours"): ours, ("5xx after 2 s", "ours"): ours, ("5xx", "LiteLLM"): litellm}
    assert figures(losses) == {
        "ours_failed": 0,
        "litellm_failed": 2,
        "ours_5xx_ms": 12.3,
        "ours_5xx_after_2_s_ms": 12.3,
    }


def test_the_plot_keeps_the_longest_of_each_quarter_of_a_second() -> None:
    assert longest([(-0.1, 1), (-0.2, 3), (0.1, 2), (0.6, 5)]) == [(-0.125, 3), (0.125, 2), (0.625, 5)]


def test_the_plot_has_a_panel_for_each_fault_and_a_line_for_each_gateway() -> None:
    points = [(-1.0, 0.02), (1.0, 0.05)]
    plot = drawn({("a < b", "ours"): points, ("a < b", "other"): points, ("c", "ours"): points})
    assert plot.count("<polyline") == 3
    assert plot.count("font-weight") == 2
    assert "a &lt; b" in plot

"""The figures of what gateways add, from what the load generator saw."""

import pytest

from bench.gateway import DIRECT, LITELLM, OURS, PLAIN, ROUTING, SMALL, figures
from bench.gateway_plot import HEADING, PLOT, TABLE, Added, drawn, rows
from bench.wrk import Sample


def sample(p50_us: float, rate: float = 1) -> Sample:
    return Sample(p50_us, 0, rate, 0)


SAMPLES = {
    **{(SMALL, 1, arm): sample(p50) for arm, p50 in ((DIRECT, 80), (PLAIN, 280), (OURS, 380), (LITELLM, 15_080))},
    **{(SMALL, 32, arm): sample(0, rate) for arm, rate in ((PLAIN, 10_000), (OURS, 6_000), (ROUTING, 8_000))},
}


def test_the_last_line_has_added_medians_and_requests_a_second() -> None:
    found = figures(SAMPLES)
    assert list(found) == ["vs_plain_envoy", "rps_vs_plain", "litellm_over_ours"]
    assert found == pytest.approx({"vs_plain_envoy": 1.5, "rps_vs_plain": 0.6, "litellm_over_ours": 50})


def test_without_litellm() -> None:
    assert "litellm_over_ours" not in figures({key: one for key, one in SAMPLES.items() if key[2] != LITELLM})


PAGE = f"""
| plain, small | 1 | before | 1 | 1 | 1.00 | 1 |

{HEADING}

| request | connections | through | p50, ms | p99, ms | added p50, ms | requests/s |
|---|---|---|---|---|---|---|
| plain, small | 1 | direct | 0.08 | 2.28 | 0.00 | 11,145 |
| plain, small | 32 | a < b | 3.23 | 14.30 | 2.63 | 9,631 |
| plain, small | 256 | LiteLLM | - | - | - | 0 |

| | seen | aim |
|---|---|---|

## Next
| plain, small | 1 | behind | 1 | 1 | 1.00 | 1 |
"""


def test_the_plot_has_a_point_for_each_gateway_that_answered() -> None:
    found = rows(PAGE)
    assert found == [Added("plain, small", 32, "a < b", 2.63)]
    plot = drawn(found)
    assert plot.count("<circle") == 1
    assert "<title>a &lt; b, 32: 2.63 ms</title>" in plot


def test_the_plot_is_of_the_published_table() -> None:
    found = rows(TABLE.read_text())
    assert len(found) > 40
    assert PLOT.read_text() == drawn(found)

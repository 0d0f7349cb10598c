"""The figures of what gateways add, from what the load generator saw."""

import pytest

from bench.gateway import DIRECT, LITELLM, OURS, PLAIN, ROUTING, SMALL, figures
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

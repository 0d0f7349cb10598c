"""Counters of pods, before and after."""

import pytest

from stacks.verify.counters import REQUESTS, Reading, counted
from stacks.verify.metrics import moved

TEXT = """\
# HELP vllm:prompt_tokens_total Number of prefill tokens processed.
vllm:prompt_tokens_total{engine="0",model_name="a"} 12.0
vllm:prompt_tokens_total{engine="1",model_name="a"} 3.0
vllm:prompt_tokens_total_created 99
envoy_http_downstream_rq_total{envoy_http_conn_manager_prefix="edge"} 7
envoy_http_downstream_rq_total{envoy_http_conn_manager_prefix="edge_2"} 70
envoy_http_downstream_rq_total{envoy_http_conn_manager_prefix="rehearsal"} 700
"""


def test_series_of_one_counter_add_up() -> None:
    assert counted(TEXT, ["vllm:prompt_tokens_total", REQUESTS, "nothing"]) == {
        "vllm:prompt_tokens_total": 15.0,
        REQUESTS: 7.0,
        "nothing": 0.0,
    }


@pytest.mark.parametrize(
    ("before", "after", "outcome"),
    [
        ({"p": {"c": 5.0}}, {"p": {"c": 15.0}}, "passed"),
        ({"p": {"c": 5.0}}, {"p": {"c": 14.0}}, "failed"),
        ({"p": {"c": 5.0}}, {"p": {"c": 6.0}, "q": {"c": 9.0}}, "passed"),
        ({"p": {"c": 5.0}}, {"q": {"c": 9.0}}, "not checked"),
        ({"p": {"c": 5.0}}, {"q": {"c": 10.0}}, "passed"),
        ({"p": {"c": 50.0}}, {"p": {"c": 10.0}}, "failed"),
    ],
)
def test_what_counts_asmoved(
    before: dict[str, dict[str, float]], after: dict[str, dict[str, float]], outcome: str
) -> None:
    assert moved(Reading(before), Reading(after), {"c": 10})[0] == outcome


def test_counters_that_could_not_be_read() -> None:
    assert moved(Reading({}, "no permission"), Reading({}), {"c": 1}) == ("not checked", "no permission")
    assert moved(Reading({}), Reading({}, "no permission"), {"c": 1}) == ("not checked", "no permission")

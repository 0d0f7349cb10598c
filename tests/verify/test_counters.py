"""Counters of pods, before and after."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from stacks.kubectl import Kubectl, Object
from stacks.verify.counters import REQUESTS, Reading, counted, of_gateway, of_model
from stacks.verify.metrics import moved
from stacks.verify.report import NO_TIME
from tests.gateway.harness import stack

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


def test_nothing_that_was_to_be_counted_is_no_proof() -> None:
    same = Reading({"p": {"c": 5.0}})
    assert moved(same, same, {"c": 0}) == ("not checked", "nothing that would be counted was asked")
    assert moved(same, Reading({"p": {"c": 6.0}}), {"c": 1, "d": 0}) == ("passed", "c moved")


def test_pods_are_read_as_long_as_there_is_time() -> None:
    forwarded: list[str] = []

    class Slow(Kubectl):
        def find(self, *_: object, **__: object) -> list[Object]:
            pods = [{"conditions": {"ready": True}, "targetRef": {"kind": "Pod", "name": f"m-{n}"}} for n in range(8)]
            return [{"endpoints": pods, "metadata": {"name": "gateway-0"}}]

        @contextmanager
        def port_forward(self, target: str, *_: object, **__: object) -> Iterator[str]:
            forwarded.append(target)
            time.sleep(0.2)
            yield "http://127.0.0.1:9"

    slow = Slow("kubectl", None, None, "default")
    assert of_model(slow, "m", "default", time.monotonic() + 0.1) == Reading({}, NO_TIME)
    assert forwarded == ["pod/m-0"]
    assert of_model(slow, "m", "default", time.monotonic()) == Reading({}, NO_TIME)
    assert of_gateway(slow, stack(["m"]), time.monotonic()) == Reading({}, NO_TIME)
    assert forwarded == ["pod/m-0"]

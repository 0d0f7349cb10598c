"""A model without a replica: another one answers, and the gateway counts what is to wake it."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from components.manifests import series
from stacks.settings import ModelSettings, StackSettings
from tests.gateway.conftest import Pods
from tests.gateway.fakes import Pod, free_port, status
from tests.gateway.harness import Gateway, eventually, stack
from tests.gateway.names import NameServer, asking
from tests.higress.stock import HigressLike
from tests.higress.test_stock_envoy import stack as higress_stack

pytestmark = pytest.mark.gateway

COLD = "cold.default.svc.cluster.local"
"""The name of the cold model's headless Service."""
PROMETHEUS = {"url": "http://prometheus:9090"}
SCALING = {"kind": "keda", "minReplicas": 0, "maxReplicas": 1}


class Named(Gateway):
    """A gateway that finds the pods of the cold model by name, as in a cluster."""

    def __init__(self, folder: Path, pods: Mapping[str, Sequence[Pod]], names: NameServer, port: int) -> None:
        super().__init__(folder, pods)
        self._names = names
        self._port = port

    def _addresses(self, settings: StackSettings, model: ModelSettings) -> list[tuple[str, int]]:
        if model.name != "cold":
            return super()._addresses(settings, model)
        return [(f"{COLD}.", self._port)]

    def configuration(self, settings: StackSettings) -> dict[str, Any]:
        return asking(super().configuration(settings), self._names)

    def unanswered(self, settings: StackSettings) -> float:
        """What Prometheus is told of the series that wakes the cold model."""
        selector = series.unanswered(settings, settings.model("cold"))
        own = re.sub(r'namespace="[^"]*",', "", selector)  # which Prometheus adds, as it scrapes
        lines = self.metrics.get("/stats/prometheus").text.splitlines()
        (value,) = [line.removeprefix(f"{own} ") for line in lines if line.startswith(f"{own} ")]
        return float(value)


@pytest.fixture
def names() -> Iterator[NameServer]:
    with NameServer() as server:
        yield server


def served_by(gateway: Gateway, model: str) -> str:
    answer = gateway.chat(model)
    assert answer.status_code == 200
    return answer.headers["x-modelyard-served-by"]


def test_a_cold_model_is_answered_for_and_counted_until_it_is_there(
    tmp_path: Path, names: NameServer, pods: Pods
) -> None:
    cold, warm = pods("cold"), pods("warm")
    settings = stack(
        {"cold": {"autoscaling": SCALING}, "warm": {}},
        [{"model": "cold", "fallback": ["warm"]}, {"model": "warm"}],
        prometheus=PROMETHEUS,
    )
    with Named(tmp_path, {"cold": [], "warm": [warm]}, names, cold.port) as gateway:
        gateway.start(settings)
        assert gateway.unanswered(settings) == 0

        for asked in (1, 2, 3):
            answer = gateway.chat("cold", stream=asked == 2)
            assert (answer.status_code, answer.headers["x-modelyard-served-by"]) == (200, "warm")
            assert answer.headers["x-modelyard-fallback-from"] == "cold"
            assert answer.elapsed.total_seconds() < 1
            assert gateway.unanswered(settings) == asked
        assert not cold.received

        names.known.add(COLD)
        eventually(lambda: served_by(gateway, "cold") == "cold", "the model answers once it has a pod")
        before = gateway.unanswered(settings)
        assert {served_by(gateway, "cold") for _ in range(10)} == {"cold"}
        assert gateway.unanswered(settings) == before

        names.known.clear()
        eventually(lambda: served_by(gateway, "cold") == "warm", "the other one answers once the pod has gone")
        assert gateway.unanswered(settings) > before


def test_a_cold_model_that_stands_in_for_another_is_counted_too(tmp_path: Path, names: NameServer, pods: Pods) -> None:
    ill, warm = pods("ill"), pods("warm")
    ill.answer = status(500)
    settings = stack(
        {"ill": {}, "cold": {"autoscaling": SCALING}, "warm": {}},
        [{"model": "ill", "fallback": ["cold", "warm"]}, {"model": "warm"}],
        prometheus=PROMETHEUS,
    )
    with Named(tmp_path, {"ill": [ill], "cold": [], "warm": [warm]}, names, free_port()) as gateway:
        gateway.start(settings)
        assert served_by(gateway, "warm") == "warm"
        assert gateway.unanswered(settings) == 0

        assert served_by(gateway, "ill") == "warm"

        assert gateway.unanswered(settings) == 1


def test_what_higress_would_have_an_envoy_do_counts_in_the_series_that_is_asked_for(tmp_path: Path, pods: Pods) -> None:
    gemma = pods("gemma")
    settings = higress_stack()
    selector = series.unanswered(settings, settings.model("qwen"))
    with HigressLike(tmp_path, {"qwen": [], "gemma": [gemma]}) as gateway:
        gateway.start(settings)
        name = gateway.cluster("qwen")
        counter = f"cluster.{name}.{series.UNANSWERED.removeprefix('envoy_cluster_')}"
        assert gateway.stat(counter) == 0

        # The redirect to the next model is Higress's own Envoy's, so here the chain ends.
        assert gateway.chat("qwen").status_code >= 500

        assert gateway.stat(counter) >= 1
        assert gateway.stat(f"cluster.{gateway.cluster('gemma')}.upstream_cx_none_healthy") == 0
    (pattern,) = re.findall('cluster_name=~"(.*)"', selector)
    assert re.fullmatch(pattern, name)
    assert re.fullmatch(pattern, f"{name};")
    assert not re.fullmatch(pattern, gateway.cluster("gemma"))

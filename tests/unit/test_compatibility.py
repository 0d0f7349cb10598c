"""Which chart versions get a warning."""

from typing import Any

from stacks.settings import load
from stacks.warnings.compatibility import untested_versions


def found(**gateway: Any) -> list[str]:
    return untested_versions(load({"gateway": gateway}))


def test_the_versions_that_were_tried_get_no_warning() -> None:
    assert found(kind="higress") == []
    assert found(kind="higress", chart={"version": "2.2.4"}) == []
    assert found(kind="envoy") == []


def test_another_version_is_told_what_was_tried() -> None:
    assert found(kind="higress", chart={"version": "2.3.0"}) == [
        "modelyard:gateway.chart.version: '2.3.0' was not tried with this program, so values may have no effect and "
        "the console may not show the routes. What was tried: 2.2.4: its values and manifests were compared with what "
        "the program writes, and its console's names and records are those that the program uses. Write '2.2.4', or "
        "try it on a cluster of its own first"
    ]


def of(**software: Any) -> list[str]:
    return untested_versions(load({"gpuSoftware": software}))


def test_charts_of_gpu_software() -> None:
    assert of(kind="gpu_operator") == of(kind="device_plugin", metrics={}) == []
    assert of(kind="gpu_operator", chart={"version": "v27.1.0"}) == [
        "modelyard:gpuSoftware.chart.version: 'v27.1.0' is not the version whose values this program writes, so some "
        "may have no effect, and `make artifacts` may name images of another version: write 'v26.7.0', or try it on a "
        "cluster of its own first"
    ]
    (warning,) = of(kind="device_plugin", metrics={"chart": {"version": "4.9.0"}})
    assert warning.startswith("modelyard:gpuSoftware.metrics.chart.version: '4.9.0'")


def test_the_chart_of_leader_worker_set() -> None:
    model = {"name": "big", "source": "file:///m", "pool": "gpu", "gpus": 16}
    pools = [{"name": "gpu", "gpusPerNode": 8, "maxNodes": 2}]

    def told(gpus: int, **settings: Any) -> list[str]:
        models = [{**model, "gpus": gpus}]
        return untested_versions(load({"pools": pools, "models": models, "leaderWorkerSet": settings}))

    other = {"version": "0.10.0"}
    assert told(16) == told(8, chart=other) == told(16, chart=other, install=False) == []
    (warning,) = told(16, chart=other)
    assert warning.startswith("modelyard:leaderWorkerSet.chart.version: '0.10.0'")

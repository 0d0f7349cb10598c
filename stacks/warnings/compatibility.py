"""Which versions of the charts the program was tried with. Pure look-up."""

from collections.abc import Iterator

from stacks.parallelism import spanning_models
from stacks.settings import StackSettings

HIGRESS_CHARTS = {
    "2.2.4": "its values and manifests were compared with what the program writes, "
    "and its console's names and records are those that the program uses",
}
"""Versions of the chart ``higress``, and what is known of each."""


GPU_CHARTS = {
    ("gpuSoftware.chart", "device_plugin"): "0.20.0",
    ("gpuSoftware.chart", "gpu_operator"): "v26.7.0",
    ("gpuSoftware.metrics.chart", "device_plugin"): "4.8.2",
}
"""Versions of the charts of GPU software whose values the program writes, by setting and kind."""

LEADER_WORKER_SET_CHART = "0.9.0"
"""The version of LeaderWorkerSet's chart whose values and objects the program writes."""


def untested_versions(stack: StackSettings) -> list[str]:
    """One sentence for every chart whose version has no entry here.

    It is a warning and no error: a chart's next patch seldom changes what the program counts on.
    """
    return [*_higress(stack), *_gpu_software(stack), *_leader_worker_set(stack)]


def _higress(stack: StackSettings) -> Iterator[str]:
    if stack.gateway.kind != "higress" or stack.higress.chart.version in HIGRESS_CHARTS:
        return
    known = "; ".join(f"{version}: {tried}" for version, tried in HIGRESS_CHARTS.items())
    yield (
        f"modelyard:gateway.chart.version: {stack.higress.chart.version!r} was not tried with this program, so values "
        f"may have no effect and the console may not show the routes. What was tried: {known}. Write "
        f"{' or '.join(repr(version) for version in HIGRESS_CHARTS)}, or try it on a cluster of its own first"
    )


def _gpu_software(stack: StackSettings) -> Iterator[str]:
    for path, version in _gpu_charts(stack):
        known = GPU_CHARTS[path, stack.gpu_software.kind]
        if version != known:
            yield _other_values(path, version, known)


def _leader_worker_set(stack: StackSettings) -> Iterator[str]:
    settings = stack.leader_worker_set
    if settings.install and settings.chart.version != LEADER_WORKER_SET_CHART and spanning_models(stack):
        yield _other_values("leaderWorkerSet.chart", settings.chart.version, LEADER_WORKER_SET_CHART)


def _other_values(path: str, version: str, known: str) -> str:
    return (
        f"modelyard:{path}.version: {version!r} is not the version whose values this program writes, so some "
        f"may have no effect, and `make artifacts` may name images of another version: write {known!r}, or "
        "try it on a cluster of its own first"
    )


def _gpu_charts(stack: StackSettings) -> Iterator[tuple[str, str]]:
    software = stack.gpu_software
    if software.kind == "none":
        return
    yield "gpuSoftware.chart", software.chart.version
    if software.kind == "device_plugin" and software.metrics:
        yield "gpuSoftware.metrics.chart", software.metrics.chart.version

"""GPUs: as many as vLLM divides its work over, and on nodes that have them."""

from collections.abc import Iterator

from policies.pack.kubernetes.engines import Engine, engines_of
from policies.pack.kubernetes.pods import Container, Pod, is_gpu, pods
from policies.pack.kubernetes.workloads import Workload, models
from policies.pack.rule import Parameter, Problem, Rule, View, each
from policies.pack.values import items, mapping, text


def _parallelism(view: View) -> Iterator[Problem]:
    return each(models(view), _divided)


def _divided(workload: Workload) -> Iterator[Problem]:
    if workload.is_playground:
        for found in workload.flavor_gpus:
            yield from _compare(workload, "its OpenModel", sum(found.values()), [workload.engines[0][1]])
        return
    for pod in workload.pods:
        for container in pod.containers:
            engines = engines_of(container)
            divides = any(_gpus_of_pod(engine, workload.nodes) > 1 for engine in engines)
            if engines and (container.gpus or (divides and not _computes_otherwise(container, engines))):
                yield from _compare(workload, container.name, sum(container.gpus.values()), engines)


def _computes_otherwise(container: Container, engines: list[Engine]) -> bool:
    """Whether it computes on CPUs, on devices that it claims, or on accelerators that nobody here knows."""
    variables = " ".join(text(each, "name") for each in items(container.spec, "env"))
    on_cpu = "VLLM_CPU_" in variables or any(engine.setting("device") == "cpu" for engine in engines)
    resources = mapping(container.spec, "resources")
    limited = [name for name in mapping(resources, "limits") if "/" in name and not name.startswith("rdma/")]
    unknown = [name for name in limited if not is_gpu(name)]
    return on_cpu or "cpu" in text(container.spec, "image") or bool(items(resources, "claims")) or bool(unknown)


def _compare(workload: Workload, place: str, found: float, engines: list[Engine]) -> Iterator[Problem]:
    wanted = sum(_gpus_of_pod(engine, workload.nodes) for engine in engines)
    if found == wanted:
        return
    over = f" over {workload.nodes} nodes" if workload.nodes > 1 else ""
    sizes = " and ".join(map(_sizes, engines))
    others = f", or parallel sizes whose product is {found * workload.nodes:g}" if found and len(engines) == 1 else ""
    yield Problem(
        workload.resource,
        f"{place} has {_count(found)}, and vLLM's parallelism ({sizes}{over}) uses {_count(wanted)} of each pod",
        f"write a limit of {wanted:g}{others}",
    )


def _sizes(engine: Engine) -> str:
    return ", ".join(f"{name} {engine.count(f'{name}_parallel_size')}" for name in ("tensor", "pipeline", "data"))


def _gpus_of_pod(engine: Engine, nodes: int) -> float:
    layers = engine.count("tensor_parallel_size") * engine.count("pipeline_parallel_size")
    # Pods that vLLM joins by itself, or LeaderWorkerSet for Ray, have one part of a replica each.
    parts = max(engine.count("nnodes"), nodes)
    if engine.setting("data_parallel_size_local"):
        return layers * engine.count("data_parallel_size_local")
    return layers * engine.count("data_parallel_size") / parts


def _count(gpus: float) -> str:
    return "1 GPU" if gpus == 1 else f"{gpus:g} GPUs"


def _placement(view: View) -> Iterator[Problem]:
    taints = list(view.parameters["taints"])
    yield from each(pods(view), lambda pod: _placed(pod, taints))


def _placed(pod: Pod, taints: list[str]) -> Iterator[Problem]:
    if not pod.gpus:
        return
    required = mapping(pod.spec, "affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution")
    if not mapping(pod.spec, "nodeSelector") and not required:
        yield Problem(
            pod.resource,
            "its pods have GPUs and say of no node that it will do",
            "write a nodeSelector of the pool's labels, such as nvidia.com/gpu.product, or a required nodeAffinity",
        )
    keys = {name for container in pod.containers for name in container.gpus} | set(taints)
    if not any(_tolerates(toleration, keys) for toleration in items(pod.spec, "tolerations")):
        yield Problem(
            pod.resource,
            f"its pods have GPUs and tolerate none of the taints {', '.join(sorted(keys))}",
            "write a toleration of that key, with operator Exists and effect NoSchedule",
        )


def _tolerates(toleration: object, keys: set[str]) -> bool:
    key = text(toleration, "key")
    return key in keys or (not key and text(toleration, "operator") == "Exists")


RULES = (
    Rule(
        id="gpu-parallelism",
        what="A model has as many GPUs as vLLM divides its work over.",
        why="so either a GPU idles that is paid for, or vLLM does not start",
        instead="make the limit of GPUs the product of vLLM's parallel sizes",
        severity="high",
        scope="stack",
        check=_parallelism,
    ),
    Rule(
        id="gpu-placement",
        what="Pods with GPUs choose the nodes of a pool, and tolerate their taint.",
        why="so they would land on nodes of another GPU, or wait for ever before tainted ones",
        instead="write a nodeSelector and a toleration",
        severity="medium",
        scope="resource",
        check=_placement,
        elsewhere="advisory",
        parameters=(
            Parameter(
                "taints",
                "array",
                "Keys of taints of GPU nodes, beside the names of the GPUs' resources",
                ["nvidia.com/gpu", "amd.com/gpu", "sku", "dedicated"],
            ),
        ),
    ),
)

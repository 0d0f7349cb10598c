"""What runs pods: how many, with how many GPUs, on which nodes."""

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass

from pulumi_policy.proxy import UnknownValueError

from policies.pack.kubernetes.engines import Engine, engines_of, playground_engine
from policies.pack.kubernetes.pods import Pod, gpus, pods_of
from policies.pack.resource import Resource
from policies.pack.rule import View
from policies.pack.values import Properties, at, items, mapping, number, text, texts

LLMAZ = "inference.llmaz.io"
"""API group of Playgrounds."""
SET_NAME = "leaderworkerset.sigs.k8s.io/name"
"""The label that LeaderWorkerSet, and llmaz by it, puts on all pods of a set."""

Place = Mapping[str, Set[str]]
"""Labels that a node must have, with the values that will do."""


@dataclass(frozen=True)
class Workload:
    """An object that runs pods: replicas for long, or those of a job until they end."""

    view: View
    resource: Resource

    @property
    def is_playground(self) -> bool:
        """Whether llmaz makes its pods, which nobody sees before."""
        return self.resource.kind == "Playground"

    @property
    def pods(self) -> list[Pod]:
        """The pods of one replica, one of each kind."""
        return list(pods_of(self.resource))

    @property
    def labels(self) -> list[Properties]:
        """The labels of its pods, one of each kind."""
        of_set = {SET_NAME: self.resource.object_name}
        if self.is_playground:
            return [of_set]
        if self.resource.kind in ("LeaderWorkerSet", "Service"):
            return [{**pod.labels, **of_set} for pod in self.pods]
        return [pod.labels for pod in self.pods]

    @property
    def engines(self) -> list[tuple[Pod | None, Engine]]:
        """The vLLM servers of one replica, with their pods."""
        if self.is_playground:
            return [(None, playground_engine(self.resource))]
        return [(pod, each) for pod in self.pods for container in pod.containers for each in engines_of(container)]

    @property
    def is_model(self) -> bool:
        """Whether it runs a model."""
        return self.is_playground or bool(self.engines)

    @property
    def is_server(self) -> bool:
        """Whether others can send requests to its model."""
        return any(engine.serves for _, engine in self.engines)

    @property
    def nodes(self) -> int:
        """Nodes that one replica spans."""
        spec = mapping(self.resource.props, "spec")
        size = number(spec, "leaderWorkerTemplate", "size") or number(spec, "workloadTemplate", "size")
        return int(size or 1)

    @property
    def gpus(self) -> float:
        """GPUs of one replica, the most of them where its nodes may be of several kinds."""
        if self.is_playground:
            return max((sum(gpus(mapping(each, "limits")).values()) for each in self._flavors), default=0)
        leaders, workers = ([p for p in self.pods if p.is_worker is worker] for worker in (False, True))
        if not workers:
            return sum(pod.gpus for pod in leaders) * self.nodes
        return sum(pod.gpus for pod in leaders) + workers[0].gpus * (self.nodes - 1)

    @property
    def flavor_gpus(self) -> list[dict[str, float]]:
        """GPUs of a Playground, for each kind of nodes that it may be on."""
        return [gpus(mapping(each, "limits")) for each in self._flavors]

    @property
    def places(self) -> list[Place]:
        """The nodes that its pods go to."""
        if self.is_playground:
            return [_either([_exactly(mapping(each, "nodeSelector")) for each in self._flavors])]
        return [place_of(pod.spec) for pod in self.pods]

    @property
    def least(self) -> int:
        """The fewest replicas that there may be."""
        return self._numbers[0]

    @property
    def most(self) -> int:
        """The most replicas that there may be."""
        return self._numbers[1]

    @property
    def _numbers(self) -> tuple[int, int]:
        spec = mapping(self.resource.props, "spec")
        for scaler in self.view.of_kind("HorizontalPodAutoscaler", "ScaledObject"):
            if self._is_target(scaler):
                return _range(scaler)
        if elastic := mapping(spec, "elasticConfig"):
            return _whole(elastic, "minReplicas", 1), _whole(elastic, "maxReplicas", 1)
        job = mapping(spec, "jobTemplate", "spec") or spec
        replicas = _whole(spec, "replicas", _whole(job, "parallelism", 1))
        return replicas, replicas

    def _is_target(self, scaler: Resource) -> bool:
        if scaler.namespace != self.resource.namespace:
            return False
        target = mapping(scaler.props, "spec", "scaleTargetRef")
        kind = text(target, "kind") or "Deployment"
        return (text(target, "name"), kind) == (self.resource.object_name, self.resource.kind)

    @property
    def _flavors(self) -> list[Properties]:
        wanted = text(self.resource.props, "spec", "modelClaim", "modelName")
        found = [each for each in self.view.of_kind("OpenModel") if each.object_name == wanted]
        return [each for model in found for each in items(model.props, "spec", "inferenceConfig", "flavors")]


def workloads(view: View) -> Iterator[Workload]:
    """Everything that runs pods, but for what can't be read yet."""
    for resource in view.resources:
        try:
            is_playground = resource.kind == "Playground" and resource.group == LLMAZ
            if is_playground or any(pods_of(resource)):
                yield Workload(view, resource)
        except UnknownValueError:
            continue


def models(view: View) -> Iterator[Workload]:
    """Those that run models."""
    for workload in workloads(view):
        try:
            if workload.is_model:
                yield workload
        except UnknownValueError:
            continue


def place_of(pod: Properties) -> Place:
    """The nodes that a pod goes to, by its ``spec``."""
    required = mapping(pod, "affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution")
    terms = [
        {
            text(each, "key"): set(texts(each, "values"))
            for each in items(term, "matchExpressions")
            if at(each, "operator") == "In"
        }
        for term in items(required, "nodeSelectorTerms")
    ]
    return {**_either(terms), **_exactly(mapping(pod, "nodeSelector"))}


def are_apart(one: Place, other: Place) -> bool:
    """Whether no node can be in both places."""
    return any(not one[key] & other[key] for key in one if key in other)


def _exactly(labels: Properties) -> dict[str, set[str]]:
    return {key: {text(labels, key)} for key in labels}


def _either(terms: list[dict[str, set[str]]]) -> dict[str, set[str]]:
    """What holds whichever of these terms a node meets."""
    if not terms:
        return {}
    shared = set.intersection(*(set(term) for term in terms))
    return {key: set().union(*(term[key] for term in terms)) for key in shared}


def _range(scaler: Resource) -> tuple[int, int]:
    spec = mapping(scaler.props, "spec")
    if scaler.kind == "HorizontalPodAutoscaler":
        return _whole(spec, "minReplicas", 1), _whole(spec, "maxReplicas", 1)
    # KEDA lets a target go to zero unless it is told otherwise.
    least = _whole(spec, "minReplicaCount", 0)
    return min(least, _whole(spec, "idleReplicaCount", least)), _whole(spec, "maxReplicaCount", 100)


def _whole(value: Properties, key: str, default: int) -> int:
    found = number(value, key)
    return default if found is None else int(found)

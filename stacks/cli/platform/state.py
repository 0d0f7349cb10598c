"""Looks at a stack's models and gateway on the cluster."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from components.manifests import envoy_gateway
from components.manifests.higress import names as higress
from components.manifests.llmaz import names as llmaz
from components.manifests.workload_pod import selector_of
from stacks.cli.platform.pods import STAGES, PodState, is_starting, pod_state
from stacks.kubectl import Kubectl, KubectlError
from stacks.settings import ModelSettings, StackSettings

LOG_LINES = 60
"""How much of the end of an engine's log is read to say how far it is."""

_ORDER = list(STAGES)


@dataclass(frozen=True)
class ReplicaState:
    """What the replicas of a model, or of the gateway, do."""

    name: str
    """The model, or ``gateway``."""
    ready: int
    """Replicas that are ready."""
    wanted: int
    """Replicas that there are to be; where an autoscaler owns their number, the fewest."""
    pods: tuple[PodState, ...]
    """Their pods, those first that are furthest from being ready."""

    @property
    def is_ready(self) -> bool:
        """Whether as many replicas are ready as there are to be."""
        return self.ready >= self.wanted

    @property
    def restarts(self) -> int:
        """How often their containers were started again."""
        return sum(pod.restarts for pod in self.pods)

    @property
    def doing(self) -> str:
        """What they do, by the pod that is furthest from being ready."""
        behind = next((pod for pod in self.pods if pod.stage not in ("ready", "stopping")), None)
        if behind is None:
            return "ready" if self.is_ready else "no pods yet"
        return f"{STAGES[behind.stage]}: {behind.detail}" if behind.detail else STAGES[behind.stage]


@dataclass(frozen=True)
class PlatformState:
    """What a stack's models and gateway do."""

    models: tuple[ReplicaState, ...]
    """The models, in the order of the stack file."""
    gateway: ReplicaState
    """The gateway."""

    @property
    def is_ready(self) -> bool:
        """Whether all of it is as the stack asks for."""
        return self.gateway.is_ready and all(model.is_ready for model in self.models)


def look(kubectl: Kubectl, stack: StackSettings) -> PlatformState:
    """What a stack's models and gateway do right now.

    Raises:
        KubectlError: when the cluster cannot be asked.
    """
    at = _Cluster(kubectl)
    return PlatformState(models=tuple(_model(at, stack, model) for model in stack.models), gateway=_gateway(at, stack))


def pod_labels(model: ModelSettings) -> Mapping[str, str]:
    """The labels that tell the pods of a model, one a replica, from all others."""
    return llmaz.pod_labels(model) if model.backend == "llmaz" else selector_of(model)


def gateway_pods(stack: StackSettings) -> tuple[str, Mapping[str, str]]:
    """The namespace of the gateway's pods, and the labels that tell them from all others."""
    if stack.gateway.kind == "higress":
        return stack.higress.namespace, {"app": higress.GATEWAY}
    return stack.cluster.namespace, envoy_gateway.gateway_selector(stack)


class _Cluster:
    """The pods and events of namespaces, each read once."""

    def __init__(self, kubectl: Kubectl) -> None:
        self._kubectl = kubectl
        self._pods: dict[str, list[dict[str, Any]]] = {}
        self._events: dict[str, list[dict[str, Any]]] = {}

    def states(self, namespace: str, labels: Mapping[str, str], *, engine: bool) -> tuple[PodState, ...]:
        """What the pods of these labels do. ``engine``: whether their log says how far a start is."""
        found = [self._state(namespace, pod, engine=engine) for pod in self._labelled(namespace, labels)]
        return tuple(sorted(found, key=lambda pod: (_ORDER.index(pod.stage), pod.name)))

    def _labelled(self, namespace: str, labels: Mapping[str, str]) -> Iterator[dict[str, Any]]:
        if namespace not in self._pods:
            self._pods[namespace] = self._kubectl.find("pods", namespace=namespace)
        for pod in self._pods[namespace]:
            if labels.items() <= pod["metadata"].get("labels", {}).items():
                yield pod

    def _state(self, namespace: str, pod: dict[str, Any], *, engine: bool) -> PodState:
        log = _tail(lambda: self._log(namespace, pod)) if engine and is_starting(pod) else []
        return pod_state(pod, self._about(namespace, pod), log)

    def _about(self, namespace: str, pod: dict[str, Any]) -> Sequence[dict[str, Any]]:
        if pod_state(pod).stage in ("ready", "stopping"):
            return ()
        if namespace not in self._events:
            self._events[namespace] = self._kubectl.find("events", namespace=namespace)
        uid = pod["metadata"]["uid"]
        own = [each for each in self._events[namespace] if each.get("involvedObject", {}).get("uid") == uid]
        return sorted(own, key=lambda each: each.get("lastTimestamp") or each.get("eventTime") or "")

    def _log(self, namespace: str, pod: dict[str, Any]) -> Iterable[str]:
        container = pod["spec"]["containers"][0]["name"]
        return self._kubectl.logs(pod["metadata"]["name"], container=container, namespace=namespace, tail=LOG_LINES)


def _tail(read: Callable[[], Iterable[str]]) -> list[str]:
    # The container may have ended since: what it does is known without its log, only not how far it is.
    try:
        return list(read())
    except KubectlError:
        return []


def _model(at: _Cluster, stack: StackSettings, model: ModelSettings) -> ReplicaState:
    pods = at.states(stack.cluster.namespace, pod_labels(model), engine=True)
    wanted = model.least_replicas if model.autoscaling else model.first_replicas or 0
    return ReplicaState(model.name, _ready(pods), wanted, pods)


def _gateway(at: _Cluster, stack: StackSettings) -> ReplicaState:
    namespace, labels = gateway_pods(stack)
    pods = at.states(namespace, labels, engine=False)
    scaled = stack.higress.autoscaling if stack.gateway.kind == "higress" else None
    wanted = scaled.min_replicas if scaled else stack.gateway.replicas
    return ReplicaState("gateway", _ready(pods), wanted, pods)


def _ready(pods: Iterable[PodState]) -> int:
    return sum(pod.stage == "ready" and not pod.worker for pod in pods)

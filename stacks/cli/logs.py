"""What the pods of a model or of the gateway write."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from queue import SimpleQueue
from threading import Thread

from stacks.cli.errors import CliError
from stacks.cli.exits import ExitCode
from stacks.cli.platform.state import gateway_pods, pod_labels
from stacks.cli.stack import Stack
from stacks.kubectl import KubectlError

GATEWAY = "gateway"
"""What is asked for instead of a model's name."""


@dataclass(frozen=True)
class Wanted:
    """Which lines are wanted."""

    follow: bool
    """Whether to go on until the pods stop."""
    tail: int | None
    """How many of each pod at most. None: all."""
    previous: bool
    """Whether those of the containers before the last restart."""


@dataclass(frozen=True)
class Entry:
    """A line that a pod wrote."""

    pod: str
    """The pod."""
    text: str
    """The line."""
    alone: bool
    """Whether no other pod's lines are beside it."""

    @property
    def shown(self) -> str:
        """The line, after its pod's name where there are several."""
        return self.text if self.alone else f"{self.pod}: {self.text}"


def lines(stack: Stack, name: str, wanted: Wanted) -> Iterator[Entry]:
    """The lines of all pods of a model, or of the gateway: one pod after the other, or as they come with ``follow``.

    Raises:
        CliError: when there is no such model, or it has no pods.
        KubectlError: when the cluster does not give them.
    """
    namespace, labels = _pods_of(stack, name)
    selector = ",".join(f"{key}={value}" for key, value in labels.items())
    found = stack.kubectl.find("pods", selector=selector, namespace=namespace)
    if not found:
        raise CliError(
            f"{name!r} has no pods in the namespace {namespace!r}, so there are no logs.",
            f"`modelyard status --stack {stack.name}` says what there is; `modelyard up` makes what is missing.",
            ExitCode.NOT_FOUND,
        )
    pods = sorted((pod["metadata"]["name"], pod["spec"]["containers"][0]["name"]) for pod in found)
    if not wanted.follow or len(pods) == 1:
        for pod, container in pods:
            yield from _of_pod(stack, namespace, pod, container, wanted, alone=len(pods) == 1)
    else:
        yield from _of_all(stack, namespace, pods, wanted)


def _pods_of(stack: Stack, name: str) -> tuple[str, Mapping[str, str]]:
    if name == GATEWAY and GATEWAY not in {model.name for model in stack.settings.models}:
        return gateway_pods(stack.settings)
    return stack.settings.cluster.namespace, pod_labels(stack.model(name))


def _of_pod(stack: Stack, namespace: str, pod: str, container: str, wanted: Wanted, *, alone: bool) -> Iterator[Entry]:
    found = stack.kubectl.logs(
        pod,
        container=container,
        namespace=namespace,
        tail=wanted.tail,
        follow=wanted.follow,
        previous=wanted.previous,
    )
    for text in found:
        yield Entry(pod, text, alone)


def _of_all(stack: Stack, namespace: str, pods: list[tuple[str, str]], wanted: Wanted) -> Iterator[Entry]:
    """The lines of several pods as they come, until all of them have stopped."""
    queue: SimpleQueue[Entry | KubectlError | None] = SimpleQueue()

    def follow(pod: str, container: str) -> None:
        try:
            for entry in _of_pod(stack, namespace, pod, container, wanted, alone=False):
                queue.put(entry)
        except KubectlError as error:
            queue.put(error)
        queue.put(None)

    for pod, container in pods:
        Thread(target=follow, args=(pod, container), daemon=True).start()
    running = len(pods)
    while running:
        match queue.get():
            case None:
                running -= 1
            case KubectlError() as error:
                raise error
            case Entry() as entry:
                yield entry

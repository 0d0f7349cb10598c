"""The pods of a model, whatever runs them."""

from collections.abc import Iterable
from contextlib import suppress

from stacks.kubectl import Kubectl, Object


def ready_pods(kubectl: Kubectl, model: str, namespace: str) -> list[str]:
    """The names of a model's ready pods: those behind its headless Service, whose name is the model's.

    Raises:
        KubectlError: when the cluster does not say.
    """
    slices = kubectl.find("endpointslices", selector=f"kubernetes.io/service-name={model}", namespace=namespace)
    return sorted({name for one in slices for name in _ready(one.get("endpoints") or [])})


def _ready(endpoints: Iterable[Object]) -> Iterable[str]:
    for endpoint in endpoints:
        # Of an endpoint that is no pod there is nothing to read.
        with suppress(KeyError, TypeError):
            if endpoint["conditions"].get("ready") and endpoint["targetRef"]["kind"] == "Pod":
                yield str(endpoint["targetRef"]["name"])

"""Changed routes are brought to the gateway's pods."""

from dataclasses import dataclass, field

import pytest

from stacks.delivery import deliver
from stacks.kubectl import ForbiddenError, Kubectl, Object
from stacks.settings import load

STACK = load(
    {
        "cluster": {"namespace": "llm"},
        "serving": {"image": "i"},
        "pools": [{"name": "gpu"}],
        "models": [{"name": "qwen", "source": "hf://Qwen/Qwen3-8B", "pool": "gpu"}],
        "gateway": {"kind": "envoy", "name": "front"},
    }
)


@dataclass(frozen=True)
class Played(Kubectl):
    """A ``kubectl`` of a cluster with one ConfigMap."""

    version: str | None = "4711"
    may_annotate: bool = True
    told: list[str] = field(default_factory=list)

    def get(self, kind: str, name: str, *, namespace: str | None = None) -> Object | None:
        assert (kind, name, namespace) == ("configmap", "front-routes", None)
        return None if self.version is None else {"metadata": {"resourceVersion": self.version}}

    def annotate(self, kind: str, name: str, value: str, *, selector: str, namespace: str | None = None) -> None:
        if not self.may_annotate:
            raise ForbiddenError('cannot patch resource "pods"', "Ask who runs the cluster.")
        self.told.append(f"{kind} {selector}: {name}={value}")


def played(version: str | None = "4711", *, may_annotate: bool = True) -> Played:
    return Played("kubectl", None, None, "llm", version=version, may_annotate=may_annotate)


def test_the_pods_are_told_the_version_of_the_config_map() -> None:
    kubectl = played()
    deliver(STACK, kubectl)
    labels = "app.kubernetes.io/name=envoy,app.kubernetes.io/instance=front"
    assert kubectl.told == [f"pods {labels}: modelyard/routes-version=4711"]


def test_nobody_is_told_of_a_config_map_that_is_gone() -> None:
    kubectl = played(version=None)
    deliver(STACK, kubectl)
    assert kubectl.told == []


def test_pods_that_may_not_be_told_are_an_error() -> None:
    with pytest.raises(ForbiddenError, match='cannot patch resource "pods"'):
        deliver(STACK, played(may_annotate=False))

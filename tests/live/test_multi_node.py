"""A model that spans nodes on a real API server: the operator's chart is a stand-in, it and the nodes are played.

The stack is brought up, its model goes to one node and back, and the stack is destroyed, in that order.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from local import simulation
from local.extras import prepare_simulation
from local.kubectl import get, kubectl
from local.paths import Paths
from local.shell import CommandError
from local.simulation import SimulatedNode
from local.waiting import wait_for
from stacks.settings import NAMESPACE
from tests.live.conftest import Quiet
from tests.live.lws_played import PLURAL, played
from tests.live.sites import Config, Object, Site, Step, objects

pytestmark = [pytest.mark.live, pytest.mark.timeout(600)]

CHART = Path(__file__).parent / "charts" / "lws"
MODELS = "models-on-several-nodes"
"""Namespace of the models."""
NODES = [SimulatedNode(f"gpu-{number}", resources={"nvidia.com/gpu": "4"}) for number in range(3)]


@dataclass
class Life:
    """A stack through its life on the cluster."""

    site: Site
    config: Config
    before: set[Object]
    """What was in the cluster before."""
    made: list[Step]
    """What the first update made."""

    def change(self, **changes: Any) -> list[Step]:
        """Update the stack with these settings of the model."""
        self.config[f"{NAMESPACE}:models"][0].update(changes)
        self.site.write(self.config)
        return self.site.up()

    def find(self, *arguments: str) -> dict[str, Any] | None:
        """An object of the models' namespace."""
        return get(self.site.paths, *arguments, f"--namespace={MODELS}")


def config() -> Config:
    """A model on two nodes, and its fallback on one."""
    common: dict[str, Any] = {"pool": "gpu", "cpu": "1", "memory": "1Gi"}
    return {
        f"{NAMESPACE}:cluster": {"kind": "embedded", "namespace": MODELS},
        f"{NAMESPACE}:serving": {"image": "registry.example/serving:1"},
        f"{NAMESPACE}:pools": [{"name": "gpu", "gpusPerNode": 4, "maxNodes": 3}],
        f"{NAMESPACE}:leaderWorkerSet": {"chart": {"source": str(CHART)}},
        f"{NAMESPACE}:models": [
            {"name": "big", "source": "hf://example/big", "gpus": 8, **common},
            {"name": "small", "source": "hf://example/small", **common},
        ],
        f"{NAMESPACE}:gateway": {"replicas": 1, "cpu": "100m", "memory": "128Mi"},
        f"{NAMESPACE}:routes": [{"model": "big", "fallback": ["small"]}, {"model": "small"}],
    }


@pytest.fixture(scope="module")
def life(paths: Paths, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Life]:
    """The stack, up on played nodes."""
    prepare_simulation(paths, Quiet())
    simulation.start(paths, NODES)
    try:
        kubectl(paths, "create", "namespace", MODELS)
        before = objects(paths)
        site = Site(paths, tmp_path_factory.mktemp("nodes"), "nodes", config())
        with played(paths, MODELS):
            try:
                yield Life(site, config(), before, site.up())
            finally:
                site.destroy()
    finally:
        for namespace in (MODELS, "lws-system"):
            kubectl(paths, "delete", "namespace", namespace, "--ignore-not-found")
        simulation.stop(paths)
        kubectl(paths, "delete", "crd", PLURAL, "--ignore-not-found")


def finished(steps: list[Step], kind: str) -> list[str]:
    """What was done with resources of a kind, in order."""
    return [step.operation for step in steps if step.kind == kind]


def order(steps: list[Step], *done: tuple[str, str]) -> list[int]:
    """Where in an update these operations on these kinds were finished."""
    return [next(n for n, step in enumerate(steps) if (step.operation, step.kind) == one) for one in done]


def test_the_operator_comes_first(life: Life) -> None:
    kinds = ("Release", "DeploymentPatch", "LeaderWorkerSet")
    places = order(life.made, *(("create", kind) for kind in kinds))
    assert places == sorted(places)


def test_every_field_is_known(life: Life) -> None:
    found = life.find(PLURAL, "big")
    assert found is not None
    wanted = {
        "apiVersion": found["apiVersion"],
        "kind": found["kind"],
        "metadata": {"name": "big", "namespace": MODELS},
        "spec": found["spec"],
    }
    check(life, wanted)
    with pytest.raises(CommandError):
        check(life, {**wanted, "spec": {**found["spec"], "replica": 1}})


def check(life: Life, manifest: dict[str, Any]) -> None:
    """Have the API server check an object."""
    arguments = ("apply", "--server-side", "--force-conflicts", "--dry-run=server", "--filename=-")
    kubectl(life.site.paths, *arguments, stdin=json.dumps(manifest))


def test_each_pod_has_a_node_of_its_own(life: Life) -> None:
    pods = [life.find("pod", name) for name in ("big-0", "big-0-1")]
    nodes = {pod["spec"]["nodeName"] for pod in pods if pod}
    assert len(nodes) == 2


def test_services_choose_the_leader(life: Life) -> None:
    for name in ("big", "big-lb"):
        slices = life.find("endpointslices", f"--selector=kubernetes.io/service-name={name}")
        assert slices is not None
        assert [point["targetRef"]["name"] for one in slices["items"] for point in one["endpoints"]] == ["big-0"]


def test_a_second_up_changes_nothing(life: Life) -> None:
    assert life.site.up("--expect-no-changes") == []
    assert life.site.preview() == []


def test_a_change_to_one_node_ends_the_set_first(life: Life) -> None:
    changed = life.change(gpus=4)
    places = order(changed, ("delete-replaced", "LeaderWorkerSet"), ("create-replacement", "StatefulSet"))
    assert places == sorted(places)
    assert finished(changed, "Service") == ["update", "update"]
    assert finished(changed, "Release") == ["delete"]
    others = [(step.operation, step.kind) for step in changed if "gateway" in step.name or "small" in step.name]
    assert others == [("delete", "NetworkPolicy")]
    assert life.find("pod", "big-0-1") is None
    assert life.site.up("--expect-no-changes") == []


def test_a_change_to_several_nodes_ends_the_stateful_set_first(life: Life) -> None:
    changed = life.change(gpus=8)
    places = order(changed, ("delete-replaced", "StatefulSet"), ("create-replacement", "LeaderWorkerSet"))
    assert places == sorted(places)
    assert finished(changed, "Service") == ["update", "update"]
    owner = (life.find("statefulset", "big") or {})["metadata"]["ownerReferences"][0]
    assert owner["kind"] == "LeaderWorkerSet"


def test_destroy_leaves_nothing(life: Life) -> None:
    gone = life.site.destroy()
    places = order(gone, ("delete", "LeaderWorkerSet"), ("delete", "Release"))
    assert places == sorted(places)
    wait_for(lambda: objects(life.site.paths) <= life.before or None, "the stack's objects to go", seconds=60)
    assert objects(life.site.paths) == life.before

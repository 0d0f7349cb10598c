"""A model on llmaz on a real API server: its chart is a stand-in, its controllers and the nodes are played.

The stack is brought up, its model changes its backend there and back, and the stack is destroyed, in that order.
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
from tests.live.llmaz_played import played
from tests.live.sites import Config, Object, Site, Step, objects

pytestmark = [pytest.mark.live, pytest.mark.timeout(600)]

CHART = Path(__file__).parent / "charts" / "llmaz"
MODELS = "models-on-llmaz"
"""Namespace of the models."""
DEFINITIONS = (
    "openmodels.llmaz.io",
    "backendruntimes.inference.llmaz.io",
    "playgrounds.inference.llmaz.io",
    "services.inference.llmaz.io",
)
NODE = SimulatedNode("gpu-0", resources={"nvidia.com/gpu": "4"})


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
        """Update the stack with these settings of the model and, as ``pool``, of its pool."""
        self.config[f"{NAMESPACE}:pools"][0].update(changes.pop("pool", {}))
        self.config[f"{NAMESPACE}:models"][0].update(changes)
        self.site.write(self.config)
        return self.site.up()

    def find(self, *arguments: str) -> dict[str, Any] | None:
        """An object of the models' namespace."""
        return get(self.site.paths, *arguments, f"--namespace={MODELS}")


def config() -> Config:
    """A model that becomes a Playground, and its native fallback."""
    common: dict[str, Any] = {"pool": "gpu", "cpu": "1", "memory": "1Gi", "probes": {"drainSeconds": 100}}
    return {
        f"{NAMESPACE}:cluster": {"kind": "embedded", "namespace": MODELS},
        f"{NAMESPACE}:serving": {"image": "registry.example/serving:1"},
        f"{NAMESPACE}:pools": [{"name": "gpu", "gpusPerNode": 4, "tolerations": []}],
        f"{NAMESPACE}:llmaz": {"chart": {"source": str(CHART)}},
        f"{NAMESPACE}:models": [
            {"name": "qwen", "source": "hf://Qwen/Qwen2.5-1.5B-Instruct", "backend": "llmaz", **common},
            {"name": "gemma", "source": "hf://google/gemma-2-2b-it", **common},
        ],
        f"{NAMESPACE}:gateway": {"replicas": 1, "cpu": "100m", "memory": "128Mi"},
        f"{NAMESPACE}:routes": [{"model": "qwen", "fallback": ["gemma"]}, {"model": "gemma"}],
    }


@pytest.fixture(scope="module")
def life(paths: Paths, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Life]:
    """The stack, up on a played node."""
    prepare_simulation(paths, Quiet())
    simulation.start(paths, [NODE])
    try:
        kubectl(paths, "create", "namespace", MODELS)
        before = objects(paths)
        site = Site(paths, tmp_path_factory.mktemp("llmaz"), "llmaz", config())
        with played(paths, MODELS):
            try:
                yield Life(site, config(), before, site.up())
            finally:
                site.destroy()
    finally:
        for namespace in (MODELS, "llmaz-system"):
            kubectl(paths, "delete", "namespace", namespace, "--ignore-not-found")
        simulation.stop(paths)
        kubectl(paths, "delete", "crd", *DEFINITIONS, "--ignore-not-found")


def finished(steps: list[Step], kind: str) -> list[str]:
    """What was done with resources of a kind, in order."""
    return [step.operation for step in steps if step.kind == kind]


def order(steps: list[Step], *done: tuple[str, str]) -> list[int]:
    """Where in an update these operations on these kinds were finished."""
    return [next(n for n, step in enumerate(steps) if (step.operation, step.kind) == one) for one in done]


def of_the_gateway(steps: list[Step]) -> list[tuple[str, str]]:
    """What was done with the gateway, by operation and kind."""
    return [(step.operation, step.kind) for step in steps if "gateway" in step.name]


def test_the_operator_comes_first_and_then_what_the_replicas_need(life: Life) -> None:
    for needed in ("OpenModel", "BackendRuntime"):
        kinds = ("Release", "DeploymentPatch", needed, "Playground")
        places = order(life.made, *(("create", kind) for kind in kinds))
        assert places == sorted(places)
    (container,) = (get(life.site.paths, "deployment", "llmaz-controller-manager", "--namespace=llmaz-system") or {})[
        "spec"
    ]["template"]["spec"]["containers"]
    assert container["startupProbe"]["tcpSocket"] == {"port": 9443}


def test_every_field_is_known(life: Life) -> None:
    for kind in ("openmodel", "backendruntime", "playground"):
        for item in (life.find(kind) or {})["items"]:
            place = {"namespace": MODELS} if kind == "playground" else {}
            wanted = {
                "apiVersion": item["apiVersion"],
                "kind": item["kind"],
                "metadata": {"name": item["metadata"]["name"], **place},
                "spec": item["spec"],
            }
            check(life, wanted)
            with pytest.raises(CommandError):
                check(life, {**wanted, "spec": {**item["spec"], "replica": 1}})


def check(life: Life, manifest: dict[str, Any]) -> None:
    """Have the API server check an object."""
    arguments = ("apply", "--server-side", "--force-conflicts", "--dry-run=server", "--filename=-")
    kubectl(life.site.paths, *arguments, stdin=json.dumps(manifest))


def test_services_choose_the_played_pods(life: Life) -> None:
    for name in ("qwen", "qwen-lb"):
        slices = life.find("endpointslices", f"--selector=kubernetes.io/service-name={name}")
        assert slices is not None
        assert [point["targetRef"]["name"] for one in slices["items"] for point in one["endpoints"]] == ["qwen-0"]


def test_a_second_up_changes_nothing(life: Life) -> None:
    assert life.site.up("--expect-no-changes") == []
    assert life.site.preview() == []


def test_a_change_to_native_ends_the_playground_first(life: Life) -> None:
    changed = life.change(backend="native")
    places = order(changed, ("delete-replaced", "Playground"), ("create-replacement", "StatefulSet"))
    assert places == sorted(places)
    assert finished(changed, "Service") == ["update", "update"]
    assert finished(changed, "Release") == ["delete"]
    assert of_the_gateway(changed) == [("delete", "NetworkPolicy")]
    assert life.find("statefulset", "gemma") is not None
    assert (life.find("playground") or {})["items"] == []
    assert life.site.up("--expect-no-changes") == []


def test_a_change_to_llmaz_ends_the_stateful_set_first(life: Life) -> None:
    changed = life.change(backend="llmaz")
    places = order(changed, ("delete-replaced", "StatefulSet"), ("create-replacement", "Playground"))
    assert places == sorted(places)
    assert finished(changed, "Service") == ["update", "update"]
    assert of_the_gateway(changed) == [("create", "NetworkPolicy")]
    owner = (life.find("statefulset", "qwen") or {})["metadata"]["ownerReferences"][0]
    assert owner["kind"] == "Playground"


def test_a_pool_with_taints_makes_an_inference_service(life: Life) -> None:
    changed = life.change(pool={"tolerations": [{"key": "nvidia.com/gpu"}]})
    assert "delete-replaced" in finished(changed, "Playground")
    owner = (life.find("statefulset", "qwen") or {})["metadata"]["ownerReferences"][0]
    assert owner["kind"] == "Service"
    pod = (life.find("services.inference.llmaz.io", "qwen") or {})["spec"]["workloadTemplate"]["workerTemplate"]["spec"]
    assert pod["tolerations"] == [{"key": "nvidia.com/gpu", "operator": "Exists"}]
    assert life.site.up("--expect-no-changes") == []


def test_destroy_leaves_nothing(life: Life) -> None:
    gone = life.site.destroy()
    places = order(gone, ("delete", "Service"), ("delete", "OpenModel"), ("delete", "Release"))
    assert places[1] < places[2]
    wait_for(lambda: objects(life.site.paths) <= life.before or None, "the stack's objects to go", seconds=60)
    assert objects(life.site.paths) == life.before

"""The stacks `seed` and `prod`, whole, on a real API server: Higress's chart is a stand-in, and nodes are played.

Each stack is brought up, changed, upgraded, destroyed and brought up again, in that order.
"""

import base64
import gzip
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.manifests.higress.crds import crds
from local import simulation
from local.kubectl import get, kubectl
from local.paths import CHECKOUT, Paths
from local.setup import prepare_simulation
from local.shell import CommandError
from local.simulation import SimulatedNode
from local.waiting import wait_for
from stacks.settings import NAMESPACE, StackSettings, load
from tests.live.conftest import Quiet
from tests.live.sites import Config, Object, Site, Step, objects

pytestmark = [pytest.mark.live, pytest.mark.timeout(600)]

CHARTS = Path(__file__).parent / "charts"
VERSION, NEXT_VERSION = "2.2.4", "2.2.5"
HIGRESS = "higress-system"
"""Namespace of Higress."""
ROUTE = "qwen2-1-5b"
"""Route of both stacks that a test changes."""


@dataclass
class Life:
    """A stack through its life on the cluster."""

    site: Site
    config: Config
    before: set[Object]
    """What was in the cluster before."""
    made: list[Step]
    """What the first update made."""

    @property
    def settings(self) -> StackSettings:
        """The stack's settings as they are now."""
        return settings_of(self.config)

    def resource(self, *arguments: str) -> dict[str, Any]:
        """An object in Higress's namespace, which must be there."""
        found = get(self.site.paths, *arguments, f"--namespace={HIGRESS}")
        assert found is not None, arguments
        return found


def settings_of(config: Config) -> StackSettings:
    """The settings of a stack file, as the program reads them."""
    prefix = f"{NAMESPACE}:"
    return load({key.removeprefix(prefix): value for key, value in config.items() if key.startswith(prefix)})


def stand_in(name: str, version: str, folder: Path) -> Path:
    """A stand-in chart of some version."""
    made = folder / f"{name}-{version}"
    shutil.copytree(CHARTS / name, made)
    for chart in made.rglob("Chart.yaml"):
        chart.write_text(chart.read_text().replace(VERSION, version))
    return made


def here(config: Config, stack: str, folder: Path) -> Config:
    """A stack file as it is, but for the cluster, the charts, and who makes the resource definitions."""
    changed: Config = json.loads(json.dumps(config))
    changed[f"{NAMESPACE}:cluster"] = {"kind": "embedded", "namespace": f"models-of-{stack}"}
    changed[f"{NAMESPACE}:gateway"]["chart"] = {"source": str(stand_in("higress", VERSION, folder))}
    changed[f"{NAMESPACE}:gateway"]["manageCrds"] = stack == "seed"
    return changed


def nodes_of(stack: StackSettings) -> list[SimulatedNode]:
    """Nodes without GPUs in three zones, and every node of the stack's pools."""
    plain = [SimulatedNode(f"plain-{zone}", {"topology.kubernetes.io/zone": zone}) for zone in "abc"]
    return plain + [
        SimulatedNode(
            f"{pool.name}-{number}",
            labels=pool.node_selector,
            taints=({"key": pool.gpu_resource, "effect": "NoSchedule"},),
            resources={pool.gpu_resource: str(pool.gpus_per_node)},
        )
        for pool in stack.pools
        for number in range(pool.max_nodes)
    ]


@pytest.fixture(scope="module", params=["seed", "prod"])
def life(request: pytest.FixtureRequest, paths: Paths, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Life]:
    """A stack on played nodes: `prod` under resource definitions that know every field and refuse any other."""
    stack = str(request.param)
    folder = tmp_path_factory.mktemp(stack)
    config = here(yaml.safe_load((CHECKOUT / "stacks" / f"Pulumi.{stack}.yaml").read_text())["config"], stack, folder)
    settings = settings_of(config)
    prepare_simulation(paths, Quiet())
    before = objects(paths)
    simulation.start(paths, nodes_of(settings))
    try:
        kubectl(paths, "create", "namespace", settings.cluster.namespace)
        if not settings.higress.manage_crds:
            define(paths)
        site = Site(paths, folder, stack, config)
        try:
            yield Life(site, config, objects(paths), site.up())
        finally:
            site.destroy()
    finally:
        for namespace in (settings.cluster.namespace, HIGRESS):
            kubectl(paths, "delete", "namespace", namespace, "--ignore-not-found")
        simulation.stop(paths)
        undefine(paths)
    assert objects(paths) == before


def define(paths: Paths) -> None:
    """Resource definitions that refuse what they don't know, in place of those that are there."""
    undefine(paths)
    items = crds(strict=True)
    manifest = json.dumps({"apiVersion": "v1", "kind": "List", "items": items})
    kubectl(paths, "create", "--filename=-", stdin=manifest)
    names = [f"crd/{item['metadata']['name']}" for item in items]
    kubectl(paths, "wait", *names, "--for=condition=Established", "--timeout=60s")


def undefine(paths: Paths) -> None:
    """Take the resource definitions away, which a destroyed stack leaves."""
    kubectl(paths, "delete", *(f"crd/{item['metadata']['name']}" for item in crds()), "--ignore-not-found")


def password(life: Life) -> str:
    """The administrator's password in the cluster."""
    data = life.resource("secret", "higress-console")["data"]
    return base64.b64decode(data["adminPassword"]).decode()


def deployed(life: Life) -> dict[str, Any]:
    """What Helm keeps of the release in the cluster: its values and its rendered manifests."""
    (secret,) = life.resource("secret", "--selector=owner=helm,status=deployed")["items"]
    found: dict[str, Any] = json.loads(gzip.decompress(base64.b64decode(base64.b64decode(secret["data"]["release"]))))
    return found


def positions(steps: list[Step], operation: str, *kinds: str) -> list[int]:
    """Where in an update something was done with resources of these kinds."""
    return [place for place, step in enumerate(steps) if step.operation == operation and step.kind in kinds]


def test_definitions_come_first_and_routes_last(life: Life) -> None:
    definitions = positions(life.made, "create", "CustomResourceDefinition")
    release = positions(life.made, "create", "Release")
    plugins = positions(life.made, "create", "WasmPlugin", "McpBridge")
    routes = positions(life.made, "create", "Ingress")
    assert bool(definitions) == life.settings.higress.manage_crds
    assert len(release) == 1
    assert plugins
    assert routes
    assert [*definitions, *release, *plugins, *routes] == sorted([*definitions, *release, *plugins, *routes])


def test_every_model_has_its_pods(life: Life) -> None:
    settings = life.settings
    found = get(life.site.paths, "pods", f"--namespace={settings.cluster.namespace}")
    assert found is not None
    ready = [
        condition["status"]
        for pod in found["items"]
        for condition in pod["status"]["conditions"]
        if condition["type"] == "Ready"
    ]
    assert len(ready) >= sum(model.most_replicas and 1 for model in settings.models)
    assert set(ready) == {"True"}


def test_a_second_up_and_a_refresh_change_nothing(life: Life) -> None:
    assert life.site.up("--expect-no-changes") == []
    assert life.site.refresh("--expect-no-changes") == []
    assert life.site.preview() == []


def test_the_administrators_password_is_ours_and_no_secret_is_in_the_state(life: Life) -> None:
    found = password(life)
    assert life.site.outputs()["console_password"] == found
    state = life.site.state()
    assert found not in state
    assert base64.b64encode(found.encode()).decode() not in state
    assert found not in json.dumps(deployed(life)["config"])


def test_listeners_are_configured_to_the_letter_as_by_the_chart(life: Life) -> None:
    manifests = yaml.safe_load_all(deployed(life)["manifest"])
    (rendered,) = (one for one in manifests if one["metadata"]["name"] == "higress-config")
    assert life.resource("configmap", "higress-config")["data"] == rendered["data"]


def test_a_misspelt_field_is_refused(life: Life) -> None:
    if life.settings.higress.manage_crds:
        pytest.skip("the definitions of the program keep fields that a newer controller may know")
    for kind in ("wasmplugin", "mcpbridge", "envoyfilter"):
        for item in life.resource(kind)["items"]:
            wrong = {
                "apiVersion": item["apiVersion"],
                "kind": item["kind"],
                "metadata": {"name": item["metadata"]["name"], "namespace": HIGRESS},
                "spec": item["spec"] | {"failStratgy": "FAIL_OPEN"},
            }
            with pytest.raises(CommandError) as refused:
                kubectl(
                    life.site.paths,
                    "apply",
                    "--server-side",
                    "--dry-run=server",
                    "--filename=-",
                    stdin=json.dumps(wrong),
                )
            assert ".spec.failStratgy: field not declared in schema" in refused.value.__notes__[0]


def test_a_changed_route_touches_its_own_objects_only(life: Life) -> None:
    route = next(route for route in life.config[f"{NAMESPACE}:routes"] if route["model"] == ROUTE)
    before = route.get("timeouts")
    route["timeouts"] = {**(before or {}), "answerSeconds": 370}
    life.site.write(life.config)
    changed = life.site.up()
    assert changed
    assert {step.operation for step in changed} == {"update"}
    assert all(f"ai-route-{ROUTE}" in step.name for step in changed), changed
    if before is None:
        del route["timeouts"]
    else:
        route["timeouts"] = before
    life.site.write(life.config)
    assert sorted(life.site.up(), key=str) == sorted(changed, key=str)


def test_an_upgrade_of_the_chart_reconciles_its_settings(life: Life, tmp_path: Path) -> None:
    known = password(life)
    gateway = life.config[f"{NAMESPACE}:gateway"]
    gateway["chart"] = {"source": str(stand_in("higress", NEXT_VERSION, tmp_path)), "version": NEXT_VERSION}
    gateway["values"] = {"higress-core": {"downstream": {"maxRequestHeadersKb": 96}}}
    life.site.write(life.config)
    changed = life.site.up()
    assert {step.operation for step in changed} == {"update"}
    assert {step.kind for step in changed} <= {"Release", "ConfigMapPatch"}
    listeners = yaml.safe_load(life.resource("configmap", "higress-config")["data"]["higress"])
    assert listeners["downstream"]["maxRequestHeadersKb"] == 96
    (container,) = life.resource("deployment", "higress-gateway")["spec"]["template"]["spec"]["containers"]
    assert container["image"].endswith(f":{NEXT_VERSION}")
    assert password(life) == known
    assert life.site.up("--expect-no-changes") == []


def test_destroy_leaves_nothing_and_an_up_after_it_works(life: Life) -> None:
    gone = life.site.destroy()
    plugins = positions(gone, "delete", "WasmPlugin")
    assert plugins
    assert max(plugins) < min(positions(gone, "delete", "Release"))
    assert max(positions(gone, "delete", "Ingress")) < min(plugins)
    wait_for(lambda: objects(life.site.paths) <= life.before or None, "the stack's objects to go", seconds=60)
    assert objects(life.site.paths) == life.before
    definitions = get(life.site.paths, "crd")
    assert definitions is not None
    assert {item["metadata"]["name"] for item in crds()} <= {item["metadata"]["name"] for item in definitions["items"]}
    again = life.site.up()
    assert len(again) == len(life.made)
    assert life.site.up("--expect-no-changes") == []

"""The stacks `seed` and `prod`, whole, on a real API server: Higress's chart is a stand-in, and nodes are played.

Each stack is brought up, changed, upgraded, destroyed and brought up again, in that order.
"""

import base64
import gzip
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.manifests.higress.crds import crds
from local import simulation
from local.extras import prepare_simulation
from local.kubectl import get, kubectl
from local.paths import Paths
from local.shell import CommandError
from local.waiting import wait_for
from stacks.settings import NAMESPACE, StackSettings, load_config
from tests.live import stand_ins
from tests.live.conftest import Quiet
from tests.live.llmaz_played import played
from tests.live.sites import Object, Site, Step, objects

pytestmark = [pytest.mark.live, pytest.mark.timeout(600)]

NEXT_VERSION = "2.2.5"
HIGRESS = "higress-system"
"""Namespace of Higress."""
CUSTOM_RESOURCES = ("wasmplugin", "mcpbridge", "envoyfilter")
HUGGING_FACE_TOKEN = "hf_token_of_nobody"


@dataclass
class Life:
    """A stack through its life on the cluster."""

    site: Site
    settings: StackSettings
    """Its settings, less the secrets."""
    before: set[Object]
    """What was in the cluster before."""
    made: list[Step]
    """What the first update made."""

    def resource(self, *arguments: str) -> dict[str, Any]:
        """An object in Higress's namespace, which must be there."""
        found = get(self.site.paths, *arguments, f"--namespace={HIGRESS}")
        assert found is not None, arguments
        return found


@pytest.fixture(scope="module", params=["seed", "prod"])
def life(request: pytest.FixtureRequest, paths: Paths, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Life]:
    """A stack on played nodes: `prod` under resource definitions that know every field and refuse any other."""
    stack = str(request.param)
    folder = tmp_path_factory.mktemp(stack)
    config = stand_ins.config_of(stack)
    stand_ins.put_here(config, f"models-of-{stack}", folder)
    config[f"{NAMESPACE}:gateway"]["manageCrds"] = stack == "seed"
    settings = load_config(config)
    prepare_simulation(paths, Quiet())
    simulation.stop(paths)
    before = objects(paths)
    disks = json.dumps({"apiVersion": "v1", "kind": "List", "items": stand_ins.disks_of(settings)})
    try:
        if not settings.higress.manage_crds:
            stand_ins.define_higress_strictly(paths)
        simulation.start(paths, stand_ins.nodes_of(settings))
        kubectl(paths, "create", "--filename=-", stdin=disks)
        kubectl(paths, "create", "namespace", settings.cluster.namespace)
        if not settings.higress.create_namespace:
            kubectl(paths, "create", "namespace", HIGRESS)
        site = Site(paths, folder, stack, config)
        site.set_secret(f"{NAMESPACE}:huggingFaceToken", HUGGING_FACE_TOKEN)
        before_up = objects(paths)
        with played(paths, settings.cluster.namespace):
            try:
                yield Life(site, settings, before_up, site.up())
            finally:
                site.destroy()
    finally:
        kubectl(paths, "delete", "namespace", settings.cluster.namespace, HIGRESS, "llmaz-system", "--ignore-not-found")
        kubectl(paths, "delete", "--filename=-", "--ignore-not-found", stdin=disks)
        simulation.stop(paths)
        stand_ins.undefine(paths)
    assert objects(paths) == before


def password(life: Life) -> str:
    """The administrator's password in the cluster."""
    data = life.resource("secret", "higress-console")["data"]
    return base64.b64decode(data["adminPassword"]).decode()


def deployed(life: Life) -> dict[str, Any]:
    """What Helm keeps of the release in the cluster: its values and its rendered manifests."""
    (secret,) = life.resource("secret", "--selector=owner=helm,status=deployed")["items"]
    found: dict[str, Any] = json.loads(gzip.decompress(base64.b64decode(base64.b64decode(secret["data"]["release"]))))
    return found


def others(life: Life) -> list[dict[str, Any]]:
    """Every object of Higress's namespace that is no Secret."""
    kinds = ("configmap", "ingress", "deployment", "statefulset", *CUSTOM_RESOURCES)
    return [item for kind in kinds for item in life.resource(kind)["items"]]


def apply(paths: Paths, manifest: dict[str, Any]) -> None:
    """Have the API server say whether it would take an object."""
    kubectl(paths, "apply", "--server-side", "--dry-run=server", "--filename=-", stdin=json.dumps(manifest))


def places(steps: list[Step], operation: str, *kinds: str) -> list[int]:
    """Where in an update something was done with Higress's resources of these kinds."""
    return [
        place
        for place, step in enumerate(steps)
        if step.operation == operation and step.kind in kinds and "-llmaz-" not in step.name
    ]


def test_definitions_come_first_and_routes_last(life: Life) -> None:
    definitions = places(life.made, "create", "CustomResourceDefinition")
    release = places(life.made, "create", "Release")
    plugins = places(life.made, "create", "WasmPlugin", "McpBridge")
    routes = places(life.made, "create", "Ingress")
    assert bool(definitions) == life.settings.higress.manage_crds
    assert len(release) == 1
    assert plugins
    assert routes
    assert [*definitions, *release, *plugins, *routes] == sorted([*definitions, *release, *plugins, *routes])


def test_every_model_is_ready(life: Life) -> None:
    settings, paths = life.settings, life.site.paths
    for model in settings.models:
        kind = "playground" if model.backend == "llmaz" else "statefulset"
        found = get(paths, kind, model.name, f"--namespace={settings.cluster.namespace}")
        assert found is not None, model.name
        status = found["status"]
        if kind == "playground":
            assert [condition["status"] for condition in status["conditions"]] == ["True"]
        else:
            assert status["readyReplicas"] == model.most_replicas


def test_a_second_up_and_a_refresh_change_nothing(life: Life) -> None:
    assert life.site.up("--expect-no-changes") == []
    assert life.site.refresh("--expect-no-changes") == []
    assert life.site.preview() == []


def test_secrets_are_in_secrets_only(life: Life) -> None:
    known = password(life)
    assert life.site.outputs()["console_password"] == known
    # Helm keeps what it has rendered, this Secret with it, in a Secret of its own. Values are shown by `helm`.
    shown = life.site.state() + json.dumps(deployed(life)["config"]) + json.dumps(others(life))
    for secret in (known, HUGGING_FACE_TOKEN):
        assert secret not in shown
        assert base64.b64encode(secret.encode()).decode() not in shown


def test_listeners_are_configured_to_the_letter_as_by_the_chart(life: Life) -> None:
    manifests = yaml.safe_load_all(deployed(life)["manifest"])
    (rendered,) = (one for one in manifests if one["metadata"]["name"] == "higress-config")
    assert life.resource("configmap", "higress-config")["data"] == rendered["data"]


def test_a_misspelt_field_is_refused(life: Life) -> None:
    if life.settings.higress.manage_crds:
        pytest.skip("the definitions of the program keep fields that a newer controller may know")
    for kind in CUSTOM_RESOURCES:
        items = life.resource(kind)["items"]
        assert items
        for item in items:
            metadata = {"name": item["metadata"]["name"], "namespace": HIGRESS}
            wrong = {**item, "metadata": metadata, "spec": item["spec"] | {"misspelt": "FAIL_OPEN"}}
            with pytest.raises(CommandError) as refused:
                apply(life.site.paths, wrong)
            assert ".spec.misspelt: field not declared in schema" in refused.value.__notes__[0]


def test_a_changed_route_touches_its_own_objects_only(life: Life) -> None:
    config = life.site.config
    route = config[f"{NAMESPACE}:routes"][0]
    changed_route = {**route, "timeouts": {**route.get("timeouts", {}), "answerSeconds": 590}}
    life.site.write({**config, f"{NAMESPACE}:routes": [changed_route, *config[f"{NAMESPACE}:routes"][1:]]})
    changed = life.site.up()
    assert changed
    assert {step.operation for step in changed} == {"update"}
    of_the_route = re.compile(rf"platform-gateway-ai-route-{route['model']}[.-](fallback|modelyard|[a-z]+$)")
    assert [step for step in changed if not of_the_route.match(step.name)] == []
    life.site.write(config)
    assert sorted(life.site.up(), key=str) == sorted(changed, key=str)


def test_clients_are_told_where_the_gateway_is(life: Life) -> None:
    gateway = life.settings.higress
    (balancer,) = life.resource("service", "higress-gateway")["status"]["loadBalancer"]["ingress"]
    told = f"https://{gateway.domain}/v1" if gateway.domain else f"http://{balancer['ip']}/v1"
    assert life.site.outputs()["base_url"] == told


def test_an_edit_in_the_console_is_taken_back_by_a_refresh(life: Life) -> None:
    router = life.resource("wasmplugin", "model-router.internal")
    edited = {**router, "spec": {**router["spec"], "failStrategy": "FAIL_OPEN"}}
    kubectl(life.site.paths, "replace", "--field-manager=console", "--filename=-", stdin=json.dumps(edited))
    assert [step.kind for step in life.site.up("--refresh") if step.operation == "update"] == ["WasmPlugin"]
    assert life.resource("wasmplugin", "model-router.internal")["spec"] == router["spec"]
    assert life.site.up("--expect-no-changes") == []


def test_an_upgrade_of_the_chart_reconciles_its_settings(life: Life, tmp_path: Path) -> None:
    known, config = password(life), life.site.config
    gateway = config[f"{NAMESPACE}:gateway"]
    gateway["chart"] = {"source": str(stand_ins.higress_chart(NEXT_VERSION, tmp_path)), "version": NEXT_VERSION}
    gateway["values"] = {"higress-core": {"downstream": {"maxRequestHeadersKb": 96}}}
    life.site.write(config)
    changed = life.site.up()
    assert {(step.operation, step.kind) for step in changed} == {("update", "Release"), ("update", "ConfigMapPatch")}
    listeners = yaml.safe_load(life.resource("configmap", "higress-config")["data"]["higress"])
    assert listeners["downstream"]["maxRequestHeadersKb"] == 96
    (container,) = life.resource("deployment", "higress-gateway")["spec"]["template"]["spec"]["containers"]
    assert container["image"].endswith(f":{NEXT_VERSION}")
    assert password(life) == known
    assert life.site.up("--expect-no-changes") == []


def test_destroy_leaves_nothing_and_an_up_after_it_works(life: Life) -> None:
    gone = life.site.destroy()
    plugins = places(gone, "delete", "WasmPlugin")
    assert plugins
    assert max(plugins) < min(places(gone, "delete", "Release"))
    assert max(places(gone, "delete", "Ingress")) < min(plugins)
    wait_for(lambda: objects(life.site.paths) <= life.before or None, "the stack's objects to go", seconds=60)
    assert objects(life.site.paths) == life.before
    definitions = get(life.site.paths, "crd")
    assert definitions is not None
    assert {item["metadata"]["name"] for item in crds()} <= {item["metadata"]["name"] for item in definitions["items"]}
    again = life.site.up()
    assert sorted(again, key=str) == sorted(life.made, key=str)
    assert life.site.up("--expect-no-changes") == []

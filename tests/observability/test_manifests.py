"""Objects for a Prometheus operator and a Grafana, exact and by the operator's own definitions."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from components.manifests.alerts import prometheus_rule
from components.manifests.dashboards import dashboard_config_maps
from components.manifests.envoy_gateway import gateway_deployment
from components.manifests.monitors import pod_monitors
from components.manifests.objects import Manifest
from local.paths import Paths
from stacks.settings import SettingsError
from tests.observability.stacks import GEMMA, KINDS, QWEN, observed, of

RUNBOOK = Path(__file__).parents[2] / "docs" / "runbook"
LABELS = {
    "app.kubernetes.io/name": "observability",
    "app.kubernetes.io/instance": "models",
    "app.kubernetes.io/component": "observability",
    "app.kubernetes.io/part-of": "modelyard",
    "app.kubernetes.io/managed-by": "pulumi",
    "release": "kube-prometheus-stack",
}


def strict(schema: Any) -> Any:
    """A definition that refuses what it does not know, which an API server drops without a word."""
    if isinstance(schema, list):
        return [strict(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    found = {key: strict(value) for key, value in schema.items()}
    if "properties" in found and isinstance(found["properties"], dict) and "additionalProperties" not in found:
        found["additionalProperties"] = False
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_the_operators_definitions_know_every_field(paths: Paths, kind: str) -> None:
    stack = observed(kind, models=[QWEN, {**GEMMA, "backend": "llmaz"}])
    manifests = [*pod_monitors(stack, of(stack)), prometheus_rule(stack, of(stack))]
    for manifest in manifests:
        definition = yaml.safe_load((paths.monitoring_crds / f"{manifest['kind'].lower()}s.yaml").read_text())
        (version,) = definition["spec"]["versions"]
        assert manifest["apiVersion"] == f"{definition['spec']['group']}/{version['name']}"
        schema = strict(version["schema"]["openAPIV3Schema"])
        schema["properties"]["metadata"] = {"type": "object"}
        Draft202012Validator(schema).validate(json.loads(json.dumps(manifest)))


def monitor(name: str, selector: Manifest, port: str, path: str) -> Manifest:
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PodMonitor",
        "metadata": {"name": name, "namespace": "models", "labels": LABELS},
        "spec": {"selector": selector, "podMetricsEndpoints": [{"port": port, "path": path, "interval": "15s"}]},
    }


def test_monitors_of_gateway_and_models() -> None:
    stack = observed(models=[QWEN, {**GEMMA, "backend": "llmaz"}])
    gateway = {"app.kubernetes.io/name": "envoy", "app.kubernetes.io/instance": "gateway"}
    native = {
        "matchLabels": {
            "app.kubernetes.io/part-of": "modelyard",
            "app.kubernetes.io/component": "model-service",
        },
        "matchExpressions": [{"key": "app.kubernetes.io/instance", "operator": "In", "values": ["qwen"]}],
    }
    by_llmaz = {
        "matchLabels": {"leaderworkerset.sigs.k8s.io/worker-index": "0"},
        "matchExpressions": [{"key": "leaderworkerset.sigs.k8s.io/name", "operator": "In", "values": ["gemma"]}],
    }
    assert pod_monitors(stack, of(stack)) == [
        monitor("gateway-gateway", {"matchLabels": gateway}, "metrics", "/stats/prometheus"),
        monitor("gateway-models", native, "http", "/metrics"),
        monitor("gateway-llmaz-models", by_llmaz, "http", "/metrics"),
    ]
    pods = gateway_deployment(stack)["spec"]["template"]
    assert gateway.items() <= pods["metadata"]["labels"].items()
    assert "metrics" in {port["name"] for port in pods["spec"]["containers"][0]["ports"]}


def test_monitors_can_be_left_to_others() -> None:
    stack = observed(observability={"monitors": False})
    assert pod_monitors(stack, of(stack)) == []


def test_the_prometheus_selects_by_the_stacks_labels() -> None:
    stack = observed(observability={"labels": {"team": "a"}, "intervalSeconds": 30})
    labels = {**{key: value for key, value in LABELS.items() if key != "release"}, "team": "a"}
    for manifest in [*pod_monitors(stack, of(stack)), prometheus_rule(stack, of(stack))]:
        assert manifest["metadata"]["labels"] == labels
    assert pod_monitors(stack, of(stack))[0]["spec"]["podMetricsEndpoints"][0]["interval"] == "30s"


def alerts(kind: str, **settings: Any) -> list[Manifest]:
    stack = observed(kind, observability={"alerts": settings})
    groups = prometheus_rule(stack, of(stack))["spec"]["groups"]
    return [rule for group in groups for rule in group["rules"] if "alert" in rule]


@pytest.mark.parametrize("kind", KINDS)
def test_each_alert_has_its_page(kind: str) -> None:
    for rule in alerts(kind):
        page = RUNBOOK / f"{rule['alert']}.md"
        assert rule["annotations"]["runbook_url"] == f"docs/runbook/{page.name}"
        text = page.read_text()
        assert text.startswith(f"# {rule['alert']}\n\n**What it means.** ")
        assert "**Look at.**" in text
        assert "**Do.**" in text
        assert rule["labels"]["severity"] in {"critical", "warning"}
        assert {"summary", "description"} < rule["annotations"].keys()


def test_each_page_has_its_alert() -> None:
    assert {page.stem for page in RUNBOOK.glob("*.md")} == {rule["alert"] for rule in alerts("envoy")}


def test_pages_ask_for_series_that_are_recorded() -> None:
    stack = observed()
    groups = prometheus_rule(stack, of(stack))["spec"]["groups"]
    recorded = {rule.get("record") for group in groups for rule in group["rules"]}
    for page in RUNBOOK.glob("*.md"):
        assert set(re.findall(r"modelyard:[a-z0-9_:]+", page.read_text())) <= recorded


def test_alerts_as_a_site_wants_them() -> None:
    found = alerts("envoy", labels={"team": "a"}, runbooks="https://git.example.com/runbook")
    assert {rule["labels"]["team"] for rule in found} == {"a"}
    assert found[0]["annotations"]["runbook_url"] == (
        "https://git.example.com/runbook/ModelyardRouteErrorBudgetBurn.md"
    )
    assert alerts("envoy", enabled=False) == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_site_can_take_no_label_that_alerts_are_told_apart_by(kind: str) -> None:
    own = {"alertname", *(label for rule in alerts(kind, labels={"team": "a"}) for label in rule["labels"])} - {"team"}
    asked = {found for rule in alerts(kind) for found in re.findall(r"\$labels\.(\w+)", str(rule["annotations"]))}
    for label in own | asked:
        with pytest.raises(SettingsError, match="is a label that alerts have of their own"):
            observed(kind, observability={"alerts": {"labels": {label: "pager"}}})


def test_objectives_make_thresholds() -> None:
    (fast, *_) = alerts("envoy", availabilityPercent=99)
    own = '{namespace="models"}'
    assert fast["expr"] == (
        f"modelyard:route_errors:ratio_1h{own} > 0.144 and modelyard:route_errors:ratio_5m{own} > 0.144"
        f" and modelyard:route_requests:count_1h{own} >= 10"
    )


@pytest.mark.parametrize("kind", KINDS)
def test_dashboards(kind: str) -> None:
    stack = observed(kind)
    maps = dashboard_config_maps(stack, of(stack))
    owner = "gateway" if kind == "envoy" else "higress"
    assert [each["metadata"]["name"] for each in maps] == [
        f"{owner}-dashboard-{key}" for key in ("health", "speed", "cost", "fallbacks")
    ]
    titles, ids = [], set()
    for each in maps:
        assert each["metadata"]["labels"]["grafana_dashboard"] == "1"
        ((name, text),) = each["data"].items()
        assert name == f"models-{each['metadata']['name']}.json"
        model = json.loads(text)
        titles.append(model["title"])
        assert len(model["uid"]) <= 40
        ids.add(model["uid"])
        assert [variable["query"] for variable in model["templating"]["list"]] == ["prometheus"]
        panels = [panel for panel in model["panels"] if panel["type"] != "row"]
        assert len({panel["id"] for panel in panels}) == len(panels) > 5
        places = {(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in model["panels"]}
        assert len(places) == len(model["panels"])
        for panel in panels:
            assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
            assert panel["targets"]
            assert {target["refId"] for target in panel["targets"]} <= set("ABCD")
    assert titles == [
        "Is it healthy? Models of models",
        "Who is slow? Models of models",
        "Who pays? Models of models",
        "What fell back? Models of models",
    ]
    assert len(ids) == 4


def test_errors_are_told_by_class_route_model_and_consumer() -> None:
    stack = observed()
    text = str(dashboard_config_maps(stack, of(stack)))
    told = re.findall(r"sum by \(([a-z_, ]+)\) \(modelyard:requests:rate5m{[^}]*status=~[^}]*\[45\]", text)
    assert {label for labels in told for label in labels.split(", ")} == {"route", "served_by", "consumer", "status"}


def test_dashboards_as_a_grafana_wants_them() -> None:
    dashboards = {"labels": {"dashboards": "yes"}, "annotations": {"grafana_folder": "LLM"}}
    stack = observed(observability={"dashboards": dashboards})
    head = dashboard_config_maps(stack, of(stack))[0]["metadata"]
    assert head["labels"]["dashboards"] == "yes"
    assert "grafana_dashboard" not in head["labels"]
    assert head["annotations"] == {"grafana_folder": "LLM"}
    off = observed(observability={"dashboards": {"enabled": False}})
    assert dashboard_config_maps(off, of(off)) == []

"""What makes a platform seen is made where a stack asks for it, and waits for nothing."""

import sys
from typing import Any

import pytest

from components.platform import Platform
from tests.components.conftest import Program, Run
from tests.components.stacks import stack

MONITOR = "kubernetes:monitoring.coreos.com/v1:PodMonitor"
CONFIG_MAP = "kubernetes:core/v1:ConfigMap"
RULE = "kubernetes:monitoring.coreos.com/v1:PrometheusRule"


def deploy(run: Run, **changes: Any) -> Program:
    settings = stack(**changes)
    return run(lambda: Platform("platform", settings))


def test_nothing_is_made_where_nothing_is_asked_for(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "grafana_foundation_sdk"]:
        monkeypatch.delitem(sys.modules, name)
    program = deploy(run)
    assert program.of(MONITOR) == program.of(RULE) == program.of("modelyard:index:Observability") == []
    assert not [name for name in sys.modules if name.startswith("grafana_foundation_sdk")]


def test_monitors_rules_and_dashboards_are_made(run: Run) -> None:
    program = deploy(run, observability={})
    (component,) = program.of("modelyard:index:Observability")
    assert component.parent == "platform"
    made = [resource for resource in program.resources if resource.parent == component.name]
    assert [(resource.token, resource.inputs["metadata"]["name"]) for resource in made] == [
        (MONITOR, "gateway-gateway"),
        (MONITOR, "gateway-models"),
        (RULE, "gateway-modelyard"),
        *(
            ("kubernetes:core/v1:ConfigMap", f"gateway-dashboard-{key}")
            for key in ("health", "speed", "cost", "fallbacks")
        ),
    ]
    for resource in made:
        assert resource.dependencies == set()
        assert resource.provider == "platform-cluster"
    groups = program.of(RULE)[0].inputs["spec"]["groups"]
    assert [group["name"].rpartition("-")[2] for group in groups] == ["gateway", "engines", "objectives", "alerts"]


def test_higress_has_its_chart_make_its_monitor(run: Run) -> None:
    program = deploy(run, gateway={"kind": "higress"}, observability={"labels": {"team": "a"}, "intervalSeconds": 20})
    (release,) = [each for each in program.of("kubernetes:helm.sh/v3:Release") if each.inputs["name"] == "higress"]
    assert release.inputs["values"]["higress-core"]["gateway"]["metrics"] == {
        "enabled": True,
        "podMonitorSelector": {"team": "a"},
        "interval": "20s",
    }
    assert [each.inputs["metadata"]["name"] for each in program.of(MONITOR)] == ["higress-models"]


def test_parts_can_be_left_out(run: Run) -> None:
    program = deploy(run, observability={"monitors": False, "dashboards": {"enabled": False}})
    assert program.of(MONITOR) == []
    assert len(program.of(RULE)) == 1
    maps = [each.inputs["metadata"]["name"] for each in program.of(CONFIG_MAP)]
    assert not [name for name in maps if "dashboard" in name]

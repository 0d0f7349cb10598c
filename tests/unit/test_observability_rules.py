"""What is refused of monitors, alerts and dashboards, and in what words."""

from typing import Any

import pytest

from stacks.settings import SettingsError, StackSettings, load

MODEL = {"name": "qwen", "source": "hf://Qwen/Qwen2.5-1.5B-Instruct", "pool": "gpu"}


def read(observability: dict[str, Any], **changes: Any) -> StackSettings:
    pools = [{"name": "gpu", "gpusPerNode": 2}]
    return load({"pools": pools, "models": [MODEL], "observability": observability, **changes})


def refused(observability: dict[str, Any], **changes: Any) -> str:
    with pytest.raises(SettingsError) as caught:
        read(observability, **changes)
    return str(caught.value)


def test_there_is_none_by_default() -> None:
    assert load({"pools": [{"name": "gpu"}], "models": [MODEL]}).observability is None


def test_a_stack_that_names_it_has_all_of_it() -> None:
    found = read({}).observability
    assert found is not None
    assert found.monitors
    assert found.alerts.enabled
    assert found.dashboards.enabled
    assert found.labels == {"release": "kube-prometheus-stack"}
    assert found.ttft_seconds("qwen") == 2.5


def test_a_model_may_have_an_objective_of_its_own() -> None:
    found = read({"alerts": {"modelTtftSeconds": {"qwen": 10}}}).observability
    assert found is not None
    assert found.ttft_seconds("qwen") == 10


def test_times_that_no_engine_counts_below() -> None:
    assert refused({"alerts": {"ttftSeconds": 3}}) == (
        "modelyard:observability.alerts.ttftSeconds: 3 is no time below which vLLM counts requests, so none could be "
        "told from those that took longer: write one of 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80"
    )


def test_objectives_of_models_that_there_are_not() -> None:
    assert refused({"alerts": {"modelTtftSeconds": {"qwne": 5}}}) == (
        "modelyard:observability.alerts.modelTtftSeconds: 'qwne' is no model of the stack, so nothing could be held to "
        "it: write 'qwen', or add it to modelyard:models"
    )


@pytest.mark.parametrize("label", ["alertname", "model", "namespace", "route", "severity", "window"])
def test_labels_that_alerts_have_of_their_own(label: str) -> None:
    assert refused({"alerts": {"labels": {label: "pager"}}}) == (
        f"modelyard:observability.alerts.labels.{label}: '{label}' is a label that alerts have of their own, by which "
        "two of them are told apart: choose another one, such as team"
    )


@pytest.mark.parametrize("label", ["example.com/team", "1team", "the-team"])
def test_labels_that_not_every_prometheus_takes(label: str) -> None:
    assert refused({"alerts": {"labels": {label: "a"}}}) == (
        f"modelyard:observability.alerts.labels.{label}: '{label}' is no name that every Prometheus takes for a label: "
        "use letters, digits and '_', and begin with no digit"
    )


def test_one_monitor_of_higress() -> None:
    gateway = {"kind": "higress", "metrics": {}}
    assert refused({}, gateway=gateway) == (
        "modelyard:gateway.metrics: given together with modelyard:observability, which has the gateway's PodMonitor "
        "made too, and there is only one: remove it, and write its labels and intervalSeconds in "
        "modelyard:observability"
    )
    assert read({"monitors": False}, gateway=gateway).higress.metrics is not None


def test_a_place_of_runbooks_that_is_none() -> None:
    assert refused({"alerts": {"runbooks": "https://git.example.com/a b"}}) == (
        "modelyard:observability.alerts.runbooks: 'https://git.example.com/a b' is no place that the pages of the "
        "alerts can be found at: write the address of the folder that holds them, such as "
        "https://git.example.com/modelyard/docs/runbook"
    )

"""Scripts that drive the local stack on the embedded cluster: its updates, a canary, a verification, its end."""

import threading
from collections.abc import Iterator
from pathlib import Path

import openai
import pytest

from local import experiment
from local.kubectl import get, kubectl
from local.paths import CHECKOUT, Paths
from local.pulumi_cli import PASSPHRASE
from local.waiting import wait_for
from stacks import automation
from stacks.automation import Component, Done, Event, Options, Planned, Started
from tests.live.conftest import await_rollout, identity

pytestmark = [pytest.mark.live, pytest.mark.timeout(1200)]

GATEWAY = "app.kubernetes.io/component=gateway"
CANARY = {
    "model": "chat",
    "upstreams": [{"model": "qwen2-1-5b", "weight": 90}, {"model": "gemma-2-2b", "weight": 10}],
}
WITH_CANARY = Options(settings={"routes": [CANARY]})


@pytest.fixture(autouse=True)
def untouched() -> Iterator[None]:
    """What Pulumi would like to write is afterwards what it was before."""
    files = [CHECKOUT / "Pulumi.yaml", CHECKOUT / "stacks" / "Pulumi.local.yaml"]
    before = [file.read_bytes() for file in files]
    yield
    assert [file.read_bytes() for file in files] == before
    assert not (CHECKOUT / "stacks" / "Pulumi.pr-17.yaml").exists()


def test_an_update_that_changes_nothing(stack: Paths) -> None:
    await_rollout(stack, "qwen2-1-5b")
    events: list[Event] = []
    result = automation.up("local", on_event=events.append)
    assert not result.changed
    assert result.outputs["base_url"] == "http://127.0.0.1:8080/v1"
    assert not [event for event in events if isinstance(event, Started) and event.operation != "read"]


def test_a_preview_names_the_part_of_the_platform(stack: Paths) -> None:
    smaller = Options(settings={"models": [{"name": "gemma-2-2b", "engine": {"maxModelLen": 1024}}]})
    preview = automation.preview("local", options=smaller)
    [step] = [step for step in preview.steps if isinstance(step, Planned) and step.operation == "update"]
    assert step.resource.component == Component("NativeModelService", "gemma-2-2b")
    assert step.resource.type == "kubernetes:apps/v1:StatefulSet"
    assert preview.changes["update"] == 1


def test_a_canary_is_promoted_measured_and_rolled_back(stack: Paths, client: openai.OpenAI) -> None:
    automation.up("local", options=WITH_CANARY)
    wait_for(lambda: _served(client, "chat"), "the canary's route", seconds=120, every=0.2)
    gateway = identity(stack, GATEWAY)
    models = [identity(stack, f"app.kubernetes.io/instance={name}") for name in ("qwen2-1-5b", "gemma-2-2b")]
    events: list[Event] = []

    promoted = automation.promote("local", "chat", options=WITH_CANARY, on_event=events.append)
    assert promoted.shares == {"qwen2-1-5b": 0, "gemma-2-2b": 100}
    assert promoted.update.changes["update"] == 1
    done = {event.resource.component for event in events if isinstance(event, Done) and event.operation == "update"}
    assert done == {Component("EnvoyGateway", "gateway")}
    wait_for(lambda: _served(client, "chat", times=12) == {"gemma-2-2b"}, "the promotion", seconds=120, every=0.2)

    kept = automation.up("local", options=WITH_CANARY)
    assert not kept.changed
    assert [sentence for sentence in kept.warnings if "route 'chat' was promoted or rolled back to" in sentence]
    seen = automation.measure("local", "chat", seconds=6, per_second=1, options=WITH_CANARY)
    assert set(seen.models) == {"gemma-2-2b"}
    assert seen.models["gemma-2-2b"].failed == seen.unanswered == 0
    assert seen.models["gemma-2-2b"].ttft_p95 is not None

    automation.rollback("local", "chat", options=WITH_CANARY)
    wait_for(lambda: _served(client, "chat", times=12) == {"qwen2-1-5b"}, "the way back", seconds=120, every=0.2)
    assert identity(stack, GATEWAY) == gateway
    assert models == [identity(stack, f"app.kubernetes.io/instance={name}") for name in ("qwen2-1-5b", "gemma-2-2b")]
    plain = automation.up("local")
    assert "chat" not in plain.outputs["routes"]
    assert "promotions" not in plain.outputs


def test_a_verification_by_script(stack: Paths) -> None:
    report = automation.verify("local")
    assert [f"{verdict.what}: {verdict.why}" for verdict in report.failed] == []
    assert report.passed


def test_a_cancelled_update_leaves_a_state_that_the_next_one_goes_on_from(stack: Paths, tmp_path: Path) -> None:
    cancelled = threading.Event()
    third = {"name": "third", "source": "file:///nowhere", "pool": "gpu", "cpu": "100m", "memory": "1Gi"}

    def cancel_once_it_waits(event: Event) -> None:
        if (
            isinstance(event, Started)
            and event.resource.component.name == "third"
            and ":StatefulSet" in event.resource.type
        ):
            cancelled.set()

    options = Options(settings={"models": [third], "fit": {"check": "off"}}, retries=automation.Retries(attempts=1))
    with pytest.raises(automation.CancelledError):
        automation.up("local", options=options, on_event=cancel_once_it_waits, cancelled=cancelled)
    after = automation.up("local")
    assert "third" not in after.outputs["models"]
    assert get(stack, "statefulset", "third") is None
    assert not automation.up("local").changed


def test_a_stack_beside_it_comes_and_goes(stack: Paths, tmp_path: Path) -> None:
    """A gateway of its own in a namespace of its own, with the file of the local stack and no model: no GPU is left."""
    state = tmp_path / "state"
    state.mkdir()
    nothing = [{"$patch": "replace"}]
    options = Options(
        settings_of="local",
        settings={
            "cluster": {"namespace": "pr-17"},
            "models": nothing,
            "routes": nothing,
            "gateway": {"serviceType": "ClusterIP", "nodePort": None, "baseUrl": None},
            "verify": {"enabled": False},
        },
        environment={"PULUMI_BACKEND_URL": f"file://{state}", "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE},
        remove=True,
    )
    kubectl(stack, "create", "namespace", "pr-17")
    try:
        up = automation.up("pr-17", options=options)
        assert up.outputs["base_url"] == "http://gateway.pr-17.svc.cluster.local:8080/v1"
        assert get(stack, "deployment", "gateway", "--namespace=pr-17") is not None
        assert not automation.refresh("pr-17", options=options).changed
        destroyed = automation.destroy("pr-17", options=options)
        assert destroyed.changes.keys() == {"delete"}
        assert get(stack, "deployment", "gateway", "--namespace=pr-17") is None
        assert not list((state / ".pulumi" / "stacks").rglob("pr-17.json"))
    finally:
        kubectl(stack, "delete", "namespace", "pr-17", "--wait=false")


def _served(client: openai.OpenAI, model: str, times: int = 1) -> set[str | None]:
    try:
        return {experiment.ask(client, model, stream=False).served_by for _ in range(times)}
    except openai.OpenAIError:
        return set()

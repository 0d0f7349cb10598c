"""Previews, updates and destructions by the real Pulumi CLI: what they do, what they tell, what they leave alone."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from stacks import automation
from stacks.automation import Component, Done, Event, Finished, Planned, Started
from stacks.automation.running import readable_settings
from tests.automation.conftest import Checkout

pytestmark = pytest.mark.pulumi

Heard = tuple[list[Event], Callable[[Event], None]]


def test_a_stack_from_its_first_preview_to_its_end(checkout: Checkout, heard: Heard) -> None:
    events, listen = heard
    before = checkout.files()

    preview = automation.preview("dev", options=checkout.options, on_event=listen)
    assert preview.changes == {"create": 3}
    assert preview.changed
    assert [(step.operation, step.resource.name) for step in preview.steps] == [
        ("create", "platform-clients"),
        ("create", "platform-clients-key"),
    ]
    assert [event for event in events if isinstance(event, Planned)] == list(preview.steps)
    assert not [event for event in events if isinstance(event, Started | Done)]

    events.clear()
    up = automation.up("dev", options=checkout.options, on_event=listen)
    assert up.changes == {"create": 3}
    assert up.attempts == 1
    assert up.outputs == {"greeting": "hello", "key": "[secret]"}
    [begun] = [
        event for event in events if isinstance(event, Started) and event.resource.name == "platform-clients-key"
    ]
    [done] = [event for event in events if isinstance(event, Done) and event.resource.name == "platform-clients-key"]
    assert events.index(begun) < events.index(done)
    assert done.resource.type == "random:index/randomPassword:RandomPassword"
    assert done.resource.component == Component("Group", "clients")
    last = events[-1]
    assert isinstance(last, Finished)
    assert last.succeeded
    assert last.changes == up.changes

    assert automation.outputs("dev", options=checkout.options) == {"greeting": "hello", "key": "[secret]"}
    assert len(automation.outputs("dev", options=checkout.options, secrets=True)["key"]) == 20

    again = automation.up("dev", options=checkout.options)
    assert not again.changed
    assert again.changes == {"same": 3}
    assert not automation.refresh("dev", options=checkout.options).changed

    events.clear()
    destroyed = automation.destroy("dev", options=replace(checkout.options, remove=True), on_event=listen)
    assert destroyed.changes == {"delete": 3}
    [gone] = [event for event in events if isinstance(event, Done) and event.resource.name == "platform-clients-key"]
    assert gone.resource.component == Component("Group", "clients")
    with pytest.raises(automation.StackMissingError, match="Pulumi knows no stack 'dev'"):
        automation.outputs("dev", options=checkout.options)
    assert checkout.files() == before


def test_settings_of_one_operation_are_laid_over_the_file(checkout: Checkout) -> None:
    before = checkout.files()
    options = replace(checkout.options, settings={"greeting": "good day", "length": 30})
    assert automation.up("dev", options=options).outputs["greeting"] == "good day"
    assert len(automation.outputs("dev", options=options, secrets=True)["key"]) == 30
    assert automation.preview("dev", options=options).changes == {"same": 3}
    back = automation.preview("dev", options=checkout.options)
    assert back.changes == {"same": 2, "replace": 1}
    assert [(step.operation, step.resource.name, step.changes) for step in back.steps] == [
        ("replace", "platform-clients-key", ("length",))
    ]
    events: list[Event] = []
    automation.up("dev", options=checkout.options, on_event=events.append)
    assert [event.operation for event in events if isinstance(event, Done)] == ["replace"]
    assert [event.operation for event in events if isinstance(event, Started)] == ["replace"]
    assert checkout.files() == before


def test_a_stack_may_take_the_file_of_another(checkout: Checkout) -> None:
    before = checkout.files()
    options = replace(checkout.options, settings_of="dev")
    assert automation.up("pr-17", options=options).outputs["greeting"] == "hello"
    automation.destroy("pr-17", options=replace(options, remove=True))
    assert checkout.files() == before
    assert not list(checkout.state.rglob("pr-17.json"))


def test_settings_that_no_file_says_are_read_of_pulumi(checkout: Checkout) -> None:
    automation.up("dev", options=checkout.options)
    checkout.program('import pulumi\npulumi.export("namespace", "team")\npulumi.export("pools", [{"name": "gpu"}])\n')
    checkout.stack("other")
    automation.up("other", options=checkout.options)
    checkout.stack("dev", cluster={"stackReference": "organization/sample/other"})
    found = readable_settings("dev", checkout.options)
    assert found.cluster.namespace == "team"
    assert [pool.name for pool in found.pools] == ["gpu"]
    assert [pool.name for pool in automation.settings("dev", options=checkout.options).pools] == ["gpu"]

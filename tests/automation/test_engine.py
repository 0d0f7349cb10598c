"""The engine's events, as its JSON has them, made into ours."""

from typing import Any

import pytest

from stacks.automation import Component, Done, Failed, Finished, Message, Planned, PolicyViolated, Resource, Started
from stacks.automation.engine import Translator

STACK = "urn:pulumi:dev::modelyard::pulumi:pulumi:Stack::modelyard-dev"
PLATFORM = "urn:pulumi:dev::modelyard::modelyard:index:Platform::platform"
MODEL = "urn:pulumi:dev::modelyard::modelyard:index:Platform$modelyard:index:NativeModelService::platform-qwen"
SET = f"{MODEL.rpartition('::')[0]}$kubernetes:apps/v1:StatefulSet::platform-qwen"
QWEN = Component("NativeModelService", "qwen")


def step(operation: str, urn: str, parent: str, *, custom: bool = True, **more: Any) -> dict[str, Any]:
    state = {"urn": urn, "parent": parent, "custom": custom, **more.pop("state", {})}
    side = "old" if operation == "delete" else "new"
    kind = urn.split("::")[2].rpartition("$")[2]
    return {"metadata": {"op": operation, "urn": urn, "type": kind, "old": None, "new": None, side: state, **more}}


def test_a_resource_is_of_the_component_above_it() -> None:
    translator = Translator(preview=False)
    begun = translator.translate({"resourcePreEvent": step("create", MODEL, PLATFORM, custom=False)})
    assert begun == Started(Resource(MODEL, "modelyard:index:NativeModelService", "platform-qwen", QWEN), "create")
    done = translator.translate({"resOutputsEvent": step("update", SET, MODEL, diffs=["spec"])})
    assert done == Done(Resource(SET, "kubernetes:apps/v1:StatefulSet", "platform-qwen", QWEN), "update", ("spec",))


def test_a_destruction_tells_of_what_is_in_a_component_first() -> None:
    done = Translator(preview=False).translate({"resOutputsEvent": step("delete", SET, MODEL)})
    assert isinstance(done, Done)
    assert done.resource.component == QWEN


def test_what_hangs_on_nothing_is_the_platforms() -> None:
    urn = "urn:pulumi:dev::modelyard::pulumi:providers:kubernetes::default"
    begun = Translator(preview=False).translate({"resourcePreEvent": step("create", urn, STACK)})
    assert isinstance(begun, Started)
    assert begun.resource.component == Component("Platform", "platform")


def test_a_resource_below_another_one_is_of_its_component() -> None:
    translator = Translator(preview=False)
    translator.translate({"resourcePreEvent": step("create", MODEL, PLATFORM, custom=False)})
    translator.translate({"resourcePreEvent": step("create", SET, MODEL)})
    below = f"{SET.rpartition('::')[0]}$kubernetes:core/v1:Pod::pod"
    begun = translator.translate({"resourcePreEvent": step("create", below, SET)})
    assert isinstance(begun, Started)
    assert begun.resource.component == QWEN


def test_a_preview_plans_and_does_nothing() -> None:
    translator = Translator(preview=True)
    planned = translator.translate({"resourcePreEvent": step("replace", SET, MODEL, diffs=["spec.serviceName"])})
    assert planned == Planned(
        Resource(SET, "kubernetes:apps/v1:StatefulSet", "platform-qwen", QWEN), "replace", ("spec.serviceName",)
    )
    assert translator.translate({"resOutputsEvent": step("replace", SET, MODEL)}) is None
    assert translator.translate({"resourcePreEvent": step("create-replacement", SET, MODEL)}) is None
    assert translator.translate({"resourcePreEvent": step("delete-replaced", SET, MODEL)}) is None
    assert translator.translate({"resourcePreEvent": step("same", SET, MODEL)}) is None


def test_a_replacement_is_under_way_while_the_new_resource_is_made() -> None:
    translator = Translator(preview=False)
    parts = ("create-replacement", "replace", "delete-replaced")
    begun = [translator.translate({"resourcePreEvent": step(part, SET, MODEL)}) for part in parts]
    ended = [translator.translate({"resOutputsEvent": step(part, SET, MODEL)}) for part in parts]
    resource = Resource(SET, "kubernetes:apps/v1:StatefulSet", "platform-qwen", QWEN)
    assert begun == [Started(resource, "replace"), None, None]
    assert ended == [Done(resource, "replace"), None, None]
    assert translator.translate({"resOpFailedEvent": step("create-replacement", SET, MODEL)}) == Failed(
        resource, "replace"
    )


def test_the_stacks_outputs_are_kept_without_secrets() -> None:
    translator = Translator(preview=False)
    secret = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "[secret]"}
    outputs = {"base_url": "http://x/v1", "console_password": secret, "models": {"a": [1, secret]}}
    event = {"resOutputsEvent": step("same", STACK, "", custom=False, state={"outputs": outputs})}
    assert translator.translate(event) is None
    assert translator.outputs == {
        "base_url": "http://x/v1",
        "console_password": "[secret]",
        "models": {"a": [1, "[secret]"]},
    }


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ({"severity": "error", "message": "no\n"}, Message("error", "no")),
        ({"severity": "info#err", "message": "printed\n"}, Message("info", "printed")),
        ({"severity": "info", "ephemeral": True, "message": "[1/3] waits"}, Message("status", "[1/3] waits")),
        ({"severity": "warning", "message": "old", "urn": STACK}, Message("warning", "old")),
        ({"severity": "debug", "message": "no interest"}, None),
        ({"severity": "info", "message": " \n"}, None),
    ],
)
def test_what_is_said(raw: dict[str, Any], expected: Message | None) -> None:
    assert Translator(preview=False).translate({"diagnosticEvent": raw}) == expected


def test_what_fails_what_is_forbidden_and_the_end() -> None:
    translator = Translator(preview=False)
    failed = translator.translate({"resOpFailedEvent": step("create", SET, MODEL)})
    assert isinstance(failed, Failed)
    violation = {
        "resourceUrn": SET,
        "message": "pin it\n",
        "policyName": "pinned",
        "policyPackName": "modelyard",
        "enforcementLevel": "mandatory",
    }
    assert translator.translate({"policyEvent": violation}) == PolicyViolated(
        "pinned", "modelyard", True, "pin it", failed.resource
    )
    changes = {"create": 2, "replace": 1, "create-replacement": 1, "delete-replaced": 1, "same": 0}
    summary = {"resourceChanges": changes, "durationSeconds": 3, "result": "failed"}
    assert translator.translate({"summaryEvent": summary}) == Finished(False, {"create": 2, "replace": 1}, 3.0)
    assert translator.translate({"cancelEvent": {}}) is None

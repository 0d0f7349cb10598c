"""Pulumi's engine events, as its ``--json`` prints them, made into ours."""

from collections.abc import Mapping
from typing import Any

from stacks.automation.events import (
    Component,
    Done,
    Event,
    Failed,
    Finished,
    Message,
    Planned,
    PolicyViolated,
    Resource,
    Started,
)

_STACK = "pulumi:pulumi:Stack"
_PLATFORM = Component("Platform", "platform")
_PARTS = {"create-replacement": "replace", "read-replacement": "replace", "delete-replaced": "delete"}
"""What a replacement consists of, and what is told of a part that fails."""


_SILENT = frozenset({"same", "discard", "discard-replaced", "remove-pending-replace"})
"""Operations in which nothing happens outside the state."""


class Translator:
    """Makes our events out of the engine's, of one run of Pulumi.

    Args:
        preview: whether nothing is done and steps are only planned.
    """

    def __init__(self, *, preview: bool) -> None:
        self._preview = preview
        self._components: dict[str, Component] = {}
        self._resources: dict[str, Resource] = {}
        self.outputs: Mapping[str, Any] = {}
        """The stack's outputs as the engine told them last, with ``[secret]`` in place of secrets."""

    def translate(self, raw: Mapping[str, Any]) -> Event | None:
        """Our event for one of the engine's, or None where it is of no interest."""
        for kind, translate in _TRANSLATIONS.items():
            if kind in raw:
                return translate(self, raw[kind])
        return None

    def _began(self, event: Mapping[str, Any]) -> Event | None:
        step = event["metadata"]
        resource = self._resource_of(step)
        operation = self._told(step["op"])
        if operation is None or resource.type == _STACK:
            return None
        if self._preview:
            return Planned(resource, operation, tuple(step.get("diffs") or ()))
        return Started(resource, operation)

    def _ended(self, event: Mapping[str, Any]) -> Event | None:
        step = event["metadata"]
        resource = self._resource_of(step)
        if resource.type == _STACK:
            self.outputs = _plain((step.get("new") or {}).get("outputs") or {})
            return None
        operation = self._told(step["op"])
        if self._preview or operation is None:
            return None
        return Done(resource, operation, tuple(step.get("diffs") or ()))

    def _told(self, operation: str) -> str | None:
        """An operation as we tell it, or None where we don't.

        A replacement is planned as one, and is under way as long as the new resource is being made.
        """
        if self._preview:
            return None if operation in _PARTS or operation in _SILENT else operation
        if operation in {"replace", "delete-replaced"} or operation in _SILENT:
            return None
        return _PARTS.get(operation, operation)

    def _failed(self, event: Mapping[str, Any]) -> Event | None:
        step = event["metadata"]
        return Failed(self._resource_of(step), _PARTS.get(step["op"], step["op"]))

    def _said(self, event: Mapping[str, Any]) -> Event | None:
        severity = event["severity"].partition("#")[0]
        text = event["message"].strip("\n")
        if severity == "debug" or not text.strip():
            return None
        if event.get("ephemeral"):
            severity = "status"
        return Message(severity, text, self._known(event.get("urn")))

    def _violated(self, event: Mapping[str, Any]) -> Event | None:
        return PolicyViolated(
            event["policyName"],
            event["policyPackName"],
            event["enforcementLevel"] == "mandatory",
            event["message"].strip("\n"),
            self._known(event.get("resourceUrn")),
        )

    def _finished(self, event: Mapping[str, Any]) -> Event | None:
        changes = {
            operation: count
            for operation, count in (event.get("resourceChanges") or {}).items()
            if count and operation not in _PARTS and operation not in _SILENT - {"same"}
        }
        succeeded = event.get("result", "succeeded") == "succeeded" and not event.get("maybeCorrupt")
        return Finished(succeeded, changes, float(event.get("durationSeconds", 0)))

    def _known(self, urn: str | None) -> Resource | None:
        if not urn or _type_of(urn) == _STACK:
            return None
        return self._resources.get(urn) or Resource(urn, _type_of(urn), _name_of(urn), _PLATFORM)

    def _resource_of(self, step: Mapping[str, Any]) -> Resource:
        urn: str = step["urn"]
        if urn not in self._resources:
            state = step.get("new") or step.get("old") or {}
            component = self._component_of(urn, state.get("parent", ""), custom=bool(state.get("custom")))
            self._resources[urn] = Resource(urn, step["type"], _name_of(urn), component)
        return self._resources[urn]

    def _component_of(self, urn: str, parent: str, *, custom: bool) -> Component:
        """The nearest component at or above a resource. A destruction tells of a component after what is in it."""
        if not custom and _type_of(urn) != _STACK:
            self._components[urn] = _component(urn)
            return self._components[urn]
        known = self._components.get(parent)
        if known is None:
            known = _component(parent) if _type_of(parent).startswith("modelyard:") else _PLATFORM
        self._components[urn] = known
        return known


_TRANSLATIONS = {
    "resourcePreEvent": Translator._began,
    "resOutputsEvent": Translator._ended,
    "resOpFailedEvent": Translator._failed,
    "diagnosticEvent": Translator._said,
    "policyEvent": Translator._violated,
    "summaryEvent": Translator._finished,
}


def _component(urn: str) -> Component:
    kind = _type_of(urn).rpartition(":")[2]
    return Component(kind, _name_of(urn).removeprefix("platform-"))


def _type_of(urn: str) -> str:
    """The type of its own in a URN, ``urn:pulumi:stack::project::parent$types$type::name``."""
    parts = urn.split("::", 3)
    return parts[2].rpartition("$")[2] if len(parts) == 4 else ""


def _name_of(urn: str) -> str:
    return urn.split("::", 3)[-1]


_SECRET_MARK = "4dabf18193072939515e22adb298388d"  # noqa: S105 - how Pulumi marks a secret, in all its formats


def _plain(value: Any) -> Any:
    """A value without the marks that Pulumi puts around secrets."""
    if isinstance(value, Mapping):
        if _SECRET_MARK in value:
            return "[secret]"
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value

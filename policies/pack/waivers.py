"""Waivers: annotations by which an object is let off a rule until a day, for a reason."""

import datetime
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pulumi_policy.proxy import UnknownValueError

from policies.pack.kubernetes.pods import pods_of
from policies.pack.resource import RELEASE, Resource
from policies.pack.values import Properties, mapping

PREFIX = "waive.modelyard.dev/"
"""What the annotation's key begins with, ahead of the rule's id."""

FORM = re.compile(r"\s*(?P<until>\S+?):?\s+(?P<reason>.*\S)\s*", re.DOTALL)
"""A day and a reason, such as ``2027-01-31: the code was read at that commit``."""

LEAST_REASON = 10
"""Fewest characters of a reason."""


class WaiverError(ValueError):
    """A waiver that can't be read. Its text goes on after its key."""


@dataclass(frozen=True)
class Waiver:
    """Lets an object off a rule."""

    rule: str
    until: datetime.date
    """The last day on which it counts."""
    reason: str


def waiver(rule: str, value: Any) -> Waiver:
    """A waiver out of an annotation's value.

    Raises:
        WaiverError: when it is none.
    """
    found = FORM.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise WaiverError(f"{value!r} is no day and a reason")
    try:
        until = datetime.date.fromisoformat(found["until"])
    except ValueError:
        raise WaiverError(f"{value!r} begins with {found['until']!r}, which is no day") from None
    if len(found["reason"]) < LEAST_REASON:
        raise WaiverError(f"{value!r} gives {found['reason']!r} as a reason, which tells nobody why")
    return Waiver(rule, until, found["reason"])


def annotations(resource: Resource) -> Iterator[tuple[str, Any]]:
    """What an object says of waivers, on itself or on its pods: rules and values."""
    places = [
        resource.annotations,
        *(mapping(pod.metadata, "annotations") for pod in pods_of(resource)),
        # A chart has no metadata, but its values may have annotations of what it makes.
        *(_of_values(mapping(resource.props, "values")) if resource.type == RELEASE else ()),
    ]
    for place in places:
        for key in place:
            if key.startswith(PREFIX):
                yield key.removeprefix(PREFIX), place[key]


def _of_values(value: Any) -> Iterator[Properties]:
    """The annotations among a chart's values, whatever they are of: ``annotations``, ``podAnnotations`` and others."""
    for key in value if isinstance(value, Mapping) else ():
        if key.lower().endswith("annotations"):
            yield mapping(value, key)
            continue
        try:
            inner = value[key]
        except UnknownValueError:
            continue
        yield from _of_values(inner)


def is_waived(resource: Resource, rule: str, today: datetime.date) -> bool:
    """Whether the object is let off the rule today."""
    for name, value in annotations(resource):
        try:
            if name == rule and waiver(name, value).until >= today:
                return True
        except WaiverError:
            continue
    return False

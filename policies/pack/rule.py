"""What a rule is, and what it finds."""

import datetime
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, TypeVar

from pulumi_policy.proxy import UnknownValueError

from policies.pack.resource import Resource

Severity = Literal["low", "medium", "high", "critical"]
"""How bad it is to break a rule."""
Level = Literal["mandatory", "advisory"]
"""Whether a broken rule stops an update."""
Scope = Literal["resource", "stack"]
"""What a rule looks at: one resource before it is made, or all of them together."""

Subject = TypeVar("Subject")
Found = TypeVar("Found")


@dataclass(frozen=True)
class Parameter:
    """A parameter of a rule, which ``--policy-pack-config`` sets."""

    name: str
    type: Literal["boolean", "integer", "number", "string", "array", "object"]
    text: str
    """What it says, with its unit."""
    default: Any = None
    """Its value where nothing is said. None: there is none."""
    minimum: float | None = None
    choices: tuple[str, ...] = ()
    """All values of a text that there are."""

    @property
    def schema(self) -> dict[str, Any]:
        """It as JSON Schema, as the engine checks it."""
        found: dict[str, Any] = {"type": self.type, "description": self.text}
        found |= {"default": self.default} if self.default is not None else {}
        found |= {"minimum": self.minimum} if self.minimum is not None else {}
        found |= {"enum": list(self.choices)} if self.choices else {}
        return found


@dataclass(frozen=True)
class View:
    """What a rule gets to see."""

    resources: Sequence[Resource]
    """The resources of the stack, or the one in question."""
    production: bool = False
    """Whether people depend on the stack: it says ``modelyard:production: true``."""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    """The rule's parameters, defaults included."""
    today: datetime.date = field(default_factory=datetime.date.today)
    """The day on which waivers are looked at."""

    def of_kind(self, *kinds: str) -> Iterator[Resource]:
        """The Kubernetes objects of these kinds."""
        return (resource for kind in kinds for resource in self._by_kind.get(kind, ()))

    @cached_property
    def _by_kind(self) -> dict[str, list[Resource]]:
        found: dict[str, list[Resource]] = {}
        for resource in self.resources:
            found.setdefault(resource.kind, []).append(resource)
        return found


@dataclass(frozen=True)
class Problem:
    """Something that breaks a rule."""

    resource: Resource | None
    """What breaks it. None: the stack as a whole."""
    what: str
    """What was given, and where: the beginning of a sentence."""
    instead: str | None = None
    """What to write instead, where the rule's own words don't say it well enough."""
    waived_by: tuple[Resource, ...] = ()
    """Further resources whose waivers count for it."""


Check = Callable[[View], Iterable[Problem]]
"""Finds problems. It may raise ``UnknownValueError``, after which nothing more is said."""


@dataclass(frozen=True)
class Rule:
    """One rule of the pack."""

    id: str
    what: str
    """What must hold, as a sentence."""
    why: str
    """What comes of breaking it: the middle of a sentence, which begins with "so"."""
    instead: str
    """What to write: the end of a sentence."""
    severity: Severity
    scope: Scope
    check: Check
    level: Level = "mandatory"
    """Its level in production."""
    elsewhere: Level = "mandatory"
    """Its level in stacks that nobody depends on."""
    parameters: tuple[Parameter, ...] = ()
    waivable: bool = True

    @property
    def defaults(self) -> dict[str, Any]:
        """Its parameters where nothing is said."""
        return {each.name: each.default for each in self.parameters if each.default is not None}

    def problems(self, view: View) -> Iterator[Problem]:
        """What breaks it, as far as that is known."""
        try:
            yield from self.check(view)
        except UnknownValueError:
            return

    def message(self, problem: Problem) -> str:
        """A problem in a sentence of three parts."""
        place = f"{named(problem.resource)}: " if problem.resource else ""
        return f"{place}{problem.what}, {self.why}: {problem.instead or self.instead}"


def each(subjects: Iterable[Subject], found: Callable[[Subject], Iterable[Found]]) -> Iterator[Found]:
    """What is found in each subject. One that is partly unknown keeps no other from being looked at."""
    for subject in subjects:
        try:
            yield from found(subject)
        except UnknownValueError:
            continue


def named(resource: Resource) -> str:
    """A resource as people know it: by kind, namespace and name, or as the program calls it."""
    try:
        if resource.is_object and resource.object_name:
            return f"{resource.kind} {resource.namespace}/{resource.object_name}"
    except UnknownValueError:
        pass
    return f"{resource.type.rpartition(':')[2]} {resource.name}"

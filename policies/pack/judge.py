"""What a rule has to say of resources, waivers taken into account."""

import datetime
from collections.abc import Iterator
from dataclasses import dataclass

from pulumi_policy.proxy import UnknownValueError

from policies.pack.resource import Resource
from policies.pack.rule import Problem, Rule, View
from policies.pack.waivers import is_waived


@dataclass(frozen=True)
class Finding:
    """A broken rule, in words."""

    message: str
    urn: str | None
    """What breaks it. None: the stack as a whole."""


def findings(rule: Rule, view: View) -> Iterator[Finding]:
    """What breaks a rule, without what is waived. Each sentence comes once."""
    seen: set[tuple[str, str | None]] = set()
    for problem in rule.problems(view):
        if rule.waivable and _is_waived(problem, rule, view.today):
            continue
        found = Finding(rule.message(problem), problem.resource.urn if problem.resource else None)
        if (found.message, found.urn) not in seen:
            seen.add((found.message, found.urn))
            yield found


def _is_waived(problem: Problem, rule: Rule, today: datetime.date) -> bool:
    concerned = [*([problem.resource] if problem.resource else []), *problem.waived_by]
    return any(_says_so(resource, rule, today) for resource in concerned)


def _says_so(resource: Resource, rule: Rule, today: datetime.date) -> bool:
    try:
        return is_waived(resource, rule.id, today)
    except UnknownValueError:
        # Its annotations are not known yet, and may hold a waiver: nothing false is said.
        return True

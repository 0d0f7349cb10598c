"""Waivers, which have to say until when and why."""

import datetime
from collections.abc import Iterator

from policies.pack.resource import Resource
from policies.pack.rule import Parameter, Problem, Rule, View, each
from policies.pack.waivers import PREFIX, WaiverError, annotations, waiver


def rules(known: frozenset[str], waivable: frozenset[str]) -> tuple[Rule, ...]:
    """The rule about waivers.

    Args:
        known: the ids of all other rules.
        waivable: the ids of those that an object can be let off.
    """

    def check(view: View) -> Iterator[Problem]:
        most = int(view.parameters["maxDays"])
        return each(view.resources, lambda resource: _waived(resource, most, view.today))

    def _waived(resource: Resource, most: int, today: datetime.date) -> Iterator[Problem]:
        for rule, value in annotations(resource):
            yield from _judged(resource, rule, value, most, today)

    def _judged(resource: Resource, rule: str, value: object, most: int, today: datetime.date) -> Iterator[Problem]:
        key = f"{PREFIX}{rule}"
        if rule not in known:
            yield Problem(resource, f"{key} names no rule", f"write one of {', '.join(sorted(waivable))}")
            return
        if rule not in waivable:
            yield Problem(resource, f"{key} names a rule of the whole stack", "set the rule's parameters or level")
            return
        try:
            found = waiver(rule, value)
        except WaiverError as error:
            yield Problem(resource, f"{key}: {error}")
            return
        if found.until < today:
            yield Problem(resource, f"{key} has ended on {found.until}", "mend what it is for, or give a new day")
        elif (found.until - today).days > most:
            last = today + datetime.timedelta(days=most)
            yield Problem(resource, f"{key} lasts until {found.until}", f"write {last} or an earlier day")

    return (
        Rule(
            id="waivers",
            what="A waiver names a rule, a day on which it ends, and a reason.",
            why="so nobody can tell whether it still holds",
            instead="write a day and a reason, such as 2027-01-31: the code of that commit was read",
            severity="high",
            scope="resource",
            check=check,
            parameters=(Parameter("maxDays", "integer", "Longest time that a waiver lasts, in days", 366, minimum=1),),
            waivable=False,
        ),
    )

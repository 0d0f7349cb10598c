"""All checks, in the order in which they can be mended."""

from collections.abc import Iterator

from stacks.cli.doctor.charts import charts
from stacks.cli.doctor.check import Check
from stacks.cli.doctor.cluster import cluster
from stacks.cli.doctor.state import state
from stacks.cli.doctor.tools import tools
from stacks.cli.errors import told
from stacks.settings import SettingsError, StackSettings
from stacks.stack_file import read_named


def examine(name: str) -> Iterator[Check]:
    """The checks of a stack, as they are made. What needs settings is left out where these cannot work."""
    stack, about_file = _stack(name)
    yield about_file
    for check in tools(stack):
        yield check
        if check.name == "pulumi":
            pulumi = check
        if check.name == "kubectl":
            kubectl = check
    if stack is None:
        return
    if pulumi.outcome != "failed":
        yield from state(name)
    if kubectl.outcome != "failed":
        yield from cluster(stack)
    yield from charts(stack)


def _stack(name: str) -> tuple[StackSettings | None, Check]:
    try:
        found = read_named(name)
    except SettingsError as error:
        said = told(error)
        return None, Check("stack file", "failed", said.problem, said.remedy)
    return found, Check("stack file", "ok", f"{name!r} can work: {len(found.models)} models, {len(found.pools)} pools")

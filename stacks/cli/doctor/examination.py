"""All checks, in the order in which they can be mended."""

from stacks.automation.errors import AutomationError
from stacks.cli.doctor.charts import charts
from stacks.cli.doctor.check import Check, Checks
from stacks.cli.doctor.cluster import cluster
from stacks.cli.doctor.state import state
from stacks.cli.doctor.tools import tools
from stacks.cli.errors import CliError, told
from stacks.cli.stack import settings_of, with_kubeconfig
from stacks.settings import SettingsError, StackSettings


def examine(name: str) -> Checks:
    """The checks of a stack, as they are made. What needs settings is left out where these cannot be had."""
    stack, about_file = _stack(name)
    yield about_file
    for check in tools(stack):
        yield check
        if check.name == "pulumi":
            pulumi = check
        if check.name == "kubectl":
            kubectl = check
    if about_file.outcome == "failed":
        return
    if pulumi.outcome != "failed":
        yield from state(name)
    if stack is None:
        return
    if kubectl.outcome != "failed":
        yield from _cluster(name, stack)
    yield from charts(stack)


def _stack(name: str) -> tuple[StackSettings | None, Check]:
    try:
        found = settings_of(name)
    except (SettingsError, AutomationError) as error:
        said = told(error)
        return None, Check("stack file", "failed", said.problem, said.remedy)
    except CliError as error:
        seen = f"{error.problem.rstrip('.')}. Cluster and charts were not looked at."
        return None, Check("stack file", "warning", seen, error.remedy)
    return found, Check("stack file", "ok", f"{name!r} can work: {len(found.models)} models, {len(found.pools)} pools")


def _cluster(name: str, stack: StackSettings) -> Checks:
    try:
        readable = with_kubeconfig(name, stack)
    except (CliError, AutomationError) as error:
        said = told(error)
        seen = f"{said.problem.rstrip('.')}. The cluster was not looked at."
        yield Check("cluster", "warning", seen, said.remedy)
        return
    yield from cluster(readable)

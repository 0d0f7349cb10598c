"""Proof that a stack does what it promises: its gateway asked, its models killed."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from stacks.automation.errors import AutomationError
from stacks.automation.options import DEFAULTS, Options

if TYPE_CHECKING:
    from stacks import drill as drills
    from stacks.verify import Report, Verdict


def verify(
    stack: str,
    *,
    api_key: str | None = None,
    options: Options = DEFAULTS,
    on_verdict: "Callable[[Verdict], None] | None" = None,
) -> "Report":
    """Ask the gateway of a stack that is up whether it keeps its promises. Nothing is changed, no model is harmed.

    Args:
        stack: the stack's name.
        api_key: a key, or a token where consumers are known by these. Default: the stack's own first key.
        options: how the stack's settings and outputs are read, and the environment of ``kubectl``.
        on_verdict: told every verdict as soon as it stands.

    Raises:
        AutomationError: there is no such stack, it is not up, or the cluster cannot be asked.
    """
    from stacks.automation.running import cluster_errors, running
    from stacks.kubectl import Kubectl
    from stacks.verify import verify as asked

    found = running(stack, options)
    kubectl = Kubectl.of(found.settings.cluster, options.environment)
    with cluster_errors():
        return asked(found.settings, found.outputs["base_url"], kubectl=kubectl, api_key=api_key, on_verdict=on_verdict)


def drill(
    stack: str,
    *,
    routes: Sequence[str] = (),
    api_key: str | None = None,
    per_second: float = 2.0,
    recovery_seconds: float = 900.0,
    options: Options = DEFAULTS,
    on_loss: "Callable[[drills.Loss], None] | None" = None,
) -> "drills.Report":
    """Kill the pods of one model after the other, for real, and look what clients notice.

    Args:
        stack: the stack's name.
        routes: the routes to ask, by their ``model``. Default: for each model one that falls back from it.
        api_key: a key, or a token where consumers are known by these. Default: the stack's own first key.
        per_second: requests a second.
        recovery_seconds: how long a model may take to answer again.
        options: how the stack's settings and outputs are read, and the environment of ``kubectl``.
        on_loss: told what each loss came to, as soon as it is over.

    Raises:
        AutomationError: there is no such stack, it is not up, the cluster cannot be asked, or there is nothing that
            could be lost without harm. Nothing was killed then.
    """
    from stacks.automation.running import cluster_errors, running
    from stacks.drill import DrillError
    from stacks.drill import drill as held
    from stacks.kubectl import Kubectl

    found = running(stack, options)
    with cluster_errors():
        try:
            return held(
                found.settings,
                found.outputs["base_url"],
                name=stack,
                routes=routes,
                kubectl=Kubectl.of(found.settings.cluster, options.environment),
                api_key=api_key,
                per_second=per_second,
                recovery_seconds=recovery_seconds,
                on_loss=on_loss,
            )
        except DrillError as error:
            raise AutomationError(error.problem, error.remedy) from None

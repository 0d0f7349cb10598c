"""Proof that a stack does what it promises: its gateway asked, its models killed."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from stacks.automation.options import DEFAULTS, Options

if TYPE_CHECKING:
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
        options: how the stack's settings and outputs are read.
        on_verdict: told every verdict as soon as it stands.

    Raises:
        AutomationError: there is no such stack, it is not up, or the cluster cannot be asked.
    """
    from stacks.automation.running import cluster_errors, running
    from stacks.verify import verify as asked

    found = running(stack, options)
    with cluster_errors():
        return asked(found.settings, found.outputs["base_url"], api_key=api_key, on_verdict=on_verdict)

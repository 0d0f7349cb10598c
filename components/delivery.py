"""What has changed routes answered at once, after an update."""

import asyncio

import pulumi

from stacks.settings import StackSettings


def delivered(stack: StackSettings, ready: pulumi.Output[bool]) -> pulumi.Output[bool]:
    """True, and known only once the gateway's pods were told of changed routes, or could not be.

    Higress hears of them by itself, and previews change nothing.

    Args:
        stack: the stack.
        ready: known once the gateway is there, with the new routes.
    """
    if stack.gateway.kind != "envoy" or pulumi.runtime.is_dry_run():
        return ready

    async def told(_: bool) -> bool:
        if why := await asyncio.to_thread(_deliver, stack):
            pulumi.log.info(f"A changed route is answered only once the kubelet looks, in a minute or two: {why}")
        return True

    return ready.apply(told)


def _deliver(stack: StackSettings) -> str | None:
    """Why they could not be told. None: they were."""
    # Only here: previews don't need it.
    from stacks.delivery import deliver
    from stacks.kubectl import KubectlError

    try:
        deliver(stack)
    except KubectlError as error:
        return f"{error.problem}. {error.remedy}"
    return None

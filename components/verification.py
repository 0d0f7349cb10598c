"""The verification after an update."""

import asyncio
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import pulumi
from pulumi.output import Unknown

from stacks.settings import StackSettings

if TYPE_CHECKING:
    from stacks.verify import Report, Verdict


def verification(
    stack: StackSettings, base_url: pulumi.Output[str], ready: Sequence[pulumi.Output[bool]]
) -> pulumi.Output[dict[str, Any]]:
    """What the gateway was seen to do, once everything is ready. In previews nothing is asked, and nothing known.

    A promise that is broken is warned of, or fails the update where the stack is strict.

    Args:
        stack: the stack.
        base_url: the URL that clients use, ending in ``/v1``.
        ready: what has to be there first.
    """
    if pulumi.runtime.is_dry_run():
        unknown: Any = Unknown()  # type: ignore[no-untyped-call]
        return pulumi.Output.from_input(unknown)

    async def seen(known: Sequence[Any]) -> dict[str, Any]:
        report = await asyncio.to_thread(_report, stack, known[0])
        sentences = [_sentence(verdict) for verdict in report.failed or report.not_checked]
        if stack.verify.strict and not report.passed:
            listed = "\n".join(sentences)
            raise pulumi.RunError(f"The update is done, and the gateway does not keep what it promises:\n{listed}")
        if not report.passed:
            for sentence in sentences:
                pulumi.log.warn(f"verify: {sentence}")
        return {"passed": report.passed, **asdict(report)}

    return pulumi.Output.all(base_url, *ready).apply(seen)


def _report(stack: StackSettings, base_url: str) -> "Report":
    # Only here: what it needs takes a while to load, and previews don't.
    from stacks.verify import verify

    return verify(stack, base_url)


def _sentence(verdict: "Verdict") -> str:
    route = f"route {verdict.route}: " if verdict.route else ""
    return f"{route}{verdict.what}: {verdict.outcome}, for {verdict.why}"

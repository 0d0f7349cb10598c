"""Asks a gateway for everything that its stack promises."""

import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Literal

import httpx

from stacks.kubectl import Kubectl, KubectlError
from stacks.settings import StackSettings
from stacks.verify import plan, way
from stacks.verify.entrance import front, rehearsals
from stacks.verify.metrics import Metrics
from stacks.verify.promises import Promises
from stacks.verify.report import NO_TIME, Report, Verdict
from stacks.verify.run import Check, Found, Run

AT_A_TIME = 4
"""Promises that are looked at side by side: few, for the models have clients of their own."""

PAUSE_SECONDS = 2.0
"""How long after a broken promise it is looked at again."""

OnVerdict = Callable[[Verdict], None]

_LATE: Found = ("not checked", NO_TIME)


def verify(
    stack: StackSettings,
    base_url: str,
    *,
    kubectl: Kubectl | None = None,
    api_key: str | None = None,
    through: Literal["auto", "base_url", "port_forward"] | None = None,
    seconds: float | None = None,
    on_verdict: OnVerdict | None = None,
) -> Report:
    """Look whether the gateway of a stack that runs keeps its promises. Nothing is changed, and no model is harmed.

    Args:
        stack: the stack.
        base_url: the URL that clients use, ending in ``/v1``.
        kubectl: what asks the cluster. Default: the stack's.
        api_key: a key, or a token where consumers are known by these, in place of the stack's own keys.
        through: the way to take. Default: as the stack says.
        seconds: how long all of it may take. Default: as the stack says.
        on_verdict: told every verdict as soon as it stands, which is not the order of the report.
    """
    settings = stack.verify
    run = Run(
        stack,
        kubectl or Kubectl.of(stack.cluster),
        api_key,
        time.monotonic() + (settings.timeout_seconds if seconds is None else seconds),
    )
    header = plan.any_caller(stack, api_key).header
    with way.found(base_url, front(stack), run.kubectl, through or settings.through, header) as found:
        return Report(found.through, tuple(_verdicts(run, found, on_verdict or _nobody)))


def _verdicts(run: Run, found: way.Way, tell: OnVerdict) -> list[Verdict]:
    tell(found.verdict)
    if found.client is None:
        with httpx.Client() as nobody:
            verdicts = [
                check.verdict(("not checked", "the gateway was not reached"))
                for check in Promises(run, nobody, None, "").checks()
            ]
        for verdict in verdicts:
            tell(verdict)
        return [found.verdict, *verdicts]
    with ExitStack() as forwards, ThreadPoolExecutor(AT_A_TIME) as pool:
        rehearsal, missing = _rehearsal(run, forwards)
        metrics = Metrics(run, pool)
        promises = Promises(run, found.client, rehearsal, missing)
        answers = _settled(run, promises.checks(), pool, tell)
        return [found.verdict, *answers, *_settled(run, metrics.checks(), pool, tell)]


def _rehearsal(run: Run, forwards: ExitStack) -> tuple[httpx.Client | None, str]:
    if not any(route.fallback for route in run.stack.all_routes):
        return None, ""
    try:
        return forwards.enter_context(way.forwarded(rehearsals(run.stack), run.kubectl)), ""
    except KubectlError as error:
        return None, f"fallbacks are rehearsed through a port forward, and there is none: {error.problem}"


def _settled(run: Run, checks: Iterable[Check], pool: ThreadPoolExecutor, tell: OnVerdict) -> list[Verdict]:
    """What becomes of checks. A promise that does not hold may only not have reached the gateway yet."""
    all_checks = list(checks)
    verdicts: dict[int, Verdict] = {}
    pending = list(range(len(all_checks)))
    while pending:
        for number, found in zip(pending, pool.map(lambda one: _look(run, all_checks[one]), pending), strict=True):
            # What was seen to fail stays so, but for another look at which it passes.
            if number not in verdicts or (found and found[0] != "not checked"):
                verdicts[number] = all_checks[number].verdict(found or _LATE)
            if verdicts[number].outcome != "failed":
                tell(verdicts[number])
        pending = [number for number in pending if verdicts[number].outcome == "failed"]
        if run.left <= PAUSE_SECONDS:
            break
        if pending:
            time.sleep(PAUSE_SECONDS)
    for number in pending:
        tell(verdicts[number])
    return [verdicts[number] for number in range(len(all_checks))]


def _look(run: Run, check: Check) -> Found | None:
    return check.look() if run.left > 0 else None


def _nobody(_: Verdict) -> None:
    """Nobody is told."""

"""Asks a gateway for everything that its stack promises."""

import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Literal

import httpx

from components.manifests.envoy.names import REHEARSE_HEADER
from stacks.kubectl import Kubectl, KubectlError
from stacks.settings import StackSettings
from stacks.verify import counters, judging, plan, way
from stacks.verify.asking import Answer, Question, ask, chat
from stacks.verify.counters import Reading
from stacks.verify.entrance import front, rehearsals
from stacks.verify.plan import Expected
from stacks.verify.questions import forms
from stacks.verify.report import NO_TIME, Outcome, Report, Verdict

AT_A_TIME = 4
"""Promises that are looked at side by side: few, for the models have clients of their own."""

PAUSE_SECONDS = 2.0
"""How long after a broken promise it is looked at again."""

ATTEMPT_SECONDS = 60.0
"""How long one answer may take."""

Found = tuple[Outcome, str]
OnVerdict = Callable[[Verdict], None]

_LATE: Found = ("not checked", NO_TIME)


@dataclass(frozen=True)
class _Check:
    check: str
    route: str | None
    what: str
    look: Callable[[], Found]

    def verdict(self, found: Found) -> Verdict:
        return Verdict(self.check, self.route, self.what, *found)


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
    run = _Run(
        stack,
        kubectl or Kubectl.of(stack.cluster),
        api_key,
        time.monotonic() + (settings.timeout_seconds if seconds is None else seconds),
    )
    header = plan.any_caller(stack, api_key).header
    with way.found(base_url, front(stack), run.kubectl, through or settings.through, header) as found:
        return Report(found.through, tuple(_verdicts(run, found, on_verdict or _nobody)))


def _verdicts(run: "_Run", found: way.Way, tell: OnVerdict) -> list[Verdict]:
    tell(found.verdict)
    if found.client is None:
        with httpx.Client() as nobody:
            verdicts = [
                check.verdict(("not checked", "the gateway was not reached")) for check in run.checks(nobody, None, "")
            ]
        for verdict in verdicts:
            tell(verdict)
        return [found.verdict, *verdicts]
    with ExitStack() as forwards, ThreadPoolExecutor(AT_A_TIME) as pool:
        rehearsal, missing = _rehearsal(run, forwards)
        metrics = _Metrics(run, pool)
        answers = run.settled(run.checks(found.client, rehearsal, missing), pool, tell)
        return [found.verdict, *answers, *run.settled(metrics.checks(), pool, tell)]


def _rehearsal(run: "_Run", forwards: ExitStack) -> tuple[httpx.Client | None, str]:
    entrance = rehearsals(run.stack)
    if entrance is None:
        return None, (
            f"the {run.stack.gateway.kind} gateway has no place where a fallback can be rehearsed: `modelyard drill` "
            "shows it, with pods that are killed"
        )
    if not any(route.fallback for route in run.stack.all_routes):
        return None, ""
    try:
        return forwards.enter_context(way.forwarded(entrance, run.kubectl)), ""
    except KubectlError as error:
        return None, f"fallbacks are rehearsed through a port forward, and there is none: {error.problem}"


@dataclass
class _Run:
    stack: StackSettings
    kubectl: Kubectl
    api_key: str | None
    deadline: float
    nonce: str = field(default_factory=lambda: uuid.uuid4().hex)
    answers: list[Answer] = field(default_factory=list)
    """Whole answers of routes, for the counters."""
    sent: list[None] = field(default_factory=list)
    """One entry for each request that the edge has answered."""

    @property
    def left(self) -> float:
        return self.deadline - time.monotonic()

    def settled(self, checks: Iterable[_Check], pool: ThreadPoolExecutor, tell: OnVerdict) -> list[Verdict]:
        """What becomes of checks. A promise that does not hold may only not have reached the gateway yet."""
        all_checks = list(checks)
        verdicts: dict[int, Verdict] = {}
        pending = list(range(len(all_checks)))
        while pending:
            for number, found in zip(pending, pool.map(lambda one: self._look(all_checks[one]), pending), strict=True):
                if found:
                    verdicts[number] = all_checks[number].verdict(found)
                # What was seen to fail stays so, where time ran out before another look.
                verdicts.setdefault(number, all_checks[number].verdict(_LATE))
                if verdicts[number].outcome != "failed":
                    tell(verdicts[number])
            pending = [number for number in pending if verdicts[number].outcome == "failed"]
            if self.left <= PAUSE_SECONDS:
                break
            if pending:
                time.sleep(PAUSE_SECONDS)
        for number in pending:
            tell(verdicts[number])
        return [verdicts[number] for number in range(len(all_checks))]

    def _look(self, check: _Check) -> Found | None:
        return check.look() if self.left > 0 else None

    def checks(self, client: httpx.Client, rehearsal: httpx.Client | None, missing: str) -> Iterator[_Check]:
        """Everything that is asked, but for the counters.

        Args:
            client: asks as clients do.
            rehearsal: asks for rehearsals of fallbacks. None: there is no place for them.
            missing: why there is none.
        """
        yield from self._of_gateway(client)
        for route in self.stack.all_routes:
            name = plan.label(route)
            for expected in plan.answers(route):
                yield _Check(expected.kind, name, expected.what, lambda e=expected: self._answered(client, e))  # type: ignore[misc]
            if self.stack.gateway.auth.consumers:
                what = "a request without a key is refused"
                question = self._questions(plan.answers(route)[0])[0]
                yield _Check("auth", name, what, lambda q=question: self._refused(client, q))  # type: ignore[misc]
            for expected in plan.fallbacks(route):
                yield _Check(
                    "fallback",
                    name,
                    expected.what,
                    lambda e=expected: self._answered(rehearsal, e) if rehearsal else ("not checked", missing),  # type: ignore[misc]
                )

    def _of_gateway(self, client: httpx.Client) -> Iterator[_Check]:
        listed = "the list of models has every route, and nothing else"
        yield _Check("models", None, listed, lambda: self._as_anybody(client, Question("/v1/models"), self._listed))
        unknown = f"no-such-model-{self.nonce[:8]}"
        question = Question("/v1/chat/completions", chat(unknown, "Hello", stream=False))
        yield _Check(
            "models",
            None,
            "a model that does not exist is refused",
            lambda: self._as_anybody(client, question, lambda answer: judging.not_unknown(answer, unknown)),
        )
        if self.stack.gateway.auth.consumers:
            what = "the list of models is refused without a key"
            yield _Check("auth", None, what, lambda: self._refused(client, Question("/v1/models")))
        else:
            why = "modelyard:gateway.auth.consumers names nobody, so the gateway asks for no key"
            yield _Check("auth", None, "requests without a key are refused", lambda: ("not checked", why))

    def _listed(self, answer: Answer) -> str | None:
        return judging.not_listed(answer, [route.model for route in self.stack.all_routes])

    def _as_anybody(self, client: httpx.Client, question: Question, judge: Callable[[Answer], str | None]) -> Found:
        caller = plan.any_caller(self.stack, self.api_key)
        if caller.missing:
            return "not checked", caller.missing
        answer = self._ask(client, question, caller)
        return _found(judging.refused_by_limit(answer), judge(answer))

    def _refused(self, client: httpx.Client, question: Question) -> Found:
        return _found(None, judging.not_refused(self._ask(client, question, plan.Caller())))

    def _answered(self, client: httpx.Client, expected: Expected) -> Found:
        caller = plan.caller(self.stack, expected.route, self.api_key)
        unknown = plan.unready(self.stack, expected) or plan.no_conversation(self.stack, expected) or caller.missing
        if unknown:
            return "not checked", unknown
        asked = [self._ask(client, question, caller) for question in self._questions(expected)[:1]]
        for question in self._questions(expected)[1:]:
            if not _serves_otherwise(asked[-1]):
                break
            asked.append(self._ask(client, question, caller))
        if expected.stream and _serves_otherwise(asked[-1]):
            return "not checked", f"{asked[0].served_by} takes neither chats nor completions, and streams nothing else"
        # Where no form suits, the answer to the usual one says most.
        answer = asked[0] if _serves_otherwise(asked[-1]) else asked[-1]
        found = _found(judging.refused_by_limit(answer), judging.broken_promise(self.stack, expected, answer))
        if found[0] == "passed":
            self.answers.append(answer)
        return found

    def _questions(self, expected: Expected) -> list[Question]:
        # Never the same words twice: a cache of answers would answer in the model's place.
        words = f"Verification {self.nonce}: say OK."
        places = ((REHEARSE_HEADER, str(expected.places)),) if expected.places else ()
        return forms(self.stack, expected.route, words, stream=expected.stream, headers=places)

    def _ask(self, client: httpx.Client, question: Question, caller: plan.Caller) -> Answer:
        headers = (*question.headers, caller.header) if caller.header else question.headers
        seconds = max(1.0, min(ATTEMPT_SECONDS, self.left))
        answer = ask(client, Question(question.path, question.body, headers), seconds=seconds)
        if answer.status is not None and REHEARSE_HEADER not in dict(headers):
            self.sent.append(None)
        return answer


class _Metrics:
    """The counters before and after. They are read before the first question, when this is made."""

    def __init__(self, run: _Run, pool: ThreadPoolExecutor) -> None:
        self._run = run
        names = [model.name for model in run.stack.models]
        namespace = run.stack.cluster.namespace

        def read(name: str) -> Reading:
            return counters.of_model(run.kubectl, name, namespace) if run.left > 0 else Reading({}, NO_TIME)

        self._before = dict(zip(names, pool.map(read, names), strict=True))
        self._gateway = counters.of_gateway(run.kubectl, run.stack) if run.stack.gateway.kind == "envoy" else None

    def checks(self) -> Iterator[_Check]:
        for name in self._before:
            what = f"{name} counts the tokens that it takes"
            yield _Check("metrics", None, what, lambda name=name: self._of_model(name))  # type: ignore[misc]
        if self._gateway:
            gateway = self._gateway
            what = "the gateway counts the requests that it takes"
            yield _Check("metrics", None, what, lambda: self._of_gateway(gateway))

    def _of_model(self, name: str) -> Found:
        usages = [answer.usage for answer in self._run.answers if answer.served_by == name and answer.usage]
        if not usages:
            return "not checked", f"{name} has answered nothing of what was asked"
        least = {
            counters.PROMPT_TOKENS: sum(usage["prompt_tokens"] for usage in usages),
            counters.ANSWER_TOKENS: sum(usage.get("completion_tokens", 0) for usage in usages),
        }
        after = counters.of_model(self._run.kubectl, name, self._run.stack.cluster.namespace)
        return _moved(self._before[name], after, least)

    def _of_gateway(self, before: Reading) -> Found:
        after = counters.of_gateway(self._run.kubectl, self._run.stack)
        return _moved(before, after, {counters.REQUESTS: len(self._run.sent)})


def _moved(before: Reading, after: Reading, least: dict[str, int]) -> Found:
    for reading in (before, after):
        if reading.unknown:
            return "not checked", reading.unknown
    for name, by in least.items():
        moved = after.moved(before, name)
        if moved < by and set(before.pods) - set(after.pods):
            return "not checked", "pods were replaced meanwhile, and their counts are gone"
        if moved < by:
            return "failed", (
                f"{name} moved by {moved:.0f} where {by} were to be counted: look whether the pods still show their "
                "counters, and whether the requests came to them"
            )
    return "passed", f"{', '.join(least)} moved"


def _nobody(_: Verdict) -> None:
    """Nobody is told."""


def _found(unknown: str | None, broken: str | None) -> Found:
    if unknown:
        return "not checked", unknown
    if broken:
        return "failed", broken
    return "passed", "as promised"


def _serves_otherwise(answer: Answer) -> bool:
    """Whether the model itself says that it cannot be asked in this form."""
    return answer.status in (400, 404) and answer.served_by is not None

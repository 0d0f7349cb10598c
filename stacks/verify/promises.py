"""The promises of a gateway, each with how to look whether it is kept."""

import itertools
import time
from collections.abc import Callable, Iterator

import httpx

from components.manifests.envoy.names import REHEARSE_HEADER
from stacks.verify import judging, plan
from stacks.verify.asking import Answer, Question, chat
from stacks.verify.plan import Expected
from stacks.verify.questions import forms
from stacks.verify.run import Check, Found, Run

HEARINGS = 5
"""How often a rehearsal is sent to a gateway that does not hear it."""
HEARING_PAUSE_SECONDS = 2.0
"""How long between two of them."""


class Promises:
    """All promises but for the counters.

    Args:
        run: the verification.
        client: asks as clients do.
        rehearsal: asks for rehearsals of fallbacks. None: there is no place for them.
        missing: why there is none.
    """

    def __init__(self, run: Run, client: httpx.Client, rehearsal: httpx.Client | None, missing: str) -> None:
        self._run = run
        self._client = client
        self._rehearsal = rehearsal
        self._missing = missing
        self._numbers = itertools.count(1)

    def checks(self) -> Iterator[Check]:
        """How to look at each of them."""
        client, rehearsal, missing = self._client, self._rehearsal, self._missing
        yield from self._of_gateway(client)
        for route in self._run.stack.all_routes:
            name = plan.label(route)
            for expected in plan.answers(route):
                yield Check(expected.kind, name, expected.what, lambda e=expected: self._answered(client, e))  # type: ignore[misc]
            if self._run.stack.gateway.auth.consumers:
                what = "a request without a key is refused"
                question = self._questions(plan.answers(route)[0])[0]
                yield Check("auth", name, what, lambda q=question: self._refused(client, q))  # type: ignore[misc]
            for expected in plan.fallbacks(route):
                yield Check(
                    "fallback",
                    name,
                    expected.what,
                    lambda e=expected: self._answered(rehearsal, e) if rehearsal else ("not checked", missing),  # type: ignore[misc]
                )

    def _of_gateway(self, client: httpx.Client) -> Iterator[Check]:
        listed = "the list of models has every route, and nothing else"
        yield Check("models", None, listed, lambda: self._as_anybody(client, Question("/v1/models"), self._listed))
        unknown = f"no-such-model-{self._run.nonce[:8]}"
        question = Question("/v1/chat/completions", chat(unknown, "Hello", stream=False))
        yield Check(
            "models",
            None,
            "a model that does not exist is refused",
            lambda: self._as_anybody(client, question, lambda answer: judging.not_unknown(answer, unknown)),
        )
        if self._run.stack.gateway.auth.consumers:
            what = "the list of models is refused without a key"
            yield Check("auth", None, what, lambda: self._refused(client, Question("/v1/models")))
        else:
            why = "modelyard:gateway.auth.consumers names nobody, so the gateway asks for no key"
            yield Check("auth", None, "requests without a key are refused", lambda: ("not checked", why))

    def _listed(self, answer: Answer) -> str | None:
        return judging.not_listed(answer, [route.model for route in self._run.stack.all_routes])

    def _as_anybody(self, client: httpx.Client, question: Question, judge: Callable[[Answer], str | None]) -> Found:
        caller = plan.any_caller(self._run.stack, self._run.api_key)
        if caller.missing:
            return "not checked", caller.missing
        answer = self._run.ask(client, question, caller)
        return _found(judging.refused_by_limit(answer), judge(answer))

    def _refused(self, client: httpx.Client, question: Question) -> Found:
        return _found(None, judging.not_refused(self._run.ask(client, question, plan.Caller())))

    def _answered(self, client: httpx.Client, expected: Expected) -> Found:
        caller = plan.caller(self._run.stack, expected.route, self._run.api_key)
        unknown = (
            plan.unready(self._run.stack, expected) or plan.no_conversation(self._run.stack, expected) or caller.missing
        )
        if unknown:
            return "not checked", unknown
        answer, unknown = self._heard(client, expected, caller)
        found = _found(
            unknown or judging.refused_by_limit(answer), judging.broken_promise(self._run.stack, expected, answer)
        )
        if found[0] == "passed":
            self._run.answers.append(answer)
        return found

    def _heard(self, client: httpx.Client, expected: Expected, caller: plan.Caller) -> tuple[Answer, str | None]:
        """The answer, and why it says nothing. What was changed just now is not heard by every gateway at once."""
        for _ in range(HEARINGS):
            answer, unknown = self._asked(client, expected, caller)
            unheard = judging.unheard_rehearsal(self._run.stack, expected, answer)
            if not unheard or self._run.left <= HEARING_PAUSE_SECONDS:
                break
            time.sleep(HEARING_PAUSE_SECONDS)
        return answer, unknown or unheard

    def _asked(self, client: httpx.Client, expected: Expected, caller: plan.Caller) -> tuple[Answer, str | None]:
        first, *others = self._questions(expected)
        usual = answer = self._run.ask(client, first, caller)
        for question in others:
            if not _serves_otherwise(answer):
                break
            answer = self._run.ask(client, question, caller)
        if not _serves_otherwise(answer):
            return answer, None
        if expected.stream:
            return usual, f"{usual.served_by} takes neither chats nor completions, and streams nothing else"
        # Where no form suits, the answer to the usual one says most.
        return usual, None

    def _questions(self, expected: Expected) -> list[Question]:
        # Never the same words twice: a cache of answers would answer in the model's place.
        words = f"Verification {self._run.nonce}, question {next(self._numbers)}: say OK."
        places = ((REHEARSE_HEADER, str(expected.places)),) if expected.places else ()
        return forms(self._run.stack, expected.route, words, stream=expected.stream, headers=places)


def _found(unknown: str | None, broken: str | None) -> Found:
    if unknown:
        return "not checked", unknown
    if broken:
        return "failed", broken
    return "passed", "as promised"


def _serves_otherwise(answer: Answer) -> bool:
    """Whether the model itself says that it cannot be asked in this form."""
    return answer.status in (400, 404) and answer.served_by is not None

"""The promises of a gateway, each with how to look whether it is kept."""

from collections.abc import Callable, Iterator

import httpx

from components.manifests.envoy.names import REHEARSE_HEADER
from stacks.verify import judging, plan
from stacks.verify.asking import Answer, Question, chat
from stacks.verify.plan import Expected
from stacks.verify.questions import forms
from stacks.verify.run import Check, Found, Run


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
        asked = [self._run.ask(client, question, caller) for question in self._questions(expected)[:1]]
        for question in self._questions(expected)[1:]:
            if not _serves_otherwise(asked[-1]):
                break
            asked.append(self._run.ask(client, question, caller))
        if expected.stream and _serves_otherwise(asked[-1]):
            return "not checked", f"{asked[0].served_by} takes neither chats nor completions, and streams nothing else"
        # Where no form suits, the answer to the usual one says most.
        answer = asked[0] if _serves_otherwise(asked[-1]) else asked[-1]
        unheard = judging.refused_by_limit(answer) or judging.unheard_rehearsal(self._run.stack, expected, answer)
        found = _found(unheard, judging.broken_promise(self._run.stack, expected, answer))
        if found[0] == "passed":
            self._run.answers.append(answer)
        return found

    def _questions(self, expected: Expected) -> list[Question]:
        # Never the same words twice: a cache of answers would answer in the model's place.
        words = f"Verification {self._run.nonce}: say OK."
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

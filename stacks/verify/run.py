"""What all checks of one verification share: the stack, the time that is left, and what was asked."""

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

import httpx

from components.manifests.envoy.names import REHEARSE_HEADER
from stacks.kubectl import Kubectl
from stacks.settings import StackSettings
from stacks.verify.asking import Answer, Question, ask
from stacks.verify.plan import Caller
from stacks.verify.report import Outcome, Verdict

ATTEMPT_SECONDS = 60.0
"""How long one answer may take."""

Found = tuple[Outcome, str]
"""What became of a check, and why."""


@dataclass(frozen=True)
class Check:
    """A promise, and how to look whether it is kept."""

    check: str
    """What kind of promise it is."""
    route: str | None
    """The route, or None where it is about the gateway as a whole."""
    what: str
    """The promise, as a short sentence."""
    look: Callable[[], Found]
    """Looks."""

    def verdict(self, found: Found) -> Verdict:
        """The verdict on it."""
        return Verdict(self.check, self.route, self.what, *found)


@dataclass
class Run:
    """One verification."""

    stack: StackSettings
    """The stack."""
    kubectl: Kubectl
    """What asks the cluster."""
    api_key: str | None
    """A key or token in place of the stack's own keys."""
    deadline: float
    """When it has to end, by the monotonic clock."""
    nonce: str = field(default_factory=lambda: uuid.uuid4().hex)
    """What tells its questions from those of all others."""
    answers: list[Answer] = field(default_factory=list)
    """Answers of routes that were as promised, for the counters."""
    sent: list[None] = field(default_factory=list)
    """One entry for each request that the gateway's edge has answered."""

    @property
    def left(self) -> float:
        """The seconds that are left."""
        return self.deadline - time.monotonic()

    def ask(self, client: httpx.Client, question: Question, caller: Caller) -> Answer:
        """The answer to a question of a caller."""
        headers = (*question.headers, caller.header) if caller.header else question.headers
        seconds = max(1.0, min(ATTEMPT_SECONDS, self.left))
        answer = ask(client, Question(question.path, question.body, headers), seconds=seconds)
        if answer.status is not None and REHEARSE_HEADER not in dict(headers):
            self.sent.append(None)
        return answer

"""What clients see of each model that shares a route's requests, by requests of our own."""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stacks.automation.errors import SettingsRefusedError, UnreachableError
from stacks.automation.options import DEFAULTS, Options

if TYPE_CHECKING:
    import httpx

    from stacks.drill import Sample
    from stacks.verify.asking import Question

WORDS = "What is the capital of France?"
MAX_TOKENS = 24
"""Length of the answers, in tokens."""


@dataclass(frozen=True)
class ModelMeasurement:
    """What clients see of one model."""

    requests: int
    """How many requests went to it, as far as that is known: it answered them, or it is the route's only upstream."""
    failed: int
    """How many of them it did not answer whole. Of an only upstream, those that another model answered too."""
    ttft_p50: float | None
    """Time to the first token, in seconds, that half of its answers kept. None: it gave no streamed one."""
    ttft_p95: float | None
    """The one that 95 % of its answers kept."""

    @property
    def error_rate(self) -> float:
        """The share of requests that it did not answer, from 0 to 1."""
        return self.failed / self.requests if self.requests else 0.0


@dataclass(frozen=True)
class Measurement:
    """What clients see of a route."""

    models: Mapping[str, ModelMeasurement]
    """By model, or ``model@adapter`` as upstreams are called, those that were asked."""
    unanswered: int
    """How many requests no model of the route answered."""
    fallen_back: int = 0
    """How many a fallback answered in place of one of several upstreams, or one of these that share a model failed. The
    gateway does not say which of them."""
    unsent: int = 0
    """How many were due and never sent, for too many were under way: the route is too slow for ``per_second``."""


def measure(
    stack: str,
    route: str,
    *,
    seconds: float = 60.0,
    per_second: float = 5.0,
    api_key: str | None = None,
    options: Options = DEFAULTS,
) -> Measurement:
    """Ask a route for answers, streamed where its models can, and look how they answer.

    Args:
        stack: the stack's name.
        route: the route's ``model``.
        seconds: how long.
        per_second: requests a second. A canary with 10 % needs many, until enough of them reach it.
        api_key: a key, or a token where consumers are known by these. Default: the stack's own first key.
        options: how the stack's settings and outputs are read, and the environment of ``kubectl``.

    Raises:
        SettingsRefusedError: there is no such route, or nobody may ask it with what the stack knows.
        AutomationError: the stack is not up, or the cluster cannot be asked.
    """
    from stacks.automation.promotion import name_of
    from stacks.automation.running import cluster_errors, running
    from stacks.drill.load import Load
    from stacks.kubectl import Kubectl
    from stacks.verify import plan, way
    from stacks.verify.entrance import front
    from stacks.verify.questions import forms

    found = running(stack, options)
    settings = found.settings
    asked = next((each for each in settings.all_routes if each.model == route and not each.headers), None)
    if asked is None:
        known = ", ".join(f"'{each.model}'" for each in settings.all_routes)
        raise SettingsRefusedError(f"The stack '{stack}' has no route '{route}'.", f"Name one of {known}.")
    caller = plan.caller(settings, asked, api_key)
    if caller.missing:
        raise SettingsRefusedError(f"The route '{route}' cannot be asked: {caller.missing}.", "Give a key or token.")
    headers = (caller.header,) if caller.header else ()
    possible = forms(settings, asked, WORDS, stream=True, max_tokens=MAX_TOKENS, headers=headers)
    base_url, kubectl = found.outputs["base_url"], Kubectl.of(settings.cluster, options.environment)
    with (
        cluster_errors(),
        way.found(base_url, front(settings), kubectl, settings.verify.through, caller.header) as way_in,
    ):
        if way_in.client is None:
            raise UnreachableError(f"The gateway was not reached: {way_in.verdict.why}", "See to that first.")
        question = form(way_in.client, possible)
        with Load(
            way_in.client,
            question,
            question,
            per_second=per_second,
            is_streamed=lambda number: True,
            observe=lambda sample: None,
        ) as load:
            time.sleep(seconds)
    return measured(load.samples, [name_of(target) for target in asked.targets if target.weight], load.unsent)


def form(client: "httpx.Client", possible: "Sequence[Question]") -> "Question":
    """The first form in which the route answers. Where it answers none, the likeliest one, whose failures count."""
    from stacks.drill.load import sampled
    from stacks.drill.losing import FIRST_ANSWER_SECONDS
    from stacks.verify.asking import ask

    for question in possible:
        if sampled(question, 0.0, ask(client, question, seconds=FIRST_ANSWER_SECONDS)).error is None:
            return question
    return possible[0]


def measured(samples: "Sequence[Sample]", upstreams: Sequence[str], unsent: int = 0) -> Measurement:
    """What a series of requests says of each model.

    Args:
        samples: the requests.
        upstreams: the models that share the route's requests, an adapter as ``model@adapter``. Only of a single one it
            is known that it failed where a fallback answered: gateways name the route there.
        unsent: how many requests were due beside these.
    """
    only = upstreams[0] if len(set(upstreams)) == 1 else None
    answered = [sample for sample in samples if sample.served_by is not None]
    first = [only if sample.fallback_from is not None else _upstream(sample, upstreams) for sample in answered]
    models = {}
    for model in sorted({name for name in first if name is not None}):
        own = [sample for sample, name in zip(answered, first, strict=True) if name == model]
        whole = [sample for sample in own if sample.error is None and sample.fallback_from is None]
        waits = sorted(sample.first_byte_seconds for sample in whole if sample.first_byte_seconds is not None)
        models[model] = ModelMeasurement(len(own), len(own) - len(whole), _kept(waits, 0.5), _kept(waits, 0.95))
    return Measurement(models, len(samples) - len(answered), first.count(None), unsent)


def _upstream(sample: "Sample", upstreams: Sequence[str]) -> str | None:
    """The upstream that answered. None: several of a model did, and the answer does not say which."""
    of_model = [each for each in set(upstreams) if each.partition("@")[0] == sample.served_by]
    if len(of_model) < 2:
        return of_model[0] if of_model else sample.served_by
    if sample.model is None:
        return None
    adapter = f"{sample.served_by}@{sample.model}"
    return adapter if adapter in of_model else sample.served_by


def _kept(waits: Sequence[float], share: float) -> float | None:
    """The wait that this share of all kept, by the nearest rank."""
    return waits[math.ceil(share * len(waits)) - 1] if waits else None

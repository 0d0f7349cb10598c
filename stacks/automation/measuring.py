"""What clients see of each model that shares a route's requests, by requests of our own."""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stacks.automation.errors import SettingsRefusedError, UnreachableError
from stacks.automation.options import DEFAULTS, Options

if TYPE_CHECKING:
    from stacks.drill import Sample

WORDS = "What is the capital of France?"
MAX_TOKENS = 24
"""Length of the answers, in tokens."""


@dataclass(frozen=True)
class ModelMeasurement:
    """What clients see of one model."""

    requests: int
    """How many requests went to it first."""
    failed: int
    """How many of them it did not answer whole, whether or not another model answered in its place."""
    ttft_p50: float | None
    """Time to the first token, in seconds, that half of its answers kept. None: it gave no answer."""
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
    """By model, those that were asked."""
    unanswered: int
    """How many requests no model of the route answered."""


def measure(
    stack: str,
    route: str,
    *,
    seconds: float = 60.0,
    per_second: float = 5.0,
    api_key: str | None = None,
    options: Options = DEFAULTS,
) -> Measurement:
    """Ask a route for streamed answers, and look how its models answer.

    Args:
        stack: the stack's name.
        route: the route's ``model``.
        seconds: how long.
        per_second: requests a second. A canary with 10 % needs many, until enough of them reach it.
        api_key: a key, or a token where consumers are known by these. Default: the stack's own first key.
        options: how the stack's settings and outputs are read.

    Raises:
        SettingsRefusedError: there is no such route, or nobody may ask it with what the stack knows.
        AutomationError: the stack is not up, or the cluster cannot be asked.
    """
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
    question = forms(settings, asked, WORDS, stream=True, max_tokens=MAX_TOKENS, headers=headers)[0]
    base_url, kubectl = found.outputs["base_url"], Kubectl.of(settings.cluster)
    with (
        cluster_errors(),
        way.found(base_url, front(settings), kubectl, settings.verify.through, caller.header) as way_in,
    ):
        if way_in.client is None:
            raise UnreachableError(f"The gateway was not reached: {way_in.verdict.why}", "See to that first.")
        with Load(
            way_in.client,
            question,
            question,
            per_second=per_second,
            is_streamed=lambda number: True,
            observe=lambda sample: None,
        ) as load:
            time.sleep(seconds)
    return measured(load.samples)


def measured(samples: "Sequence[Sample]") -> Measurement:
    """What a series of requests says of each model: one that another model answered failed at the first."""
    first = [sample.fallback_from or sample.served_by for sample in samples]
    models = {}
    for model in sorted({name for name in first if name}):
        own = [sample for sample, name in zip(samples, first, strict=True) if name == model]
        whole = [sample for sample in own if sample.error is None and sample.fallback_from is None]
        waits = sorted(sample.first_byte_seconds for sample in whole if sample.first_byte_seconds is not None)
        models[model] = ModelMeasurement(len(own), len(own) - len(whole), _kept(waits, 0.5), _kept(waits, 0.95))
    return Measurement(models, first.count(None))


def _kept(waits: Sequence[float], share: float) -> float | None:
    """The wait that this share of all kept, by the nearest rank."""
    return waits[math.ceil(share * len(waits)) - 1] if waits else None

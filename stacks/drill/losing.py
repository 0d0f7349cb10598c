"""Kills the pods of models under load, and looks what clients notice."""

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Literal

import httpx

from stacks.drill.load import AT_A_TIME, Load
from stacks.drill.report import Loss, Report, Sample
from stacks.kubectl import Kubectl, KubectlError
from stacks.settings import RouteSettings, StackSettings
from stacks.verify import plan, way
from stacks.verify.asking import Answer, Question, ask
from stacks.verify.entrance import front
from stacks.verify.pods import ready_pods
from stacks.verify.questions import forms

PER_SECOND = 2.0
"""Requests a second, where nothing else is said: a client that asks now and then, for the models have others."""

RECOVERY_SECONDS = 900.0
"""How long a model may take to answer again, where nothing else is said."""

BEFORE_SECONDS = 5.0
"""How long a route is asked before the pods are killed."""

AFTER_SECONDS = 5.0
"""How long its model must answer all that is asked until it counts as back."""

MAX_TOKENS = 24
"""Length of the answers: long enough that some are under way when the pods are killed."""

FIRST_ANSWER_SECONDS = 60.0
"""How long the model may take for the answer that shows that it is well."""

_LOOK_SECONDS = 0.1

Kill = Callable[[], Sequence[str]]
OnSample = Callable[[Sample], None]


class DrillError(Exception):
    """A drill that cannot be held, with nothing killed.

    Args:
        problem: what was wanted, and why it cannot be.
        remedy: what to do about it.
    """

    def __init__(self, problem: str, remedy: str) -> None:
        self.problem = problem
        self.remedy = remedy
        super().__init__(f"{problem}\n{remedy}")


def drill(
    stack: StackSettings,
    base_url: str,
    *,
    name: str,
    routes: Sequence[str] = (),
    kubectl: Kubectl | None = None,
    api_key: str | None = None,
    through: Literal["auto", "base_url", "port_forward"] | None = None,
    per_second: float = PER_SECOND,
    recovery_seconds: float = RECOVERY_SECONDS,
    on_sample: OnSample | None = None,
    on_loss: Callable[[Loss], None] | None = None,
) -> Report:
    """Kill the pods of one model after the other, each under requests to a route that falls back from it.

    All ready pods of a model are killed at once, without their time to stop, as a lost node would. Clients of the
    model are answered by the others of its chain until it is back.

    Args:
        stack: the stack.
        base_url: the URL that clients use, ending in ``/v1``.
        name: the stack's name, for the report.
        routes: the routes to ask, by their ``model``. Default: for each model one that falls back from it.
        kubectl: what asks the cluster. Default: the stack's.
        api_key: a key or token in place of the stack's own keys.
        through: the way to the gateway. Default: as ``verify.through`` says.
        per_second: requests a second.
        recovery_seconds: how long a model may take to answer again.
        on_sample: told every request, as it ends.
        on_loss: told what each loss came to.

    Raises:
        DrillError: when it cannot be held, before anything is killed. What comes in the way later is a problem of that
            loss.
        KubectlError: when the cluster cannot be asked, before anything is killed.
    """
    chosen = _chosen(stack, routes)
    used = kubectl or Kubectl.of(stack.cluster)
    began = datetime.now(UTC).isoformat(timespec="seconds")
    losses: list[Loss] = []
    header = plan.any_caller(stack, api_key).header
    with way.found(base_url, front(stack), used, through or stack.verify.through, header) as found:
        if found.client is None:
            raise DrillError(f"The gateway was not reached: {found.verdict.why}", "See to that first.")
        for route in chosen:
            _questions(stack, route, found.client, api_key)
        for route in chosen:
            model = lost_model(route)
            try:
                pods = _pods(stack, used, model)
                loss = lose(
                    stack,
                    route,
                    found.client,
                    kill=lambda pods=pods: _kill(stack, used, pods),  # type: ignore[misc]
                    api_key=api_key,
                    per_second=per_second,
                    recovery_seconds=recovery_seconds,
                    on_sample=on_sample,
                )
            except (DrillError, KubectlError) as error:
                # What earlier losses came to is kept.
                if not losses:
                    raise
                loss = Loss(plan.label(route), model, tuple(route.fallback), (), (), None, None, (error.problem,))
            losses.append(loss)
            if on_loss:
                on_loss(losses[-1])
    return Report(name, began, tuple(losses))


def lost_model(route: RouteSettings) -> str:
    """The model whose loss a route shows: of those that share its requests the one with the most."""
    return max(route.targets, key=lambda target: target.weight).model


def _pods(stack: StackSettings, kubectl: Kubectl, model: str) -> list[str]:
    """All ready pods of a model. They are listed before they are killed: times are taken from the kill."""
    namespace = stack.cluster.namespace
    pods = ready_pods(kubectl, model, namespace)
    if not pods:
        raise DrillError(
            f"'{model}' has no ready pod in the namespace '{namespace}', so there is nothing to kill.",
            "Wait until it is ready: `modelyard status` says what it does.",
        )
    return pods


def _kill(stack: StackSettings, kubectl: Kubectl, pods: Sequence[str]) -> list[str]:
    killed = kubectl.delete("pod", *pods, namespace=stack.cluster.namespace, now=True)
    if not killed:
        raise DrillError(
            f"{', '.join(pods)} went before the drill could kill them.", "Hold it again when the model is left alone."
        )
    return killed


def lose(
    stack: StackSettings,
    route: RouteSettings,
    client: httpx.Client,
    *,
    kill: Kill,
    api_key: str | None = None,
    per_second: float = PER_SECOND,
    recovery_seconds: float = RECOVERY_SECONDS,
    careful: bool = False,
    on_sample: OnSample | None = None,
) -> Loss:
    """Ask a route, kill its model under it, and go on until the model answers again.

    Args:
        stack: the stack.
        route: the route. Plain and streamed answers are asked for by turns.
        client: the way to the gateway.
        kill: kills the pods, and says which. Nothing else, for times are taken from when it is called.
        api_key: a key or token in place of the stack's own keys.
        per_second: requests a second.
        recovery_seconds: how long the model may take to answer again.
        careful: whether streams begin only once another model answers, so that none is cut when the pods die.
        on_sample: told every request, as it ends.

    Returns:
        What it came to. Where ``kill`` fails of the cluster, the loss ends with that: some pods may have been killed.

    Raises:
        DrillError: when the model does not answer for itself before anything is killed.
    """
    model = lost_model(route)
    killed: tuple[str, ...] = ()
    refusal: str | None = None
    plain, streamed = _questions(stack, route, client, api_key)
    fallen_back = False

    def observe(sample: Sample) -> None:
        nonlocal fallen_back
        fallen_back = fallen_back or sample.fallback_from is not None
        if on_sample:
            on_sample(sample)

    with Load(
        client,
        plain,
        streamed,
        per_second=per_second,
        is_streamed=lambda number: number % 2 == 1 and (fallen_back or not careful),
        observe=observe,
    ) as load:
        time.sleep(BEFORE_SECONDS)
        load.zero = time.monotonic()
        try:
            killed = tuple(kill())
        except KubectlError as error:
            refusal = error.problem
        while not refusal and time.monotonic() - load.zero < recovery_seconds and not _is_over(load, model):
            time.sleep(_LOOK_SECONDS)
    if refusal:
        return Loss(
            plan.label(route), model, tuple(route.fallback), (), load.samples, None, None, (refusal,), load.unsent
        )
    return judged(route, model, killed, load.samples, recovery_seconds, load.unsent)


def judged(
    route: RouteSettings,
    model: str,
    killed: tuple[str, ...],
    samples: tuple[Sample, ...],
    recovery_seconds: float,
    unsent: int = 0,
) -> Loss:
    """What a loss came to."""
    first, back = first_fallback(samples, model), recovery(samples, model)
    problems = []
    if failed := [sample for sample in samples if sample.error is not None and not sample.cut]:
        problems.append(
            f"{len(failed)} of {len(samples)} requests failed, the first of them {failed[0].at:.1f} s after the pods "
            f"were killed: {failed[0].error}"
        )
    if unsent:
        problems.append(f"{unsent} requests were not sent in time, for {AT_A_TIME} were under way: ask fewer a second")
    if first is None:
        problems.append(f"no other model answered for {model}, so what fallback does was not seen")
    if back is None:
        problems.append(f"{model} did not answer for itself again within {recovery_seconds:.0f} s")
    expected = {target.model for target in route.targets} | set(route.fallback)
    if strange := sorted({str(sample.served_by) for sample in samples if sample.error is None} - expected):
        problems.append(f"{', '.join(strange)} answered, and the route does not name them")
    return Loss(plan.label(route), model, tuple(route.fallback), killed, samples, first, back, tuple(problems), unsent)


def first_fallback(samples: Sequence[Sample], model: str) -> float | None:
    """When the first answer of another model was whole, in seconds from the kill. None: there was none."""
    return min((each.at + each.seconds for each in _whole(samples) if _of_another(each, model)), default=None)


def recovery(samples: Sequence[Sample], model: str) -> float | None:
    """When the model's own first answer was whole after which it gave all others, in seconds from the kill.

    None: there was none. What comes before a later loss says nothing: pods that die still answer for a moment.
    """
    lost = _last_lost(samples, model)
    if lost is None:
        return None
    own = [each for each in _whole(samples) if each.served_by == model and each.at > lost]
    return min((each.at + each.seconds for each in own), default=None)


def _last_lost(samples: Sequence[Sample], model: str) -> float | None:
    """When the last request was sent that the model itself did not answer. None: it answered all."""
    return max(
        (each.at for each in samples if each.at + each.seconds > 0 and (each.error or _of_another(each, model))),
        default=None,
    )


def _is_over(load: Load, model: str) -> bool:
    """Whether the model has answered all that was asked for a while."""
    samples = load.samples
    back = recovery(samples, model)
    return back is not None and time.monotonic() - load.zero > back + AFTER_SECONDS


def _whole(samples: Sequence[Sample]) -> list[Sample]:
    return [sample for sample in samples if sample.error is None and sample.at + sample.seconds > 0]


def _of_another(sample: Sample, model: str) -> bool:
    return sample.served_by is not None and sample.served_by != model and sample.fallback_from is not None


def _chosen(stack: StackSettings, names: Sequence[str]) -> list[RouteSettings]:
    able = [route for route in stack.all_routes if route.fallback]
    if not able:
        raise DrillError(
            "modelyard:routes: no route of this stack has a fallback, so with a model its answers are lost.",
            "Give a route a fallback first.",
        )
    if not names:
        # One loss a model is enough.
        return list({lost_model(route): route for route in reversed(able)}.values())[::-1]
    found = {route.model: route for route in reversed(able)}
    if unknown := [name for name in names if name not in found]:
        known = ", ".join(f"'{name}'" for name in sorted(found))
        raise DrillError(
            f"'{unknown[0]}' is no route of this stack that has a fallback.", f"Name one of these: {known}."
        )
    return [found[name] for name in names]


def _questions(
    stack: StackSettings, route: RouteSettings, client: httpx.Client, api_key: str | None
) -> tuple[Question, Question | None]:
    """The form in which the route's model answers for itself, plain and, where there is one, streamed."""
    caller = plan.caller(stack, route, api_key)
    if caller.missing:
        raise DrillError(f"The route '{plan.label(route)}' cannot be asked: {caller.missing}.", "Give a key or token.")
    headers = (caller.header,) if caller.header else ()
    words = "What is the capital of France?"
    answers: list[Answer] = []
    for plain in forms(stack, route, words, stream=False, max_tokens=MAX_TOKENS, headers=headers):
        answer = ask(client, plain, seconds=FIRST_ANSWER_SECONDS)
        answers.append(answer)
        if answer.status == 200 and answer.fallback_from is None and not answer.problem:
            streams = forms(stack, route, words, stream=True, max_tokens=MAX_TOKENS, headers=headers)
            return plain, next((each for each in streams if each.path == plain.path and each.streamed), None)
    first = answers[0]
    said = first.problem or f"status {first.status}, served by {first.served_by}"
    raise DrillError(
        f"The route '{plan.label(route)}' is not answered by its own model even before anything is killed: {said}.",
        "Have it answer first: `modelyard verify` says more.",
    )

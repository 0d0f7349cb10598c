"""Rules about how many replicas a model has, and about models that may have none."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from stacks.rules.rule import Rule
from stacks.startup import replica_seconds

if TYPE_CHECKING:
    from stacks.settings import RouteSettings, StackSettings


def _replicas_or_autoscaling(stack: "StackSettings") -> Iterator[str]:
    for index, model in enumerate(stack.models):
        scaling = model.autoscaling
        if scaling and model.replicas is not None:
            yield (
                f"modelyard:models[{index}].replicas: {model.replicas} together with autoscaling, and each would "
                "undo the other: leave replicas out, and write autoscaling.minReplicas"
            )
        if scaling and scaling.min_replicas >= scaling.max_replicas:
            yield (
                f"modelyard:models[{index}].autoscaling.minReplicas: {scaling.min_replicas} leaves no room below "
                f"maxReplicas {scaling.max_replicas}: write a smaller one"
            )


def _only_keda(stack: "StackSettings") -> Iterator[str]:
    for index, model in enumerate(stack.models):
        scaling, path = model.autoscaling, f"modelyard:models[{index}].autoscaling"
        if scaling is None:
            continue
        if scaling.kind == "hpa" and scaling.min_replicas == 0:
            yield (
                f"{path}.minReplicas: 0 with kind 'hpa', whose autoscaler starts nothing once there is no replica to "
                "measure: write kind: keda, or minReplicas: 1"
            )
        if scaling.kind == "hpa" and scaling.target_ttft_seconds is not None:
            yield (
                f"{path}.targetTtftSeconds: {scaling.target_ttft_seconds:g} with kind 'hpa', to which a metrics "
                "adapter gives counts of pods and no quantiles: write kind: keda, or leave it out"
            )
        if scaling.kind == "keda" and stack.prometheus is None:
            yield (
                f"{path}.kind: 'keda', which asks a Prometheus, and the stack names none: write modelyard:prometheus "
                "with its url, or kind: hpa"
            )


def _idle_models_have_started(stack: "StackSettings") -> Iterator[str]:
    for index, model in enumerate(stack.models):
        scaling = model.autoscaling
        if scaling is None or scaling.idle_seconds is None:
            continue
        path, start = f"modelyard:models[{index}].autoscaling.idleSeconds", replica_seconds(model)
        if scaling.min_replicas > 0:
            yield (
                f"{path}: {scaling.idle_seconds} with minReplicas {scaling.min_replicas}, so the last replica never "
                "goes: write minReplicas: 0, or leave it out"
            )
        elif scaling.idle_seconds < start:
            yield (
                f"{path}: {scaling.idle_seconds}, but a start may take {start} seconds with its node and image, so a "
                f"replica that one request has woken could go before it has started: write {start} or more, leave it "
                "out, or write a smaller probes.startupSeconds"
            )


def _cold_models_are_woken(stack: "StackSettings") -> Iterator[str]:
    for index, model in enumerate(stack.models):
        if model.scales_to_zero and not stack.routes_to(model):
            yield (
                f"modelyard:models[{index}].autoscaling.minReplicas: 0, but no route reaches {model.name!r}, so once "
                "it has no replica nothing would ever start one: add a route to it, or write minReplicas: 1"
            )


def _cold_models_have_a_warm_fallback(stack: "StackSettings") -> Iterator[str]:
    if not stack.routes:
        for index, model in enumerate(stack.models):
            if model.scales_to_zero:
                yield (
                    f"modelyard:models[{index}].autoscaling.minReplicas: 0, and without modelyard:routes no other "
                    f"model answers while {model.name!r} starts: add routes, with a fallback for {model.name!r} that "
                    "always has a replica, or write minReplicas: 1"
                )
        return
    cold = {model.name for model in stack.models if model.scales_to_zero}
    warm = {model.name for model in stack.models if model.least_replicas > 0}
    for index, route in enumerate(stack.routes):
        for position, name in _places(route):
            if name in cold and warm.isdisjoint(route.fallback[position + 1 :]):
                yield _cold(index, position, name, warm.difference(route.reached))


def _places(route: "RouteSettings") -> Iterator[tuple[int, str]]:
    """The models of a route and their places in its chain of fallbacks, -1 for those that are asked first."""
    yield from ((-1, target.model) for target in route.targets)
    yield from enumerate(route.fallback)


def _cold(index: int, position: int, name: str, others: set[str]) -> str:
    place = f"modelyard:routes[{index}].fallback" + (f"[{position}]" if position >= 0 else "")
    chosen = f", such as {sorted(others)[0]!r}" if others else ""
    return (
        f"{place}: {name!r} may have no replica (autoscaling.minReplicas 0), and no model behind it in the chain "
        f"always has one, so requests would fail while it starts: add a fallback that never goes to zero{chosen}, or "
        f"write minReplicas: 1 for {name!r}"
    )


SCALING_RULES: tuple[Rule, ...] = (
    _replicas_or_autoscaling,
    _only_keda,
    _idle_models_have_started,
    _cold_models_are_woken,
    _cold_models_have_a_warm_fallback,
)

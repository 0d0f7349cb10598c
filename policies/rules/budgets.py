"""What a stack may take: GPUs, and what they cost."""

from collections.abc import Iterator, Mapping

from policies.pack.kubernetes.workloads import Workload, models
from policies.pack.rule import Parameter, Problem, Rule, View, each
from stacks.fit.prices import LIST_PRICES


def _gpu_budget(view: View) -> Iterator[Problem]:
    allowed = view.parameters.get("maxGpus")
    if allowed is None:
        return
    found = list(each(models(view), _most_gpus))
    total = sum(count for _, count in found)
    if total > allowed:
        parts = ", ".join(f"{workload.resource.object_name} {count:g}" for workload, count in found)
        yield Problem(None, f"the stack's models may take {total:g} GPUs ({parts}), and its budget is {allowed:g}")


def _cost_budget(view: View) -> Iterator[Problem]:
    allowed = view.parameters.get("maxPerHour")
    if allowed is None:
        return
    prices: Mapping[str, float] = view.parameters.get("prices") or LIST_PRICES
    total = 0.0
    for workload, count, price in each(models(view), lambda workload: _costs(workload, prices)):
        total += count * (price or 0)
        if price is None:
            yield Problem(
                workload.resource,
                f"nobody has said what its {count:g} GPUs cost",
                f"write their price under `prices`, by a label of their nodes; there are prices of "
                f"{', '.join(sorted(prices))}",
            )
    if total > allowed:
        yield Problem(None, f"the stack's GPUs may cost {total:,.2f} an hour, and its budget is {allowed:,.2f}")


def _most_gpus(workload: Workload) -> Iterator[tuple[Workload, float]]:
    """The GPUs of a model that has some, at its most replicas. What is not known yet only adds to a sum of them."""
    if count := workload.gpus * workload.most:
        yield workload, count


def _costs(workload: Workload, prices: Mapping[str, float]) -> Iterator[tuple[Workload, float, float | None]]:
    for _, count in _most_gpus(workload):
        yield workload, count, _price(workload, prices)


def _price(workload: Workload, prices: Mapping[str, float]) -> float | None:
    """The price of a GPU of the workload's, the highest where its nodes may be of several kinds."""
    labels = {value for place in workload.places for values in place.values() for value in values}
    return max((prices[label] for label in labels if label in prices), default=prices.get("default"))


RULES = (
    Rule(
        id="gpu-budget",
        what="A stack's models take no more GPUs than it may have.",
        why="so others would wait for theirs, or somebody pays who does not know",
        instead="write fewer replicas or a lower maxReplicas, or raise maxGpus of this rule",
        severity="medium",
        scope="stack",
        check=_gpu_budget,
        parameters=(Parameter("maxGpus", "integer", "Most GPUs, with every model at its most replicas", minimum=0),),
        waivable=False,
    ),
    Rule(
        id="cost-budget",
        what="A stack's GPUs cost no more in an hour than it may spend.",
        why="so the bill would be higher than was agreed",
        instead="write fewer replicas or a lower maxReplicas, or raise maxPerHour of this rule",
        severity="medium",
        scope="stack",
        check=_cost_budget,
        parameters=(
            Parameter("maxPerHour", "number", "Most money an hour, with every model at its most replicas", minimum=0),
            Parameter(
                "prices",
                "object",
                "Price of one GPU in an hour by a label of its nodes, and `default` for others. Default: list prices",
            ),
        ),
    ),
)

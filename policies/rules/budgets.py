"""What a stack may take: GPUs, and what they cost."""

from collections.abc import Iterator, Mapping

from policies.pack.kubernetes.workloads import Workload, models
from policies.pack.rule import Parameter, Problem, Rule, View
from stacks.fit.prices import LIST_PRICES


def _gpu_budget(view: View) -> Iterator[Problem]:
    allowed = view.parameters.get("maxGpus")
    if allowed is None:
        return
    found = [(workload, workload.gpus * workload.most) for workload in models(view)]
    total = sum(count for _, count in found)
    if total > allowed:
        parts = ", ".join(f"{workload.resource.object_name} {count:g}" for workload, count in found if count)
        yield Problem(None, f"the stack's models may take {total:g} GPUs ({parts}), and its budget is {allowed:g}")


def _cost_budget(view: View) -> Iterator[Problem]:
    allowed = view.parameters.get("maxPerHour")
    if allowed is None:
        return
    prices: Mapping[str, float] = view.parameters.get("prices") or LIST_PRICES
    total = 0.0
    for workload in models(view):
        count = workload.gpus * workload.most
        price = _price(workload, prices)
        if count and price is None:
            yield Problem(
                workload.resource,
                f"nobody has said what its {count:g} GPUs cost",
                f"write their price under `prices`, by a label of their nodes; there are prices of "
                f"{', '.join(sorted(prices))}",
            )
        total += count * (price or 0)
    if total > allowed:
        yield Problem(None, f"the stack's GPUs may cost {total:,.2f} an hour, and its budget is {allowed:,.2f}")


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

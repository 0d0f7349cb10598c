"""Which models are updated after which others, so that a model and its fallbacks are never replaced together.

Models that stand in for each other are neighbours. Each gets the smallest number that no neighbour has, the last
resorts first, and waits for its neighbours of smaller numbers. So models that have nothing to do with each other are
still updated at the same time, also in a long row of them.
"""

from collections.abc import Mapping

from stacks.settings import StackSettings


def update_order(stack: StackSettings) -> dict[str, list[str]]:
    """The models' names, each behind those that its model waits for, which are its value."""
    if stack.model_updates == "together":
        return {model.name: [] for model in stack.models}
    neighbours = _neighbours(stack)
    numbers = _numbers(neighbours, _ranks(stack))
    return {
        name: sorted(other for other in neighbours[name] if numbers[other] < numbers[name])
        for name in sorted(numbers, key=lambda name: numbers[name])
    }


def _neighbours(stack: StackSettings) -> Mapping[str, set[str]]:
    found: dict[str, set[str]] = {model.name: set() for model in stack.models}
    for route in stack.all_routes:
        for name in route.reached:
            found[name].update(other for other in route.reached if other != name)
    return found


def _ranks(stack: StackSettings) -> Mapping[str, int]:
    """How much of a last resort each model is: the fewer models stand behind it in its chains, the smaller."""
    ranks = {model.name: 0 for model in stack.models}
    for route in stack.all_routes:
        for behind, name in enumerate(reversed(route.reached), start=1):
            ranks[name] = max(ranks[name], behind)
    return ranks


def _numbers(neighbours: Mapping[str, set[str]], ranks: Mapping[str, int]) -> dict[str, int]:
    numbers: dict[str, int] = {}
    for name in sorted(neighbours, key=lambda name: ranks[name]):
        taken = {numbers[other] for other in neighbours[name] if other in numbers}
        numbers[name] = next(number for number in range(len(taken) + 1) if number not in taken)
    return numbers

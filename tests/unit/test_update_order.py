"""Which models wait for which others in an update."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from stacks.settings import StackSettings, load
from stacks.update_order import update_order


def stack(models: str, routes: dict[str, str], updates: str = "apart") -> StackSettings:
    """A stack of models and routes, which are one letter each."""
    values: dict[str, Any] = {
        "modelUpdates": updates,
        "pools": [{"name": "gpu", "gpusPerNode": 8, "maxNodes": 9}],
        "models": [{"name": name, "source": f"hf://a/{name}", "pool": "gpu"} for name in models],
        "routes": [{"model": name, "fallback": list(fallback)} for name, fallback in routes.items()],
    }
    return load(values)


def test_a_model_waits_for_its_fallbacks_and_they_for_each_other() -> None:
    assert update_order(stack("abc", {"a": "bc", "b": "", "c": ""})) == {"c": [], "b": ["c"], "a": ["b", "c"]}


def test_models_that_share_no_route_wait_for_nothing() -> None:
    assert update_order(stack("ab", {"a": "", "b": ""})) == {"a": [], "b": []}


def test_models_that_stand_in_for_each_other_do_not_wait_in_a_circle() -> None:
    assert update_order(stack("ab", {"a": "b", "b": "a"})) == {"a": [], "b": ["a"]}


def test_a_long_row_takes_few_turns() -> None:
    names = "abcdefghijklmnopqrstuvwx"
    order = update_order(stack(names, dict(zip(names, names[1:] + names[0], strict=True))))
    assert all(not order[other] for others in order.values() for other in others)


def test_by_itself_nothing_waits() -> None:
    assert update_order(stack("ab", {"a": "b"}, "together")) == {"a": [], "b": []}


@given(st.dictionaries(st.sampled_from("abcdef"), st.sets(st.sampled_from("abcdef"), max_size=4), max_size=6))
def test_of_two_models_of_a_route_one_waits_for_the_other(routes: dict[str, set[str]]) -> None:
    chains = {name: "".join(sorted(fallback - {name})) for name, fallback in routes.items()}
    order = update_order(stack("abcdef", chains))
    names = list(order)
    assert sorted(names) == list("abcdef")
    for name, others in order.items():
        assert all(names.index(other) < names.index(name) for other in others)
    for name, fallback in chains.items():
        reached = name + fallback
        assert all(one in order[two] or two in order[one] for one in reached for two in reached if one != two)

"""Laying one configuration over another, and whence each value came."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stacks.merge import joined, laid_over, located, plain, tree
from stacks.settings import SettingsError


def merged(below: Any, above: Any) -> Any:
    return plain(laid_over(tree(below, "below"), tree(above, "above")))


def refusals(below: Any, above: Any) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        merged(below, above)
    return caught.value.problems


@pytest.mark.parametrize(
    ("below", "above", "both"),
    [
        ({"a": 1, "b": 2}, {"b": 3, "c": 4}, {"a": 1, "b": 3, "c": 4}),
        ({"gateway": {"tls": {"secretName": "t"}, "cpu": 1}}, {"gateway": {"tls": None}}, None),
        ({"fit": {"prices": {"a": 1}}}, {"fit": {"prices": {"b": 2}}}, {"fit": {"prices": {"a": 1, "b": 2}}}),
        (
            {"fit": {"prices": {"a": 1}}},
            {"fit": {"prices": {"$patch": "replace", "b": 2}}},
            {"fit": {"prices": {"b": 2}}},
        ),
        ({"routes": {"a": 1}}, {"routes": [1]}, {"routes": [1]}),
        ({"models": [{"name": "a"}]}, {"models": {"name": "a"}}, {"models": {"name": "a"}}),
    ],
)
def test_mappings_are_merged_and_all_else_is_what_the_upper_one_says(below: Any, above: Any, both: Any) -> None:
    assert merged(below, above) == (both or {"gateway": {"tls": None, "cpu": 1}})


def test_entries_of_the_same_name_are_merged_and_further_ones_come_behind() -> None:
    below = {"models": [{"name": "a", "cpu": "1"}, {"name": "b", "engine": {"dtype": "auto", "seed": 1}}]}
    above = {"models": [{"name": "c"}, {"name": "b", "engine": {"seed": 2}}]}
    assert merged(below, above) == {
        "models": [{"name": "a", "cpu": "1"}, {"name": "b", "engine": {"dtype": "auto", "seed": 2}}, {"name": "c"}]
    }


@pytest.mark.parametrize(
    ("path", "key"),
    [
        (["pools"], "name"),
        (["routes"], "model"),
        (["gateway", "auth", "consumers"], "name"),
        (["serving", "hostPaths"], "name"),
    ],
)
def test_which_lists_have_entries_with_names(path: list[str], key: str) -> None:
    def at(value: Any) -> Any:
        for part in reversed(path):
            value = {part: value}
        return value

    assert merged(at([{key: "x", "a": 1}]), at([{key: "x", "b": 2}])) == at([{key: "x", "a": 1, "b": 2}])


def test_a_route_is_named_by_its_model_and_its_headers() -> None:
    below = {
        "routes": [
            {"model": "chat", "fallback": ["x"]},
            {"model": "chat", "headers": {"x-group": "b"}, "fallback": ["z"]},
        ]
    }
    assert merged(below, {"routes": [{"model": "chat", "fallback": ["y"]}]})["routes"] == [
        {"model": "chat", "fallback": ["y"]},
        below["routes"][1],
    ]
    other = {"model": "chat", "headers": {"x-group": "c"}}
    assert merged(below, {"routes": [other]})["routes"] == [*below["routes"], other]
    of_b = {"model": "chat", "headers": {"x-group": "b"}}
    assert merged(below, {"routes": [{**of_b, "$patch": "delete"}]})["routes"] == below["routes"][:1]
    assert refusals(below, {"routes": [{**other, "$patch": "delete"}]}) == [
        "above, modelyard:routes[0]: 'chat' with headers x-group: c is to be left out, and below has 'chat' or 'chat' "
        "with headers x-group: b here: correct or remove it"
    ]


def test_what_replaces_or_takes_out_nothing() -> None:
    above = {"routes": [{"$patch": "replace"}, {"model": "a"}], "fit": {"$patch": "replace", "prices": {}}}
    assert merged({}, above) == {"routes": [{"model": "a"}], "fit": {"prices": {}}}
    new = {"models": [{"name": "b", "$patch": "replace", "cpu": "1"}]}
    assert merged({"models": [{"name": "a"}]}, new) == {"models": [{"name": "a"}, {"name": "b", "cpu": "1"}]}
    assert merged({}, {"models": [{"cpu": "1"}]}) == {"models": [{"cpu": "1"}]}
    assert refusals({}, {"models": [{"name": "a", "$patch": "delete"}]}) == [
        "above, modelyard:models[0]: 'a' is to be left out, and below has none at all here: correct or remove it"
    ]


def test_adapters_of_a_model_have_names_too() -> None:
    def of(**adapter: Any) -> Any:
        return {"models": [{"name": "m", "lora": {"adapters": [{"name": "sql", **adapter}]}}]}

    assert merged(of(source="a"), of(rank=8)) == of(source="a", rank=8)


def test_lists_whose_order_says_something_are_taken_as_a_whole() -> None:
    below = {"routes": [{"model": "a", "fallback": ["b", "c"], "upstreams": [{"model": "a"}, {"model": "b"}]}]}
    above = {"routes": [{"model": "a", "fallback": ["c"], "upstreams": [{"model": "a"}]}]}
    assert merged(below, above) == above


def test_entries_go_and_lists_are_replaced_by_the_words_of_kubernetes() -> None:
    below = {"models": [{"name": "a"}, {"name": "b", "cpu": "1"}, {"name": "c"}]}
    assert merged(below, {"models": [{"name": "b", "$patch": "delete"}]}) == {"models": [{"name": "a"}, {"name": "c"}]}
    assert merged(below, {"models": [{"name": "b", "$patch": "replace", "gpus": 2}]})["models"][1] == {
        "name": "b",
        "gpus": 2,
    }
    assert merged(below, {"models": [{"$patch": "replace"}, {"name": "z"}]}) == {"models": [{"name": "z"}]}


def test_a_name_that_stands_twice_stays_twice_for_the_rule_that_says_so() -> None:
    assert merged({"models": [{"name": "a"}]}, {"models": [{"name": "a"}, {"name": "a"}]}) == {
        "models": [{"name": "a"}, {"name": "a"}]
    }


def test_an_entry_that_cannot_be_found_is_refused() -> None:
    below = {"models": [{"name": "a"}, {"name": "b"}]}
    assert refusals(below, {"models": [{"cpu": "1"}, {"name": "x", "$patch": "delete"}]}) == [
        "above, modelyard:models[0]: it has no 'name', by which it would be found among those of below: add one, or "
        "write `- $patch: replace` as an entry of the list, which then counts alone",
        "above, modelyard:models[1]: 'x' is to be left out, and below has 'a' or 'b' here: correct or remove it",
    ]


def test_a_problem_is_told_by_the_file_and_the_place_there() -> None:
    below = {"models": [{"name": "a"}, {"name": "b", "cpu": "x"}], "production": 3}
    above = {"models": [{"name": "c", "cpu": "y"}, {"name": "b", "gpus": 0}]}
    whole = laid_over(tree(below, "below"), tree(above, "above"))
    assert located(
        [
            "modelyard:models[1].cpu: bad",
            "modelyard:models[1].gpus: bad",
            "modelyard:models[1].pool: nothing is given",
            "modelyard:models[0].pool: nothing is given",
            "modelyard:models[2].cpu: bad",
            "modelyard:models[20].cpu: not there",
            "modelyard:production: bad",
            "modelyard:productions: not there",
        ],
        whole,
    ) == [
        "below, modelyard:models[1].cpu: bad",
        "above, modelyard:models[1].gpus: bad",
        "above, modelyard:models[1].pool: nothing is given",
        "below, modelyard:models[0].pool: nothing is given",
        "above, modelyard:models[0].cpu: bad",
        "above, modelyard:models[20].cpu: not there",
        "below, modelyard:production: bad",
        "modelyard:productions: not there",
    ]


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "c"]), inner, max_size=3),
    max_leaves=8,
)


@given(values, values)
def test_whatever_is_laid_over_itself_or_over_nothing_stays_as_it_is(below: Any, above: Any) -> None:
    assert merged(above, above) == above
    assert merged({}, {"x": above}) == {"x": above}
    assert merged({"x": below}, {}) == {"x": below}
    assert merged({"x": below}, {"x": above})["x"] == merged(merged({"x": below}, {"x": above}), {"x": above})["x"]


names = st.sampled_from("abc")
words = st.sampled_from([{}, {}, {"$patch": "delete"}, {"$patch": "replace"}])
settings_below = st.dictionaries(
    st.sampled_from(["x", "y"]),
    st.integers(0, 3) | st.none() | st.dictionaries(st.sampled_from(["x", "$patch"]), st.just("replace"), max_size=2),
    max_size=2,
)


def entries(patched: bool) -> st.SearchStrategy[list[dict[str, Any]]]:
    entry = st.tuples(names, settings_below, words if patched else st.just({}))
    made = st.lists(entry, max_size=3, unique_by=lambda one: one[0]).map(
        lambda found: [dict[str, Any]({"name": name, **said, **word}) for name, said, word in found]
    )
    alone = made.map(
        lambda found: [dict[str, Any]({"$patch": "replace"}), *(one for one in found if one.get("$patch") != "delete")]
    )
    return made | alone if patched else made


def layers(patched: bool) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional={"models": entries(patched) | st.none(), "fit": settings_below})


@given(layers(patched=False), layers(patched=True), layers(patched=True))
@settings(max_examples=500)
def test_two_layers_as_one_come_to_the_same_as_one_after_the_other(low: Any, middle: Any, high: Any) -> None:
    first = plain(tree(low, "low"))
    try:
        expected = merged(merged(first, middle), high)
    except SettingsError:
        return
    assert merged(first, plain(joined(tree(middle, "middle"), tree(high, "high")))) == expected

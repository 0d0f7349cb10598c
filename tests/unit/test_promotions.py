"""Shares that were moved since the stack's file was written: kept as long as the file says what it said then."""

import json
from typing import Any

import pytest

from stacks import promotions
from stacks.settings import SettingsError, StackSettings, load
from stacks.warnings import warnings

CANARY = [{"model": "old", "weight": 90}, {"model": "new", "weight": 10}]
MOVED = [{"model": "old", "weight": 0}, {"model": "new", "weight": 100}]
OTHER = [{"model": "old", "weight": 50}, {"model": "new", "weight": 50}]


def stack(upstreams: list[dict[str, Any]] = CANARY, **keys: Any) -> StackSettings:
    models = [{"name": name, "source": "hf://a/b", "pool": "gpu"} for name in ("old", "new")]
    routes = [{"model": "chat", "upstreams": upstreams}, {"model": "old"}]
    return load({"pools": [{"name": "gpu"}], "models": models, "routes": routes, **keys})


def shares(found: StackSettings) -> list[int]:
    return [upstream.weight for upstream in found.routes[0].targets]


def exported(found: StackSettings) -> Any:
    """As the next update reads it: outputs are JSON, whose numbers may have a fraction."""
    return json.loads(json.dumps(promotions.exported(found)), parse_int=float)


def promoted() -> StackSettings:
    return promotions.with_promotions(stack(promotions=[{"route": "chat", "upstreams": MOVED}]), [])


def test_a_promotion_counts_in_place_of_the_file() -> None:
    found = promoted()
    assert shares(found) == [0, 100]
    assert promotions.exported(found) == [
        {"route": "chat", "headers": {}, "upstreams": MOVED, "insteadOf": CANARY},
    ]
    assert [target.weight for target in found.all_routes[0].targets] == [0, 100]


def test_the_next_update_keeps_it_and_says_so() -> None:
    found = promotions.with_promotions(stack(), exported(promoted()))
    assert shares(found) == [0, 100]
    assert exported(found) == exported(promoted())
    assert [sentence for sentence in warnings(found) if "promoted" in sentence] == [
        "modelyard:routes[0].upstreams: route 'chat' was promoted or rolled back to old 0 %, new 100 %, which counts, "
        "and its file still says old 90 %, new 10 %: write the new weights there, and any others to end this"
    ]


@pytest.mark.parametrize("upstreams", [MOVED, OTHER])
def test_whoever_edits_the_route_decides_anew(upstreams: list[dict[str, Any]]) -> None:
    found = promotions.with_promotions(stack(upstreams), exported(promoted()))
    assert shares(found) == [each["weight"] for each in upstreams]
    assert promotions.exported(found) == []


def test_a_promotion_takes_the_place_of_the_one_before() -> None:
    again = stack(promotions=[{"route": "chat", "upstreams": OTHER}])
    found = promotions.with_promotions(again, exported(promoted()))
    assert shares(found) == [50, 50]
    assert promotions.exported(found)[0]["insteadOf"] == CANARY


def test_back_to_what_the_file_says_is_no_promotion_any_more() -> None:
    back = stack(promotions=[{"route": "chat", "upstreams": CANARY}])
    found = promotions.with_promotions(back, exported(promoted()))
    assert shares(found) == [90, 10]
    assert promotions.exported(found) == []


def test_a_route_that_is_gone_takes_its_promotion_along() -> None:
    models = [{"name": name, "source": "hf://a/b", "pool": "gpu"} for name in ("old", "new")]
    without = load({"pools": [{"name": "gpu"}], "models": models, "routes": [{"model": "old"}]})
    assert not promotions.has_canary(without)
    assert promotions.with_promotions(without, exported(promoted())) is without


def test_routes_are_told_apart_by_their_headers() -> None:
    tried = {"model": "chat", "headers": {"x-group": "b"}, "upstreams": CANARY}
    routes = [{"model": "chat", "upstreams": CANARY}, tried]
    ordered = [{"route": "chat", "headers": {"x-group": "b"}, "upstreams": MOVED}]
    found = promotions.with_promotions(stack(routes=routes, promotions=ordered), [])
    assert [[target.weight for target in route.targets] for route in found.routes] == [[90, 10], [0, 100]]


@pytest.mark.parametrize(
    ("promotion", "sentence"),
    [
        (
            {"route": "caht", "upstreams": MOVED},
            "modelyard:promotions[0].route: 'caht' is no route with several upstreams, so there are no shares to move: "
            "write one of 'chat', or give the route a second upstream",
        ),
        (
            {"route": "old", "upstreams": [{"model": "old"}]},
            "modelyard:promotions[0].route: 'old' is no route with several upstreams, so there are no shares to move: "
            "write one of 'chat', or give the route a second upstream",
        ),
        (
            {"route": "chat", "upstreams": [{"model": "old", "weight": 50}, {"model": "older", "weight": 50}]},
            "modelyard:promotions[0].upstreams: these are other models than those of the route 'chat', and a promotion "
            "moves shares between them: name 'old', 'new'",
        ),
        (
            {"route": "chat", "upstreams": [{"model": "old", "weight": 0}, {"model": "new", "weight": 90}]},
            "modelyard:promotions[0].upstreams: the weights add up to 90, and they are shares of 100: correct them",
        ),
    ],
)
def test_promotions_that_cannot_be(promotion: dict[str, Any], sentence: str) -> None:
    with pytest.raises(SettingsError) as caught:
        stack(promotions=[promotion])
    assert caught.value.problems == [sentence]


def test_no_route_has_shares_to_move() -> None:
    with pytest.raises(SettingsError) as caught:
        stack([{"model": "old"}], promotions=[{"route": "chat", "upstreams": MOVED}])
    assert caught.value.problems == [
        "modelyard:promotions[0].route: 'chat', and no route of modelyard:routes has several upstreams, so there are "
        "no shares to move: give it a second upstream, or remove this"
    ]

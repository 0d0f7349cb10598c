"""The stacks that the gateway is measured with."""

from bench.routes import stack


def test_each_model_has_the_next_as_its_fallback() -> None:
    routes = stack(3).all_routes
    assert {route.model: route.fallback for route in routes} == {
        "model-0": ("model-1",),
        "model-1": ("model-2",),
        "model-2": ("model-0",),
    }


def test_one_model_has_no_fallback() -> None:
    (route,) = stack(1).all_routes
    assert not route.fallback


def test_more_routes_lead_to_the_first_model() -> None:
    *_, last = stack(2, ["more"]).all_routes
    assert (last.model, [target.model for target in last.targets]) == ("more", ["model-0"])

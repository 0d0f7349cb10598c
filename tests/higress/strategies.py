"""Random stacks, as a stack file would hold them but for the gateway's kind."""

from collections.abc import Iterator
from itertools import product
from typing import Any

from hypothesis import strategies as st

Json = dict[str, Any]

MODEL_NAMES = ("a", "a-b", "gemma", "qwen", "qwen2", "qwen2-5")
"""Names of models, some the beginning of others."""
ALIASES = ("A/B", "a/b", "a_b", "Org/Name-1.5B", "Qwen/Qwen2.5-1.5B-Instruct", "qwen2.5", "100%", "%%", "模型", "*")
"""Further names that a route or a server may have. Some make the same plain name of an object."""
CONSUMERS = ("research", "support", "web")
HEADERS: tuple[dict[str, str], ...] = (
    {},
    {"x-group": "a"},
    {"x-group": "b"},
    {"x-group": "a", "x-region": "eu"},
    {"x-group": "a", "x-region": "us"},
    {"x-group": "b", "x-region": "eu"},
)
"""What routes may ask for beside the model. No request fits two of them that are of the same size."""
FORGED = {"x-higress-fallback-from": "ai-route-qwen.internal", "x-higress-llm-model": "gemma"}
"""What a client might send to be taken for a redirect."""
TIMES = (0.25, 1, 2.5, 30, 61, 600)


@st.composite
def stacks(draw: st.DrawFn) -> Json:
    """A stack that works."""
    models = draw(st.lists(st.sampled_from(MODEL_NAMES), min_size=1, unique=True))
    consumers = draw(st.lists(st.sampled_from(CONSUMERS), unique=True))
    return {
        "serving": {"image": "registry.example/serving:1"},
        "pools": [{"name": "gpu"}],
        "models": [draw(_model(name)) for name in models],
        "routes": draw(_routes(models, consumers)),
        "gateway": {
            "bodyLimitMib": draw(st.integers(1, 100)),
            "auth": {"consumers": [{"name": name, "keys": [f"key-of-{name}"]} for name in consumers]},
        },
    }


def requests(stack: Json) -> Iterator[tuple[str, dict[str, str]]]:
    """What clients may ask of this stack: models that it knows and others that are near, with all kinds of headers."""
    known = [
        *(route["model"] for route in stack["routes"]),
        *(model["name"] for model in stack["models"]),
        *(name for model in stack["models"] for name in model["servedNames"]),
    ]
    near = [change for name in known for change in (f"{name}2", name[:-1], name.upper(), f"{name}.*")]
    for name in dict.fromkeys([*known, *near]):
        if name:
            yield name, {}
            yield name, FORGED
    for name in {route["model"] for route in stack["routes"] if route["headers"]}:
        for group, region in product((None, "a", "b", "ab"), (None, "eu", "us")):
            yield name, {key: value for key, value in (("x-group", group), ("x-region", region)) if value}


def _model(name: str) -> st.SearchStrategy[Json]:
    served = st.lists(st.sampled_from((*MODEL_NAMES, *ALIASES)), max_size=3, unique=True)
    return st.fixed_dictionaries(
        {"name": st.just(name), "source": st.just("hf://o/r"), "pool": st.just("gpu"), "servedNames": served}
    )


@st.composite
def _routes(draw: st.DrawFn, models: list[str], consumers: list[str]) -> list[Json]:
    names = st.sampled_from((*models, *ALIASES))
    asked = st.tuples(names, st.sampled_from(HEADERS))
    found = draw(st.lists(asked, max_size=8, unique_by=repr))
    return [draw(_route(name, headers, models, consumers)) for name, headers in found]


@st.composite
def _route(draw: st.DrawFn, name: str, headers: Json, models: list[str], consumers: list[str]) -> Json:
    route: Json = {"model": name, "headers": headers, "timeouts": draw(_timeouts)}
    primaries = [name]
    if name not in models or draw(st.booleans()):
        primaries = draw(st.lists(st.sampled_from(models), min_size=1, max_size=3, unique=True))
        weights = draw(_weights(len(primaries)))
        route["upstreams"] = [{"model": one, "weight": weight} for one, weight in zip(primaries, weights, strict=True)]
    others = [one for one in models if one not in primaries]
    if others:
        route["fallback"] = draw(st.lists(st.sampled_from(others), unique=True))
    if draw(st.booleans()):
        route["consumers"] = draw(st.lists(st.sampled_from(consumers), unique=True)) if consumers else []
    return route


def _weights(number: int) -> st.SearchStrategy[list[int]]:
    cuts = st.lists(st.integers(0, 100), min_size=number - 1, max_size=number - 1).map(sorted)
    return cuts.map(lambda cut: [end - start for start, end in zip([0, *cut], [*cut, 100], strict=True)])


_timeouts = st.fixed_dictionaries(
    {},
    optional={
        key: st.sampled_from(TIMES) for key in ("connectSeconds", "firstByteSeconds", "answerSeconds", "idleSeconds")
    },
)

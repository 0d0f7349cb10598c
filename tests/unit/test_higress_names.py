"""Names of Higress's objects: fit for Kubernetes, and never shared by two routes."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.manifests.higress import collection, names
from components.manifests.objects import Manifest
from stacks.settings import RouteSettings, StackSettings, load

SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
"""RFC 1123, as Kubernetes checks it. The length is checked beside it."""
LABEL = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")
KEY = re.compile(r"([a-z0-9.-]{1,253}/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")


def route(model: str, **settings: object) -> RouteSettings:
    return RouteSettings.model_validate({"model": model, **settings})


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("qwen", "qwen"),
        ("qwen2-5", "qwen2-5"),
        ("a-b", "a-b"),
        ("a/b", "a-b-ea51a170"),
        ("a.b", "a-b-15abd142"),
        ("A-B", "a-b-9db50662"),
        ("Qwen/Qwen2.5-1.5B-Instruct", "qwen-qwen2-5-1-5b-instruct-62d39b8e"),
        ("-qwen", "qwen-8afd379b"),
        ("///", "c35bd6db"),
        ("模型", "59d288ee"),
        ("a" * 63, "a" * 63),
        ("a" * 64, f"{'a' * 40}-eba8e172"),
        ("a" * 256, f"{'a' * 40}-bdeac900"),
        (f"{'a' * 39}/{'b' * 20}", f"{'a' * 39}-fd4e5115"),
    ],
)
def test_name_of_an_ai_route(model: str, name: str) -> None:
    assert names.ai_route(route(model)) == name


def test_headers_make_a_name_of_their_own() -> None:
    found = [names.ai_route(route("qwen", headers=headers)) for headers in ({}, {"x-a": "1"}, {"x-a": "2"})]

    assert len(set(found)) == 3
    assert all(re.fullmatch("qwen(-[0-9a-f]{8})?", name) for name in found)


def test_order_of_headers_does_not_matter() -> None:
    one, other = ({"x-a": "1", "x-b": "2"}, {"x-b": "2", "x-a": "1"})

    assert names.ai_route(route("qwen", headers=one)) == names.ai_route(route("qwen", headers=other))


def test_names_along_a_chain() -> None:
    assert names.hops(route("qwen", fallback=["a", "b", "c"])) == [
        "ai-route-qwen.internal",
        "ai-route-qwen.fallback.internal",
        "ai-route-qwen.fallback-2.internal",
        "ai-route-qwen.fallback-3.internal",
    ]


def stack_of(routes: list[RouteSettings], domain: str | None = None) -> StackSettings:
    model = {"source": "hf://o/r", "pool": "gpu"}
    return load(
        {
            "serving": {"image": "registry.example/serving:1"},
            "pools": [{"name": "gpu"}],
            "models": [{"name": "m", **model}, {"name": "m2", **model}],
            "routes": [
                {"model": one.model, "headers": one.headers, "upstreams": [{"model": "m"}], "fallback": ["m2"]}
                for one in routes
            ],
            "gateway": {"kind": "higress", "domain": domain},
        }
    )


def check_metadata(manifest: Manifest) -> None:
    metadata = manifest["metadata"]
    assert SUBDOMAIN.fullmatch(metadata["name"])
    assert len(metadata["name"]) <= 253
    for key, value in metadata["labels"].items():
        assert KEY.fullmatch(key)
        assert LABEL.fullmatch(value)
    assert all(KEY.fullmatch(key) for key in metadata.get("annotations", {}))


near = st.text(alphabet="aAbB-_./ 0é", min_size=1, max_size=4)
"""Names that are easily taken for each other."""
routes = st.builds(
    route,
    st.one_of(near, st.text(min_size=1, max_size=256).filter(str.isprintable)),
    headers=st.dictionaries(st.sampled_from(["x-a", "x-b"]), near, max_size=2),
)


@settings(max_examples=200)
@given(st.lists(routes, min_size=1, max_size=12, unique_by=lambda one: repr((one.model, sorted(one.headers.items())))))
def test_no_two_objects_have_one_name(found: list[RouteSettings]) -> None:
    objects = collection.objects(stack_of(found))

    for manifest in objects:
        check_metadata(manifest)
    assert len({(one["kind"], one["metadata"]["name"]) for one in objects}) == len(objects)
    assert len({collection.object_name(one) for one in objects}) == len(objects)


def test_longest_domain_fits_into_a_label() -> None:
    longest = f"{'a' * 48}.example"
    assert len(longest) == 56

    for manifest in collection.objects(stack_of([route("qwen")], longest)):
        check_metadata(manifest)


@pytest.mark.parametrize("header", ["a" * 45, "x-group-", "X-Group", ""])
def test_header_that_no_annotation_can_name(header: str) -> None:
    with pytest.raises(ValueError, match="headers"):
        route("qwen", headers={header: "1"})


def test_longest_header_fits_into_an_annotation() -> None:
    for manifest in collection.objects(stack_of([route("qwen", headers={"a" * 44: "1"})])):
        check_metadata(manifest)

"""YAML with anchors says what the JSON says, in less."""

import json
from typing import Any

import yaml
from hypothesis import given
from hypothesis import strategies as st

from components.manifests import envoy
from components.manifests.envoy.anchors import anchored
from tests.gateway.harness import stack

TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=40)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=30,
)


@given(st.dictionaries(TEXTS, st.one_of(VALUES, VALUES.map(lambda value: [value, value, {"again": value}]))))
def test_it_reads_as_what_it_was_made_of(content: dict[str, Any]) -> None:
    assert yaml.safe_load(anchored(content)) == content


def test_what_looks_like_another_type_stays_a_text() -> None:
    texts = ["y", "no", "on", "1e3", "0x10", "null", "~", "2026-11-23", "*a", "&a", "%REQ(a)%", "a: b #c", "<<"]
    texts.append("a\u2028b\x85c\x7f\ufeff\n")
    assert yaml.safe_load(anchored({"texts": texts})) == {"texts": texts}


def test_what_is_there_twice_is_written_once() -> None:
    long = {"a": "a text that is long enough to be worth a name"}
    assert anchored({"one": long, "two": [long, 1], "three": long["a"]}) == (
        '{"one": &1 {"a": &0 "a text that is long enough to be worth a name"},"two":[ *1 ,1],"three": *0 }'
    )


def test_five_hundred_models_fit_into_a_config_map() -> None:
    names = [f"organisation-model-number-{number:03d}" for number in range(500)]
    routes = [{"model": name, "fallback": [names[number - 1]]} for number, name in enumerate(names)]
    settings = stack(names, routes)
    files = (envoy.cluster_discovery(settings), envoy.route_discovery(settings))
    assert sum(len(json.dumps(file)) for file in files) > 2_000_000
    assert sum(len(anchored(file).encode()) for file in files) < 2**20

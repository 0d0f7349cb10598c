"""Stacks that extend bases."""

import json
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from stacks import layers
from stacks.automation.options import Options
from stacks.automation.workspace import stack_file_text
from stacks.config_file import config_of
from stacks.settings import SettingsError
from stacks.stack_file import read, whole

BASE = """\
config:
  modelyard:pools: [{name: gpu, gpusPerNode: 2}]
  modelyard:models:
    - {name: qwen, source: "file:///qwen", pool: gpu, gpus: 1}
    - {name: gemma, source: "file:///gemma", pool: gpu, engine: {dtype: auto}}
  modelyard:routes: [{model: qwen, fallback: [gemma]}]
"""

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Writes bases, and a stack that has this below ``config``; gives the stack's file."""
    monkeypatch.setattr(layers, "BASES", tmp_path / "bases")
    (tmp_path / "bases").mkdir()

    def files(stack: str, **bases: str) -> Path:
        for name, text in bases.items():
            (tmp_path / "bases" / f"{name}.yaml").write_text(text)
        file = tmp_path / "Pulumi.mine.yaml"
        file.write_text(f"config: {{{stack}}}")
        return file

    return files


def refusals(file: Path) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        read(file)
    return caught.value.problems


def problems_of(file: Path) -> list[str]:
    """What is wrong with a stack, if anything."""
    try:
        read(file)
    except SettingsError as error:
        return error.problems
    return []


def test_a_stack_writes_what_differs(write: Write) -> None:
    file = write(
        "modelyard:extends: base, modelyard:models: [{name: gemma, engine: {maxModelLen: 4096}}], 'aws:region': r",
        base=BASE,
    )
    stack = read(file)
    assert [model.name for model in stack.models] == ["qwen", "gemma"]
    gemma = stack.model("gemma").engine
    assert (gemma.dtype, gemma.max_model_len) == ("auto", 4096)
    assert stack.routes[0].fallback == ("gemma",)


def test_later_bases_count_more_and_the_stack_most(write: Write) -> None:
    file = write(
        "'modelyard:extends': [base, team], 'modelyard:gateway': {cpu: '3'}",
        base=BASE + "  modelyard:gateway: {cpu: '1', memory: 1Gi, replicas: 1}\n",
        team="config: {'modelyard:gateway': {cpu: '2', memory: 2Gi}}",
    )
    gateway = read(file).gateway
    assert (gateway.cpu, gateway.memory, gateway.replicas) == ("3", "2Gi", 1)


def test_what_two_bases_extend_stands_once_below_both(write: Write) -> None:
    file = write(
        "'modelyard:extends': [one, two]",
        base=BASE + "  modelyard:gateway: {cpu: '1', memory: 1Gi}\n",
        one="config: {'modelyard:extends': base, 'modelyard:gateway': {cpu: '2'}}",
        two="config: {'modelyard:extends': [base], 'modelyard:gateway': {memory: 2Gi}}",
    )
    gateway = read(file).gateway
    assert (gateway.cpu, gateway.memory) == ("2", "2Gi")


def test_outputs_of_another_stack_lie_below_the_lowest_base(write: Write) -> None:
    file = write(
        "modelyard:extends: base, modelyard:pools: [{name: theirs, $patch: delete}]",
        base="config: {'modelyard:cluster': {stackReference: org/cluster/prod}, 'modelyard:pools': [{name: gpu}]}",
    )
    theirs = {"pools": [{"name": "theirs"}, {"name": "left"}]}
    config = layers.merged_config(config_of(file), file.name, lambda _: theirs)
    assert config["modelyard:pools"] == [{"name": "left"}, {"name": "gpu"}]


@pytest.mark.parametrize(
    ("own", "operation", "names"),
    [
        ([{"name": "c"}], [{"$patch": "replace"}, {"name": "d"}], ["d"]),
        ([{"name": "c"}], [{"name": "a", "$patch": "delete"}], ["b", "c"]),
        ([{"name": "c"}], [{"name": "c", "$patch": "delete"}], ["a", "b"]),
        ([{"$patch": "replace"}, {"name": "c"}], [{"name": "d"}], ["c", "d"]),
        ([{"name": "a", "$patch": "delete"}], [{"name": "a"}], ["b", "a"]),
    ],
)
def test_what_an_operation_says_counts_against_bases_too(
    write: Write, own: list[dict[str, str]], operation: list[dict[str, str]], names: list[str]
) -> None:
    file = write(
        f"'modelyard:extends': base, 'modelyard:models': {json.dumps(own)}",
        base="config: {'modelyard:models': [{name: a}, {name: b}]}",
    )
    (file.parent / "stacks").mkdir()
    file.rename(file.parent / "stacks" / file.name)
    options = Options(checkout=file.parent, settings={"models": operation})
    config = yaml.safe_load(stack_file_text("mine", options))["config"]
    found = layers.merged_config(config, file.name, lambda _: {})
    assert found["modelyard:models"] == [{"name": name} for name in names]


def test_the_whole_is_what_a_file_without_bases_would_say(write: Write) -> None:
    file = write(
        "modelyard:extends: base, 'aws:region': r, huggingFaceToken: {secure: v1:x}, modelyard:production: false",
        base=BASE,
    )
    found = whole(file)
    assert list(found) == [
        "aws:region",
        "modelyard:pools",
        "modelyard:models",
        "modelyard:routes",
        "modelyard:huggingFaceToken",
        "modelyard:production",
    ]
    assert found["modelyard:huggingFaceToken"] == {"secure": "v1:x"}


def test_secrets_of_the_stack_itself_go_with_a_base(write: Write) -> None:
    file = write(
        "modelyard:extends: base, 'modelyard:gateway': {auth: {consumers: [{name: web, keys: [{secure: v1:a}]}]}}",
        base=BASE + "  modelyard:gateway: {auth: {consumers: [{name: web}]}}\n",
    )
    (consumer,) = read(file).gateway.auth.consumers
    assert len(consumer.keys) == 1


def test_a_problem_names_the_file_that_the_value_was_written_in(write: Write) -> None:
    file = write(
        "modelyard:extends: base, modelyard:models: [{name: third, source: 'file:///t', pool: cpu}], modelyard:x: 1",
        base=BASE.replace("dtype: auto", "dtype: 7").replace("[gemma]", "[gema]"),
    )
    assert [problem.partition(": ")[0] for problem in refusals(file)] == [
        "bases/base.yaml, modelyard:models[1].engine.dtype",
        "Pulumi.mine.yaml, modelyard:x",
    ]
    file = write(
        "modelyard:extends: base, modelyard:models: [{name: third, source: 'file:///t', pool: cpu}]",
        base=BASE.replace("[gemma]", "[gema]"),
    )
    assert [problem.partition(": ")[0] for problem in refusals(file)] == [
        "Pulumi.mine.yaml, modelyard:models[0].pool",
        "bases/base.yaml, modelyard:routes[0].fallback[0]",
    ]


def test_a_stack_without_a_base_names_no_file(write: Write) -> None:
    assert refusals(write("modelyard:models: [{name: a, source: 'file:///a'}]")) == [
        "modelyard:models[0].pool: nothing is given, and there is no default: add it"
    ]


@pytest.mark.parametrize(
    ("stack", "bases", "sentence"),
    [
        (
            "modelyard:extends: bse",
            {"base": BASE},
            "Pulumi.mine.yaml, modelyard:extends: 'bse' is no base: there is no file bse.yaml in stacks/bases: write "
            "one of base",
        ),
        (
            "modelyard:extends: [base, ../Pulumi.mine]",
            {"base": BASE},
            "Pulumi.mine.yaml, modelyard:extends[1]: '../Pulumi.mine' is no base: there is no file ../Pulumi.mine.yaml "
            "in stacks/bases: write one of base",
        ),
        (
            "modelyard:extends: x",
            {},
            "Pulumi.mine.yaml, modelyard:extends: 'x' is no base: there is no file x.yaml in stacks/bases: write one "
            "of those that you make there first",
        ),
        (
            "modelyard:extends: [[base]]",
            {"base": BASE},
            "Pulumi.mine.yaml, modelyard:extends[0]: ['base'] is no name of a base: write one of base",
        ),
        (
            "modelyard:extends: a",
            {name: f"config: {{'modelyard:extends': {other}}}" for name, other in ("ab", "bc", "ca")},
            "bases/c.yaml, modelyard:extends: 'a' extends this file itself (a -> b -> c -> a), so neither can be the "
            "lower one: remove it",
        ),
        (
            "modelyard:extends: base",
            {"base": "config: {'aws:region': r}"},
            "bases/base.yaml, aws:region: Pulumi and its providers read the stack's own file and no base: write it "
            "there",
        ),
        (
            "modelyard:extends: base",
            {"base": "config: {'modelyard:gateway': {auth: {consumers: [{keys: [{secure: v1:a}]}]}}}"},
            "bases/base.yaml, modelyard:gateway.auth.consumers[0].keys[0]: an encrypted value, which can be read by "
            "the stack alone that it was encrypted for: remove it, and run `pulumi config set --secret --path "
            "'modelyard:gateway.auth.consumers[0].keys[0]'` in each stack that needs it",
        ),
        (
            "modelyard:extends: base",
            {"base": "config: ["},
            "bases/base.yaml: it is no YAML: expected the node content, but found '<stream end>' in line 1, column 10: "
            "correct it there",
        ),
        (
            "modelyard:extends: base",
            {"base": "config: &all {'modelyard:models': [*all]}"},
            "bases/base.yaml: an alias stands within its own anchor, so the value never ends: remove the alias",
        ),
        (
            "modelyard:extends: base",
            {"base": "modelyard:models: []"},
            "bases/base.yaml, modelyard:models: it stands beside `config:`, where nothing reads it: write it below",
        ),
    ],
)
def test_a_base_that_cannot_be_laid_under_a_stack(
    write: Write, stack: str, bases: dict[str, str], sentence: str
) -> None:
    assert refusals(write(stack, **bases)) == [sentence]


scalars = (
    st.none() | st.booleans() | st.integers(-2, 3) | st.sampled_from(["a", "b", "base", "replace", "delete", "a/b/c"])
)
keys = st.sampled_from(["name", "model", "models", "lora", "adapters", "auth", "consumers", "$patch", "stackReference"])
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=12,
)
configs = st.dictionaries(
    st.sampled_from(["extends", "models", "pools", "routes", "gateway", "cluster", "serving", "adopt", "part"]).map(
        lambda key: f"modelyard:{key}"
    ),
    anything,
    max_size=5,
)


@given(configs, configs)
@settings(max_examples=300)
def test_whatever_two_files_say_is_settings_or_sentences(own: dict[str, Any], base: dict[str, Any]) -> None:
    with TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        folder = Path(name)
        patch.setattr(layers, "BASES", folder)
        (folder / "base.yaml").write_text(json.dumps({"config": base}))
        file = folder / "Pulumi.mine.yaml"
        file.write_text(json.dumps({"config": {"modelyard:extends": "base", **own}}))
        assert all(": " in problem for problem in problems_of(file))

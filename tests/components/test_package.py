"""The package's schema, and what becomes of a program's inputs."""

from collections.abc import Iterator
from typing import Any

import pulumi
import pytest

from components.package import arguments
from components.package.provider import COMPONENTS, ModelyardProvider
from components.package.schema import STACK_FILES_ONLY, schema
from stacks.settings import SettingsError, StackSettings
from tests.components.conftest import Run

QWEN = {"name": "qwen", "source": "file:///qwen"}


def below(node: Any) -> Iterator[dict[str, Any]]:
    """Every mapping of a schema."""
    if isinstance(node, list):
        for each in node:
            yield from below(each)
    if isinstance(node, dict):
        yield node
        for each in node.values():
            yield from below(each)


def test_every_setting_that_is_not_of_stack_files_is_an_input_of_a_platform() -> None:
    inputs = schema("1.0.0")["resources"]["modelyard:index:Platform"]["inputProperties"]
    assert set(inputs) == {field.alias for field in StackSettings.model_fields.values()} - STACK_FILES_ONLY
    assert all(described["description"] for described in inputs.values())


def test_the_schema_has_every_type_that_it_refers_to_and_every_component_that_is_made() -> None:
    made = schema("1.0.0")
    referred = {node["$ref"] for node in below(made) if "$ref" in node} - {"pulumi.json#/Any"}
    assert referred <= {f"#/types/{token}" for token in made["types"]}
    assert set(made["resources"]) == set(COMPONENTS)


def test_settings_are_plain_but_for_secrets_and_what_holds_some() -> None:
    made = schema("1.0.0")
    inputs = made["resources"]["modelyard:index:Platform"]["inputProperties"]
    assert inputs["models"] == {
        "type": "array",
        "items": {"$ref": "#/types/modelyard:index:Model", "plain": True},
        "plain": True,
        "description": "Models.",
    }
    assert [key for key, described in inputs.items() if "plain" not in described] == [
        "cluster",
        "gateway",
        "huggingFaceToken",
    ]
    keys = made["types"]["modelyard:index:Consumer"]["properties"]["keys"]
    assert (keys["items"], keys["secret"]) == ({"type": "string"}, True)


def test_choices_and_kinds_are_in_the_schema() -> None:
    types = schema("1.0.0")["types"]
    assert types["modelyard:index:GkePool"]["properties"]["adapter"]["const"] == "gke"
    assert types["modelyard:index:GkePool"]["required"] == ["name", "adapter", "cluster", "location"]
    dtype = types["modelyard:index:Model"]["properties"]["backend"]
    assert dtype["description"].endswith("One of `native`, `llmaz`.")
    assert types["modelyard:index:Model"]["properties"]["env"]["additionalProperties"] == {
        "type": "string",
        "plain": True,
    }


def test_the_provider_serves_that_schema_at_its_version() -> None:
    provider = ModelyardProvider("1.2.3")
    assert provider.version == "1.2.3"
    assert '"version": "1.2.3"' in str(provider.schema)


def test_numbers_of_a_program_are_whole_where_they_are() -> None:
    stack = arguments.platform({"pools": [{"name": "gpu", "gpusPerNode": 2.0, "gpuMemoryGib": 22.5}], "routes": None})
    assert (stack.pools[0].gpus_per_node, stack.pools[0].gpu_memory_gib) == (2, 22.5)


def test_one_model_is_a_stack_of_its_own_on_its_pool() -> None:
    stack = arguments.one_model({"model": QWEN, "pool": {"name": "gpu"}, "cluster": {"namespace": "models"}})
    assert [model.pool for model in stack.models] == ["gpu"]
    assert stack.cluster.namespace == "models"


def test_models_of_others_need_a_name_only() -> None:
    stack = arguments.gateway({"models": [{"name": "a", "servedNames": ["b"]}]})
    assert stack.models[0].names == ("b",)


def test_secrets_of_a_program_are_known_or_have_a_text_in_their_place(run: Run) -> None:
    found: list[str] = []

    def build() -> None:
        for token in (pulumi.Output.secret("hf_abc"), pulumi.Output.from_input(pulumi.UNKNOWN)):
            stack = arguments.platform({"huggingFaceToken": token})
            assert stack.hugging_face_token is not None
            found.append(stack.hugging_face_token.get_secret_value())

    run(build, preview=True)
    assert found == ["hf_abc", "not-known-before-the-update-1"]


@pytest.mark.parametrize(
    ("make", "inputs", "sentence"),
    [
        (
            arguments.one_model,
            {"model": {**QWEN, "gpus": 0}, "pool": {"name": "gpu"}},
            "modelyard:model.gpus: 0 cannot be used: input should be greater than or equal to 1",
        ),
        (
            arguments.one_model,
            {"model": QWEN, "pool": {"name": "gpu", "gpusPerNode": 0}},
            "modelyard:pool.gpusPerNode: 0 cannot be used: input should be greater than or equal to 1",
        ),
        (
            arguments.platform,
            {"extends": "production"},
            "modelyard:extends: given to a component, and it is of stack files only: leave it out",
        ),
        (
            arguments.gateway,
            {"cluster": {"stackReference": "a/b/c"}},
            "modelyard:cluster.stackReference: given to a component, and it is read for stack files only: make a "
            "StackReference in your program, and pass on its outputs",
        ),
    ],
)
def test_inputs_that_cannot_work(make: Any, inputs: dict[str, Any], sentence: str) -> None:
    with pytest.raises(SettingsError) as caught:
        make(inputs)
    assert str(caught.value) == sentence


def test_the_engine_is_told_the_place_of_each_problem() -> None:
    provider = ModelyardProvider("1.0.0")
    with pytest.raises(pulumi.InputPropertiesError) as caught:
        provider.construct("llm", "modelyard:index:Platform", {"pools": [{"name": "gpu", "gpusPerNode": 0.0}]})
    assert caught.value.errors == [
        {
            "property_path": "pools[0].gpusPerNode",
            "reason": "0 cannot be used: input should be greater than or equal to 1",
        }
    ]

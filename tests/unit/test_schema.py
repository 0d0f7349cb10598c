"""The schema of stack files, as editors read it."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from stacks.schema import BASE_FILE, FILE, SECURE_TEXT, base_schema, schema, text
from stacks.settings import NAMESPACE, StackSettings
from stacks.stack_file import read

STACK_FILES = sorted(FILE.parent.glob("Pulumi.*.yaml"))
BASES = sorted(BASE_FILE.parent.glob("*.yaml"))
FIRST_LINE = "# yaml-language-server: $schema=schema.json\n"


def faults(kind: str, content: Any) -> list[str]:
    """What an editor says of a file's content, by the committed schemas: those of ``schema.json`` or of a base."""
    files = {"schema.json": FILE, "bases/schema.json": BASE_FILE}
    found = [
        (f"https://modelyard.dev/{name}", Resource.from_contents(json.loads(file.read_text())))
        for name, file in files.items()
    ]
    validator = Draft202012Validator(
        {"$ref": f"https://modelyard.dev/{kind}"}, registry=Registry[Any]().with_resources(found)
    )
    return [each.json_path for each in validator.iter_errors(content)]


def config_schema() -> dict[str, Any]:
    found: dict[str, Any] = schema()["$defs"]["Config"]
    return found


def test_the_committed_schema_is_current() -> None:
    assert FILE.read_text() == text(schema()), "write it anew: python -m stacks.schema"
    assert BASE_FILE.read_text() == text(base_schema()), "write it anew: python -m stacks.schema"


def test_every_setting_is_a_key_of_the_namespace() -> None:
    assert set(config_schema()["properties"]) == {
        f"{NAMESPACE}:{field.alias}" for field in StackSettings.model_fields.values()
    }


def test_every_setting_has_a_description() -> None:
    definitions = schema()["$defs"]
    keys = [
        *config_schema()["properties"].values(),
        *(key for one in definitions.values() for key in one.get("properties", {}).values()),
    ]
    assert len(keys) > 80
    for key in keys:
        # A reference is described by what it refers to, where both would say the same.
        described = key if "description" in key else definitions[key["$ref"].removeprefix("#/$defs/")]
        assert described["description"]


@pytest.mark.parametrize(
    ("key", "allowed"),
    [("modelyard:models", True), ("modelyard:modles", False), ("kubernetes:context", True), ("pulumi:tags", True)],
)
def test_other_namespaces_are_left_alone_and_unknown_keys_of_ours_are_not(key: str, allowed: bool) -> None:
    known, foreign = config_schema()["propertyNames"]["anyOf"]
    assert (key in known["enum"] or not re.search(foreign["not"]["pattern"], key)) == allowed


def test_secrets_may_be_encrypted_and_nothing_else() -> None:
    token = config_schema()["properties"]["modelyard:huggingFaceToken"]
    keys = schema()["$defs"]["ConsumerSettings"]["properties"]["keys"]["items"]
    for node in (token, keys):
        assert SECURE_TEXT in flatten(node)
        assert {"type": "string"} in flatten(node)
    # The token, the kubeconfig, the consumers' keys, and of Higress: two passwords and two keys of the security guard.
    assert text(schema()).count('"secure": {') == 7
    assert '"format": "password"' not in text(schema())


def flatten(node: dict[str, Any]) -> list[dict[str, Any]]:
    """The alternatives of a schema, however deep."""
    if "anyOf" not in node:
        return [node]
    return [found for choice in node["anyOf"] for found in flatten(choice)]


def test_what_pulumi_writes_into_a_stack_file_is_allowed() -> None:
    assert {"config", "encryptionsalt", "encryptedkey", "secretsprovider", "environment"} == set(schema()["properties"])


@pytest.mark.parametrize("file", STACK_FILES, ids=lambda file: file.stem)
def test_every_stack_file_names_the_schema_fits_it_and_loads(file: Path) -> None:
    assert file.read_text().startswith(FIRST_LINE)
    assert faults("schema.json", yaml.safe_load(file.read_text())) == []
    assert read(file).models


@pytest.mark.parametrize("file", BASES, ids=lambda file: file.stem)
def test_every_base_names_its_schema_and_fits_it(file: Path) -> None:
    assert file.read_text().startswith(FIRST_LINE)
    assert faults("bases/schema.json", yaml.safe_load(file.read_text())) == []


MODEL = {"name": "a", "source": "file:///a", "pool": "gpu"}


@pytest.mark.parametrize(
    ("config", "right"),
    [
        ({"modelyard:models": [MODEL]}, True),
        ({"modelyard:models": [{"name": "a"}]}, False),
        ({"modelyard:models": [{**MODEL, "$patch": "replace"}]}, False),
        ({"modelyard:extends": "production", "modelyard:models": [{"name": "a"}]}, True),
        ({"modelyard:extends": ["a", "b"], "modelyard:models": [{"$patch": "replace"}, MODEL]}, True),
        ({"modelyard:extends": "production", "modelyard:models": [{"name": "a", "$patch": "delete"}]}, True),
        ({"modelyard:extends": "production", "modelyard:models": [{"name": "a", "$patch": "remove"}]}, False),
        ({"modelyard:extends": "production", "modelyard:models": [{"nme": "a"}]}, False),
        ({"modelyard:extends": "production", "modelyard:modles": []}, False),
        ({"modelyard:extends": "production", "modelyard:pools": [{"name": "gpu", "maxNodes": 3}]}, True),
        ({"modelyard:extends": "production", "modelyard:huggingFaceToken": {"secure": "v1:x"}}, True),
        ({"modelyard:extends": "production", "gcp:project": "p"}, True),
        ({"modelyard:extends": 1}, False),
    ],
)
def test_a_stack_that_extends_a_base_may_leave_out_what_the_base_says(config: Any, right: bool) -> None:
    assert (faults("schema.json", {"config": config}) == []) == right

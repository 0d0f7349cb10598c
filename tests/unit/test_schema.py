"""The schema of stack files, as editors read it."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from stacks.schema import FILE, SECURE_TEXT, schema, text
from stacks.settings import NAMESPACE, StackSettings, load_config

STACK_FILES = sorted(FILE.parent.glob("Pulumi.*.yaml"))


def config_schema() -> dict[str, Any]:
    found: dict[str, Any] = schema()["properties"]["config"]
    return found


def test_the_committed_schema_is_current() -> None:
    assert FILE.read_text() == text(), "write it anew: python -m stacks.schema"


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
    # The token, the consumers' keys, and of Higress: two passwords and the two keys of the security guard.
    assert text().count('"secure": {') == 6
    assert '"format": "password"' not in text()


def flatten(node: dict[str, Any]) -> list[dict[str, Any]]:
    """The alternatives of a schema, however deep."""
    if "anyOf" not in node:
        return [node]
    return [found for choice in node["anyOf"] for found in flatten(choice)]


def test_what_pulumi_writes_into_a_stack_file_is_allowed() -> None:
    assert {"config", "encryptionsalt", "encryptedkey", "secretsprovider", "environment"} == set(schema()["properties"])


@pytest.mark.parametrize("file", STACK_FILES, ids=lambda file: file.stem)
def test_every_stack_file_names_the_schema_and_loads(file: Path) -> None:
    given = file.read_text()
    assert given.startswith("# yaml-language-server: $schema=schema.json\n")
    config = yaml.safe_load(given)["config"]
    assert load_config(config).models

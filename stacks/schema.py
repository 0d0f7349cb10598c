"""Writes the schemas with which an editor checks and completes stack files and bases: ``python -m stacks.schema``."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stacks.described import described
from stacks.layers import BASES, EXTENDS
from stacks.merge import DELETE, PATCH, REPLACE
from stacks.settings import NAMESPACE

FILE = Path(__file__).with_name("schema.json")
"""The schema of stack files, as it is committed."""
BASE_FILE = BASES / "schema.json"
"""The schema of bases, as it is committed."""

SECURE_TEXT = {
    "type": "object",
    "properties": {"secure": {"type": "string"}},
    "required": ["secure"],
    "additionalProperties": False,
    "description": "A value that `pulumi config set --secret` has encrypted.",
}
"""How a stack file writes an encrypted value."""

PATCH_KEY = {
    "enum": [REPLACE, DELETE],
    "description": "``replace``: this counts alone. ``delete``: the entry of this name goes out of its list.",
}
"""How an entry is laid over the one below."""


def schema() -> dict[str, Any]:
    """The JSON schema of a stack file. One that builds upon others may leave out whatever they can say."""
    settings = _settings()
    builds_upon_others = {
        "anyOf": [
            {"required": [f"{NAMESPACE}:{EXTENDS}"]},
            {
                "required": [f"{NAMESPACE}:cluster"],
                "properties": {f"{NAMESPACE}:cluster": {"type": "object", "required": ["stackReference"]}},
            },
        ]
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A stack file of Modelyard",
        "type": "object",
        "properties": {
            "config": {
                "if": builds_upon_others,
                "then": {"$ref": "bases/schema.json#/$defs/Config"},
                "else": {"$ref": "#/$defs/Config"},
            },
            "encryptionsalt": {"type": "string", "description": "Salt of the stack's passphrase."},
            "encryptedkey": {"type": "string", "description": "Key of the stack's secrets, encrypted."},
            "secretsprovider": {"type": "string", "description": "What encrypts the stack's secrets."},
            "environment": {"description": "Pulumi ESC environments of the stack."},
        },
        "additionalProperties": False,
        "$defs": {**settings["$defs"], "Config": _config(settings["properties"])},
    }


def base_schema() -> dict[str, Any]:
    """The JSON schema of a base: all of it can be completed by the stacks that extend it."""
    settings = _partial(_settings())
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A base of Modelyard's stacks",
        "type": "object",
        "properties": {"config": {"$ref": "#/$defs/Config"}},
        "additionalProperties": False,
        "$defs": {**settings["$defs"], "Config": _config(settings["properties"])},
    }


def text(content: dict[str, Any]) -> str:
    """A schema as its file holds it."""
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def _settings() -> dict[str, Any]:
    found: dict[str, Any] = _with_secure_texts(described())
    return found


def _config(properties: Mapping[str, Any]) -> dict[str, Any]:
    keys = {f"{NAMESPACE}:{key}": value for key, value in properties.items()}
    return {
        "type": "object",
        "properties": keys,
        # Keys of other namespaces belong to Pulumi and its providers.
        "propertyNames": {"anyOf": [{"enum": sorted(keys)}, {"not": {"pattern": f"^{NAMESPACE}:"}}]},
    }


def _partial(node: Any) -> Any:
    """A schema of what is laid over something else: nothing is required, and ``$patch`` may say how it is laid."""
    if isinstance(node, list):
        return [_partial(item) for item in node]
    if not isinstance(node, dict) or node == SECURE_TEXT:
        return node
    # Without what is required in each, several of a union's may fit.
    renamed = {"anyOf" if key == "oneOf" else key: value for key, value in node.items() if key != "required"}
    changed = {key: _partial(value) for key, value in renamed.items()}
    if isinstance(changed.get("properties"), dict) and node.get("additionalProperties") is False:
        changed["properties"] = {**changed["properties"], PATCH: PATCH_KEY}
    return changed


def _with_secure_texts(node: Any) -> Any:
    if isinstance(node, list):
        return [_with_secure_texts(item) for item in node]
    if not isinstance(node, dict):
        return node
    if node.get("format") == "password":
        plain = {key: value for key, value in node.items() if key not in ("format", "writeOnly", "description")}
        described = {"description": node["description"]} if "description" in node else {}
        return {"anyOf": [plain, SECURE_TEXT], **described}
    return {key: _with_secure_texts(value) for key, value in node.items()}


if __name__ == "__main__":
    FILE.write_text(text(schema()))
    BASE_FILE.write_text(text(base_schema()))

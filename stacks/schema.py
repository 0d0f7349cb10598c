"""Writes ``stacks/schema.json``, with which an editor checks and completes stack files: ``python -m stacks.schema``."""

import json
from pathlib import Path
from typing import Any

from stacks.settings import NAMESPACE, StackSettings

FILE = Path(__file__).with_name("schema.json")
"""The schema, as it is committed."""

SECURE_TEXT = {
    "type": "object",
    "properties": {"secure": {"type": "string"}},
    "required": ["secure"],
    "additionalProperties": False,
    "description": "A value that `pulumi config set --secret` has encrypted.",
}
"""How a stack file writes an encrypted value."""


def schema() -> dict[str, Any]:
    """The JSON schema of a stack file."""
    settings = _with_secure_texts(StackSettings.model_json_schema(by_alias=True))
    keys = {f"{NAMESPACE}:{key}": value for key, value in settings["properties"].items()}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A stack file of Modelyard",
        "type": "object",
        "properties": {
            "config": {
                "type": "object",
                "properties": keys,
                # Keys of other namespaces belong to Pulumi and its providers.
                "propertyNames": {"anyOf": [{"enum": sorted(keys)}, {"not": {"pattern": f"^{NAMESPACE}:"}}]},
            },
            "encryptionsalt": {"type": "string", "description": "Salt of the stack's passphrase."},
            "encryptedkey": {"type": "string", "description": "Key of the stack's secrets, encrypted."},
            "secretsprovider": {"type": "string", "description": "What encrypts the stack's secrets."},
            "environment": {"description": "Pulumi ESC environments of the stack."},
        },
        "additionalProperties": False,
        "$defs": settings["$defs"],
    }


def text() -> str:
    """The schema as the file holds it."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


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
    FILE.write_text(text())

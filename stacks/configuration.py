"""Reads a stack's settings out of Pulumi's configuration."""

import json
from collections.abc import Mapping
from typing import Any

import pulumi
from pulumi.runtime import get_config_env, invoke

from stacks.layers import settings_of
from stacks.settings import NAMESPACE, StackSettings


def read() -> StackSettings:
    """The settings of the stack that the running program was started for.

    Secret values are decrypted by Pulumi. In the settings they are ``SecretStr``, so printing the
    settings does not print them.

    Raises:
        SettingsError: with one line for every problem found, an unknown key among them.
    """
    config = pulumi.Config(NAMESPACE)
    raw: dict[str, Any] = {}
    for key in _known_keys() | _given_keys():
        text = config.get(key)
        if text is not None:
            raw[key] = text if key in _TEXTS else _value(text)
    return settings_of(raw, f"Pulumi.{pulumi.get_stack()}.yaml", _outputs)


def _outputs(stack: str) -> Mapping[str, Any]:
    """What another stack exports."""
    exported: Mapping[str, Any] = invoke("pulumi:pulumi:readStackOutputs", {"name": stack}).value["outputs"]
    return exported


def _known_keys() -> set[str]:
    return {field.alias or name for name, field in StackSettings.model_fields.items()}


def _given_keys() -> set[str]:
    # Pulumi has no call that lists keys. The program's environment has them all; a program that the
    # Automation API runs inside its own process has no such environment, and its known keys suffice.
    prefix = f"{NAMESPACE}:"
    return {key.removeprefix(prefix) for key in get_config_env() if key.startswith(prefix)}


_TEXTS = frozenset({"huggingFaceToken", "imageMirror"})
"""Keys whose value is a text as it stands, even where it looks like JSON."""


def _value(text: str) -> Any:
    # Pulumi hands structured values over as JSON. What is none is left as it is: its field refuses it.
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text

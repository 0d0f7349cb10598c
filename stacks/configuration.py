"""Reads a stack's settings out of Pulumi's configuration."""

import time
from collections.abc import Mapping
from typing import Any

import pulumi
from pulumi.runtime import get_config_env, invoke

from stacks import promotions
from stacks.config_values import value_of
from stacks.layers import settings_of
from stacks.settings import NAMESPACE, SettingsError, StackSettings

READ_PAUSES = (0.1, 0.2, 0.5, 1.0)
"""Seconds to wait before a state that was being written is read again."""


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
            raw[key] = value_of(key, text)
    written = settings_of(raw, f"Pulumi.{pulumi.get_stack()}.yaml", _outputs)
    before = _promotions() if promotions.has_canary(written) else []
    return promotions.with_promotions(written, before)


def _promotions() -> list[dict[str, Any]]:
    """What the update before this one exported of promotions."""
    organization = pulumi.get_organization()
    # Backends without organizations have all stacks in this one, and the older of them take a bare name only.
    own = pulumi.get_stack()
    if organization != "organization":
        own = f"{organization}/{pulumi.get_project()}/{own}"
    found: list[dict[str, Any]] = _exported(own).get(promotions.OUTPUT) or []
    return found


def _outputs(stack: str) -> Mapping[str, Any]:
    """What another stack exports.

    Not by a ``StackReference``: its outputs are promises, and settings have to be known before anything is made.
    """
    try:
        return _exported(stack)
    except Exception as error:
        raise SettingsError(
            [
                f"{NAMESPACE}:cluster.stackReference: the outputs of {stack!r} can't be read: {_reason(error)}: write "
                "a stack that `pulumi stack ls --all` shows to you"
            ]
        ) from None


def _exported(stack: str) -> Mapping[str, Any]:
    """What a stack exports, also while its state is being written.

    A backend of files writes a state in one step, and what belongs to it in another: who reads in between finds
    a file without an end.
    """
    for pause in READ_PAUSES:
        try:
            return _read_once(stack)
        except Exception as error:
            if "failed to load checkpoint" not in str(error):
                raise
        time.sleep(pause)
    return _read_once(stack)


def _read_once(stack: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = invoke("pulumi:pulumi:readStackOutputs", {"name": stack}).value["outputs"]
    return found


def _reason(error: Exception) -> str:
    return " ".join(str(error).split())


def _known_keys() -> set[str]:
    return {field.alias or name for name, field in StackSettings.model_fields.items()}


def _given_keys() -> set[str]:
    # Pulumi has no call that lists keys. The program's environment has them all; a program that the
    # Automation API runs inside its own process has no such environment, and its known keys suffice.
    prefix = f"{NAMESPACE}:"
    return {key.removeprefix(prefix) for key in get_config_env() if key.startswith(prefix)}

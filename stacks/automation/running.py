"""The settings that a stack runs with: its secrets readable, its promotions counted, its outputs beside them."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from stacks import kubectl, promotions
from stacks.automation.errors import (
    AutomationError,
    CredentialsError,
    MissingToolError,
    ObjectMissingError,
    SettingsRefusedError,
    UnreachableError,
)
from stacks.automation.options import Options
from stacks.automation.recovery import checked
from stacks.automation.workspace import Workspace, opened, stack_file
from stacks.config_values import value_of
from stacks.layers import settings_of
from stacks.settings import NAMESPACE, SettingsError, StackSettings, own_keys


@dataclass(frozen=True)
class Running:
    """A stack that is up."""

    settings: StackSettings
    """Its settings, with its secrets."""
    outputs: Mapping[str, Any]
    """Its outputs, with its secrets."""


def running(stack: str, options: Options) -> Running:
    """What a stack runs with.

    Raises:
        AutomationError: there is no such stack, it is not up, or its secrets cannot be read.
    """
    with opened(stack, options) as workspace:
        outputs = _outputs(workspace, stack)
        if "base_url" not in outputs:
            raise ObjectMissingError(
                f"The stack '{stack}' has no output 'base_url', so there is no gateway to ask.",
                "Bring it up first. Of a platform that is split, the stack with the models has it.",
            )
        settings = _settings(workspace, stack, options, outputs)
    return Running(settings, outputs)


def readable_settings(stack: str, options: Options) -> StackSettings:
    """A stack's settings with its secrets and with other stacks' outputs, whether it is up or not.

    Raises:
        AutomationError: there is no such stack, or its secrets or those outputs cannot be read.
    """
    with opened(stack, options) as workspace:
        return _settings(workspace, stack, options, _outputs(workspace, stack))


def written_settings(stack: str, options: Options) -> StackSettings:
    """A stack's settings as its files say them, with its secrets and with other stacks' outputs.

    Raises:
        AutomationError: there is no such stack, or its secrets or those outputs cannot be read.
    """
    with opened(stack, options) as workspace:
        return _written(workspace, stack, options)


@contextmanager
def cluster_errors() -> Iterator[None]:
    """Tells what ``kubectl`` fails of as the errors of this package."""
    try:
        yield
    except kubectl.KubectlError as error:
        raise of_kubectl(error) from None


def of_kubectl(error: kubectl.KubectlError) -> AutomationError:
    """What ``kubectl`` fails of, as an error of this package."""
    match error:
        case kubectl.MissingKubectlError():
            return MissingToolError(error.problem, error.remedy)
        case kubectl.UnreachableClusterError():
            return UnreachableError(error.problem, error.remedy)
        case kubectl.CredentialsError() | kubectl.ForbiddenError():
            return CredentialsError(error.problem, error.remedy)
        case kubectl.NotFoundError():
            return ObjectMissingError(error.problem, error.remedy)
        case _:
            return AutomationError(error.problem, error.remedy)


def _settings(workspace: Workspace, stack: str, options: Options, outputs: Mapping[str, Any]) -> StackSettings:
    written = _written(workspace, stack, options)
    with _refusing():
        return promotions.with_promotions(written, outputs.get(promotions.OUTPUT) or [])


def _written(workspace: Workspace, stack: str, options: Options) -> StackSettings:
    config = json.loads(checked(workspace, "config", "--json", "--show-secrets", *workspace.configured))
    texts = {key: entry["value"] for key, entry in own_keys(config).items()}
    values = {f"{NAMESPACE}:{key}": value_of(key, text) for key, text in texts.items()}
    with _refusing():
        return settings_of(values, stack_file(stack, options).name, lambda other: _outputs(workspace, other))


@contextmanager
def _refusing() -> Iterator[None]:
    try:
        yield
    except SettingsError as error:
        raise SettingsRefusedError(
            f"This stack cannot work as it is written:\n{error}", "Correct its file and bring it up."
        ) from None


def _outputs(workspace: Workspace, stack: str) -> Mapping[str, Any]:
    printed = checked(workspace, "stack", "output", "--json", "--show-secrets", f"--stack={stack}")
    found: Mapping[str, Any] = json.loads(printed)
    return found

"""The stack that a command is about: its settings, its cluster, its models."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from stacks.cli.errors import CliError
from stacks.cli.exits import ExitCode
from stacks.kubectl import Kubectl
from stacks.settings import ModelSettings, StackSettings
from stacks.stack_file import UnknownValuesError, read_named, stands_in


@dataclass(frozen=True)
class Stack:
    """A stack whose cluster can be asked."""

    name: str
    """Its name."""
    settings: StackSettings
    """Its settings, with something else in place of encrypted values where the cluster can be asked without them."""
    kubectl: Kubectl
    """Its cluster."""

    @classmethod
    def named(cls, name: str) -> "Stack":
        """The stack of that name. Nothing is asked of its cluster yet.

        Raises:
            SettingsError: when there is no such stack, or its file cannot work.
            CliError: when its file does not say enough, and Pulumi cannot say the rest.
        """
        settings = with_kubeconfig(name, settings_of(name))
        return cls(name, settings, Kubectl.of(settings.cluster))

    def model(self, name: str) -> ModelSettings:
        """The model of that name.

        Raises:
            CliError: when it has none.
        """
        known = [model.name for model in self.settings.models]
        if name not in known:
            raise CliError(
                f"{name!r} is no model of the stack {self.name!r}.",
                f"Write {_either(known)}." if known else "The stack has no models yet: add one to modelyard:models.",
                ExitCode.NOT_FOUND,
            )
        return self.settings.model(name)


def settings_of(name: str, **changes: Mapping[str, Any]) -> StackSettings:
    """The settings of a stack: by its file alone, else as Pulumi knows them, which is slower.

    A file does not say what another project's stack exports, nor a setting that is encrypted as a whole. Of settings
    by a file, something else stands in place of encrypted values.

    Args:
        name: the stack's name.
        changes: what is laid over mappings of the file, by their names.

    Raises:
        SettingsError: when there is no such stack, or its file cannot work.
        CliError: when Pulumi has to be asked and cannot say it.
    """
    try:
        return read_named(name, **changes)
    except UnknownValuesError as error:
        return _asked_of_pulumi(name, f"knows {error.unknown}", changes)


def with_kubeconfig(name: str, settings: StackSettings) -> StackSettings:
    """The settings of a stack, with its kubeconfig readable.

    Raises:
        CliError: when Pulumi has to be asked and cannot say it.
    """
    kubeconfig = settings.cluster.kubeconfig_contents
    encrypted = kubeconfig is not None and stands_in(kubeconfig.get_secret_value())
    if encrypted and settings.cluster.kubeconfig_path is None:
        return _asked_of_pulumi(name, "can decrypt modelyard:cluster.kubeconfigContents", {})
    return settings


def _asked_of_pulumi(name: str, why: str, changes: Mapping[str, Any]) -> StackSettings:
    # Most stacks do without, and without what it takes to load it.
    from stacks.automation.errors import AutomationError, SettingsRefusedError
    from stacks.automation.options import Options
    from stacks.automation.running import readable_settings

    try:
        return readable_settings(name, Options(settings=changes))
    except SettingsRefusedError:
        raise
    except AutomationError as error:
        problem = f"Pulumi alone {why}, and it cannot be asked: {error.problem}"
        raise CliError(problem, error.remedy, ExitCode(error.exit_code)) from None


def _either(names: list[str]) -> str:
    return " or ".join(repr(name) for name in names)

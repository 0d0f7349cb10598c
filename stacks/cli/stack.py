"""The stack that a command is about: its settings, its cluster, its models."""

from dataclasses import dataclass

from stacks.cli.errors import CliError
from stacks.cli.exits import ExitCode
from stacks.kubectl import Kubectl
from stacks.settings import ModelSettings, StackSettings
from stacks.stack_file import UnknownOutputsError, read_named, stands_in


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
            AutomationError: when its file does not say enough, and Pulumi cannot say the rest.
        """
        settings = settings_with_cluster(name)
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


def settings_with_cluster(name: str) -> StackSettings:
    """The settings of a stack, its cluster's among them: by its file alone, else as Pulumi knows them, which is slower.

    A file does not say what another project's stack exports, nor an encrypted kubeconfig.

    Raises:
        SettingsError: when there is no such stack, or its file cannot work.
        AutomationError: when Pulumi has to be asked and cannot say it.
    """
    try:
        settings = read_named(name)
    except UnknownOutputsError:
        return _asked_of_pulumi(name)
    kubeconfig = settings.cluster.kubeconfig_contents
    encrypted = kubeconfig is not None and stands_in(kubeconfig.get_secret_value())
    if encrypted and settings.cluster.kubeconfig_path is None:
        return _asked_of_pulumi(name)
    return settings


def _asked_of_pulumi(name: str) -> StackSettings:
    # Most stacks do without, and without what it takes to load it.
    from stacks.automation.options import DEFAULTS
    from stacks.automation.running import readable_settings

    return readable_settings(name, DEFAULTS)


def _either(names: list[str]) -> str:
    return " or ".join(repr(name) for name in names)

"""The stack that a command is about: its settings, its cluster, its models."""

from dataclasses import dataclass

from stacks.cli.errors import CliError
from stacks.cli.exits import ExitCode
from stacks.kubectl import Kubectl
from stacks.settings import ModelSettings, StackSettings
from stacks.stack_file import read_named


@dataclass(frozen=True)
class Stack:
    """A stack whose cluster can be asked."""

    name: str
    """Its name."""
    settings: StackSettings
    """Its settings, with something else in place of encrypted values."""
    kubectl: Kubectl
    """Its cluster."""

    @classmethod
    def named(cls, name: str) -> "Stack":
        """The stack of that name. Nothing is asked of its cluster yet.

        Raises:
            SettingsError: when there is no such stack, or its file cannot work.
        """
        settings = read_named(name)
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


def _either(names: list[str]) -> str:
    return " or ".join(repr(name) for name in names)

"""What Pulumi reads and may write, in a private folder: the work tree stays as it is.

Pulumi writes into a stack's file: a salt when the stack is made or first decrypted, and all of it anew with other
quotes and no comments. It also notes which stack was chosen last. So it gets a copy of the file by ``--config-file``,
a project of its own where a stack is made, and the stack's name with every command.
"""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stacks.automation.errors import SettingsRefusedError, StackMissingError
from stacks.automation.options import Options
from stacks.automation.process import Pulumi

if TYPE_CHECKING:
    from stacks.settings import StackSettings


@dataclass(frozen=True)
class Workspace:
    """One stack of the checkout, for one operation."""

    stack: str
    """The stack's name, as Pulumi is told."""
    project: str
    """The name of the project that it is of."""
    pulumi: Pulumi
    """Pulumi's command in the checkout."""
    maker: Pulumi
    """Pulumi's command in the private project, which makes stacks."""
    file: Path
    """The private copy of the stack's file."""

    @property
    def name(self) -> str:
        """The stack's name without organization and project, as its file has it."""
        return self.stack.rpartition("/")[2]

    @property
    def chosen(self) -> tuple[str, ...]:
        """Arguments that name the stack."""
        return (f"--stack={self.stack}",)

    @property
    def configured(self) -> tuple[str, ...]:
        """Arguments that name the stack and its settings."""
        return (*self.chosen, f"--config-file={self.file}")


@contextmanager
def opened(stack: str, options: Options, *, file_needed: bool = True) -> Iterator[Workspace]:
    """A workspace for a stack, as long as the context lasts.

    Args:
        stack: the stack's name; with organization and project where need be, as ``pulumi --stack`` has it.
        options: how the operation is run.
        file_needed: whether the stack's file must be there. Destroying a stack needs none.

    Raises:
        StackMissingError: when there is no file.
        SettingsRefusedError: when it cannot work.
        MissingToolError: when there is no Pulumi.
    """
    import yaml

    from stacks.automation.toolchain import environment_for, program

    text = stack_file_text(stack, options, needed=file_needed)
    with tempfile.TemporaryDirectory(prefix="modelyard-") as name:
        folder = Path(name)
        short = stack.rpartition("/")[2]
        file = folder / f"Pulumi.{short}.yaml"
        file.write_text(text, encoding="utf-8")
        project = _private_project(options.checkout)
        (folder / "Pulumi.yaml").write_text(yaml.safe_dump(project), encoding="utf-8")
        environment = environment_for(short, options.environment)
        command = str(program())
        yield Workspace(
            stack,
            project["name"],
            Pulumi(command, options.checkout, environment),
            Pulumi(command, folder, environment),
            file,
        )


def stack_file(stack: str, options: Options) -> Path:
    """The file that a stack's settings are taken from, whether it is there or not."""
    name = (options.settings_of or stack).rpartition("/")[2]
    return options.checkout / "stacks" / f"Pulumi.{name}.yaml"


def stack_file_text(stack: str, options: Options, *, needed: bool = True) -> str:
    """A stack's file with the settings of this operation laid over it.

    Raises:
        StackMissingError: when there is no such file.
        SettingsRefusedError: when it cannot work.
    """
    path = stack_file(stack, options)
    if not path.is_file():
        if not needed:
            return "config: {}\n"
        known = sorted(each.stem.removeprefix("Pulumi.") for each in path.parent.glob("Pulumi.*.yaml"))
        raise StackMissingError(
            f"'{path.stem.removeprefix('Pulumi.')}' is no stack: there is no file {path.name} in {path.parent.name}.",
            f"Write one of {', '.join(known)}, or copy one of their files to {path.name}.",
        )
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise SettingsRefusedError(f"{path.name} is no text in UTF-8.", "Save it as such.") from None
    if not options.settings:
        return text
    with _refusing(path):
        return _laid_over(path, text, options.settings)


def settings_of_file(stack: str, options: Options) -> "StackSettings":
    """The settings of a stack as its files say them, with those of this operation, and without its secrets.

    What no file says is asked of Pulumi: another project's outputs, and settings that are encrypted as a whole.

    Raises:
        StackMissingError: there is no such file.
        SettingsRefusedError: it cannot work.
        AutomationError: Pulumi has to be asked, and cannot say it.
    """
    from stacks.automation.running import written_settings
    from stacks.stack_file import UnknownValuesError, read

    with tempfile.TemporaryDirectory(prefix="modelyard-") as folder:
        file = Path(folder) / stack_file(stack, options).name
        file.write_text(stack_file_text(stack, options), encoding="utf-8")
        with _refusing(file), suppress(UnknownValuesError):
            return read(file)
    return written_settings(stack, options)


@contextmanager
def _refusing(file: Path) -> Iterator[None]:
    """Tells what is wrong with settings as this package tells it."""
    from stacks.settings import SettingsError

    try:
        yield
    except SettingsError as error:
        raise SettingsRefusedError(
            f"This stack cannot work as it is written:\n{error}", f"Correct stacks/{file.name}, or what it extends."
        ) from None


def _laid_over(path: Path, text: str, settings: Mapping[str, Any]) -> str:
    import yaml

    from stacks.config_file import config_of
    from stacks.merge import joined, laid_over, plain, tree
    from stacks.settings import NAMESPACE, own_keys

    config = config_of(path)
    own = own_keys(config)
    # What is still to be laid over something keeps what it says of that.
    lay = joined if _builds_upon_others(own) or _builds_upon_others(settings) else laid_over
    merged = plain(lay(tree(own, path.name), tree(settings, "the settings of this operation")))
    foreign = {key: value for key, value in config.items() if key.removeprefix(f"{NAMESPACE}:") not in own}
    written = {**foreign, **{f"{NAMESPACE}:{key}": value for key, value in merged.items()}}
    return yaml.safe_dump({**(yaml.safe_load(text) or {}), "config": written}, sort_keys=False, allow_unicode=True)


def _builds_upon_others(config: Mapping[str, Any]) -> bool:
    from stacks.layers import EXTENDS

    cluster = config.get("cluster")
    return EXTENDS in config or (isinstance(cluster, Mapping) and "stackReference" in cluster)


def _private_project(checkout: Path) -> dict[str, Any]:
    import yaml

    project = yaml.safe_load((checkout / "Pulumi.yaml").read_text(encoding="utf-8"))
    return {key: project[key] for key in ("name", "runtime", "backend") if key in project}

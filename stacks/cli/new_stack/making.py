"""Makes a stack file, and never touches one that is there."""

import re
from pathlib import Path

import yaml

from stacks import stack_file
from stacks.cli.errors import CliError
from stacks.cli.exits import ExitCode
from stacks.cli.new_stack.answers import Answers
from stacks.cli.new_stack.sizing import size
from stacks.cli.new_stack.text import text
from stacks.settings import SettingsError, load_config


def check_name(name: str) -> Path:
    """The file that a new stack of this name gets.

    Raises:
        CliError: when it is no name for a stack, or its file is there.
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}", name):
        raise CliError(
            f"{name!r} is no name that Pulumi takes for a stack.",
            "Use letters, digits, '-', '_' and '.', and begin with a letter or a digit.",
            ExitCode.USAGE,
        )
    file = stack_file.FOLDER / f"Pulumi.{name}.yaml"
    if file.exists():
        raise CliError(
            f"There is a stack file {file.name} already, and it is left as it is.",
            "Take another name, or edit that file.",
            ExitCode.FAILED,
        )
    return file


def _check_zones(answers: Answers) -> None:
    """The policy ``fallback-elsewhere``, which looks at what an update makes."""
    if answers.production and len(answers.weights) > 1 and len(set(answers.zones)) < 2:
        raise CliError(
            "All nodes are in one zone, so its loss would take a model and what stands in for it, and people depend on "
            "them.",
            "Name two zones (--zone eu-1a --zone eu-1b), or take one model only.",
            ExitCode.SETTINGS,
        )


def make(answers: Answers) -> Path:
    """Write the stack file for a person's answers, once all rules let it pass.

    Raises:
        CliError: when there is such a file, or such a stack cannot work.
    """
    file = check_name(answers.name)
    _check_zones(answers)
    try:
        content = text(answers, {weights: size(answers, weights) for weights in answers.weights})
        load_config(yaml.safe_load(content)["config"])
    except SettingsError as error:
        raise CliError(
            f"The stack that these answers make cannot work:\n{error}",
            "Nothing was written: give other answers. `modelyard init --help` lists what can be said.",
            ExitCode.SETTINGS,
        ) from None
    try:
        # Another program may have made it meanwhile.
        with file.open("x", encoding="utf-8") as made:
            made.write(content)
    except FileExistsError:
        check_name(answers.name)
    return file

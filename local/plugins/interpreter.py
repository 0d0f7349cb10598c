"""Which Python runs a program, and with which environment."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parents[2]
"""The root of this checkout. `local.paths` has it too, but loads the settings, which no plugin should wait for."""

VIRTUALENV_VARIABLE = "PULUMI_RUNTIME_VIRTUALENV"


class InterpreterError(Exception):
    """The Python that a project asks for can't be used."""


def python_for(info: Any) -> Path:
    """Find the interpreter of a project.

    The runtime option `virtualenv` comes first (relative to the project's root, as in the official host), then the
    variable `PULUMI_RUNTIME_VIRTUALENV`, then the interpreter that runs this plugin.

    Args:
        info: a `ProgramInfo` of the language protocol.

    Raises:
        InterpreterError: the option is no string, or there is no virtual environment at that place.
    """
    root = Path(info.root_directory)
    option = "virtualenv" in info.options.fields
    given = info.options["virtualenv"] if option else os.environ.get(VIRTUALENV_VARIABLE, "")
    if not isinstance(given, str):
        raise InterpreterError(
            f"the runtime option virtualenv is {given!r}: it has to be a path. "
            "Write the folder of the virtual environment, for example .venv"
        )
    if not given:
        return Path(sys.executable)
    python = root / given / "bin" / "python"
    if not python.is_file():
        raise InterpreterError(
            f"virtualenv {given!r} of the project in {root}: there is no {python}, so the program can't run. "
            "Run make setup in the checkout, which makes it, or name another folder"
        )
    return python


def environment_for(python: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """The environment of a process under `python`: its virtual environment active, the plugin's own path gone.

    The launchers put the checkout on PYTHONPATH for the plugins themselves; a program must not see it there.
    """
    folder = python.parent
    result = {name: value for name, value in environment.items() if name not in {"PYTHONHOME", "PYTHONPATH"}}
    result["PATH"] = os.pathsep.join([str(folder), *filter(None, [environment.get("PATH")])])
    if (folder.parent / "pyvenv.cfg").is_file():
        result["VIRTUAL_ENV"] = str(folder.parent)
    kept = [path for path in environment.get("PYTHONPATH", "").split(os.pathsep) if path and Path(path) != CHECKOUT]
    if kept:
        result["PYTHONPATH"] = os.pathsep.join(kept)
    return result

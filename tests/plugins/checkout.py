"""The program of this checkout as a project of the real CLI, with stand-ins for the providers."""

import json
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from local.paths import CHECKOUT
from tests.plugins.conftest import Cli

SCRIPT = """#!/bin/sh
PYTHONPATH={root} exec {python} -P -m {module} {version} "$@"
"""

PROGRAM = """
import runpy
import sys

sys.path.insert(0, {root!r})
runpy.run_path({root!r} + "/__main__.py", run_name="__main__")
"""


def checkout_in(cli: Cli, virtualenv: Path, packages: tuple[str, ...], module: str = "tests.clouds.stand_in") -> Cli:
    """The CLI in a project whose program is this checkout's.

    Args:
        cli: the CLI in an empty project.
        virtualenv: the environment that the program runs in.
        packages: the Pulumi packages whose providers are stood in for.
        module: what stands in for each of them, given its version.
    """
    (found,) = virtualenv.glob("lib/python3.*/site-packages")
    home = cli.project / "home"
    for package in packages:
        _stand_in(home, package, found, module)
    runtime = {"name": "python", "options": {"virtualenv": str(virtualenv)}}
    project = {"name": "modelyard", "runtime": runtime, "stackConfigDir": "stacks"}
    (cli.project / "Pulumi.yaml").write_text(yaml.safe_dump(project), encoding="utf-8")
    there = Cli(cli.program, cli.project, {**cli.environment, "PULUMI_HOME": str(home)})
    there.write(PROGRAM.format(root=str(CHECKOUT)))
    return there


def init(cli: Cli, stack: str, config: Mapping[str, Any]) -> Path:
    """Make a stack, and select it; gives its file."""
    cli.run("stack", "init", stack)
    file = cli.project / "stacks" / f"Pulumi.{stack}.yaml"
    initial = yaml.safe_load(file.read_text(encoding="utf-8"))
    file.write_text(yaml.safe_dump({**initial, "config": dict(config)}), encoding="utf-8")
    return file


def planned(cli: Cli) -> dict[str, dict[str, Any]]:
    """The inputs of all that a preview of the selected stack says it would make, by its name."""
    printed = cli.run("preview", "--json")
    states = [step["newState"] for step in json.loads(printed[printed.index("{") :])["steps"]]
    return {state["urn"].rpartition("::")[2]: state.get("inputs", {}) for state in states}


def _stand_in(home: Path, package: str, packages: Path, module: str) -> None:
    plugin = json.loads((packages / f"pulumi_{package}" / "pulumi-plugin.json").read_text(encoding="utf-8"))
    folder = home / "plugins" / f"resource-{package}-v{plugin['version']}"
    folder.mkdir(parents=True)
    launcher = folder / f"pulumi-resource-{package}"
    launcher.write_text(
        SCRIPT.format(
            root=shlex.quote(str(CHECKOUT)),
            python=shlex.quote(sys.executable),
            module=module,
            version=plugin["version"],
        ),
        encoding="utf-8",
    )
    launcher.chmod(0o755)

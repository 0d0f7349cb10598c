"""Puts the plugins where the Pulumi CLI looks for them.

The engine finds a plugin by the name of its executable, on PATH or beside `pulumi` itself. Where the executable comes
from PATH only, every command prints a warning; `link_plugins` puts resource plugins into Pulumi's own cache instead,
where they are found without one.
"""

import json
import os
import shlex
from importlib.util import find_spec
from pathlib import Path

from local.errors import LocalError

LAUNCHERS = {
    "pulumi-language-python": "local.plugins.language_host",
    "pulumi-resource-random": "local.plugins.random_provider",
}
SCRIPT = """#!/bin/sh
PYTHONPATH={root}${{PYTHONPATH:+:$PYTHONPATH}} exec {python} -P -m {module} "$@"
"""


def write_launchers(bin_dir: Path, python: Path, root: Path) -> None:
    """Write one executable for each plugin.

    Args:
        bin_dir: where to; made if needed. It should be the folder of `pulumi` itself.
        python: an interpreter with the Pulumi SDK.
        root: the root of the checkout.
    """
    bin_dir.mkdir(parents=True, exist_ok=True)
    for name, module in LAUNCHERS.items():
        launcher = bin_dir / name
        launcher.write_text(
            SCRIPT.format(root=shlex.quote(str(root)), python=shlex.quote(str(python)), module=module), encoding="utf-8"
        )
        launcher.chmod(0o755)


def link_plugins(pulumi_home: Path, bin_dir: Path, packages: tuple[str, ...]) -> None:
    """Enter resource plugins of `bin_dir` into the plugin cache, under the versions that the SDKs here ask for.

    Args:
        pulumi_home: what `PULUMI_HOME` will be.
        bin_dir: the folder with executables `pulumi-resource-<package>`.
        packages: names of Pulumi packages whose SDKs are installed here, such as `random`.

    Raises:
        LocalError: an executable, or the SDK of a package, is missing.
    """
    for package in packages:
        executable = bin_dir / f"pulumi-resource-{package}"
        if not executable.is_file():
            raise LocalError(f"there is no {executable}, so no program can use that provider", "run make setup")
        folder = pulumi_home / "plugins" / f"resource-{package}-v{_sdk_version(package)}"
        folder.mkdir(parents=True, exist_ok=True)
        link = folder / executable.name
        temporary = folder / f".{executable.name}.{os.getpid()}"
        temporary.symlink_to(executable)
        temporary.replace(link)


def _sdk_version(package: str) -> str:
    spec = find_spec(f"pulumi_{package}")
    if spec is None or not spec.submodule_search_locations:
        raise LocalError(
            f"the package pulumi_{package} is not installed, so its version is not known", "run make setup"
        )
    plugin = json.loads((Path(spec.submodule_search_locations[0]) / "pulumi-plugin.json").read_text(encoding="utf-8"))
    return str(plugin["version"])

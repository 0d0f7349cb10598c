"""A complete Pulumi in a folder of its own, and a project for it, for tests that run the real CLI."""

import os
import shutil
import sys
from pathlib import Path

import pytest

from local.paths import CHECKOUT, Paths
from local.plugins.launchers import link_plugins, write_launchers

PROJECT = """\
name: sample
runtime:
  name: python
  options:
    virtualenv: {virtualenv}
stackConfigDir: stacks
"""


def install_pulumi(root: Path) -> Path:
    """Fill a folder: `bin` has the CLI and the language host as somebody has installed them, `home` its plugins."""
    built = Paths.from_environment().bin
    found = shutil.which("pulumi", path=f"{built}{os.pathsep}{os.environ['PATH']}")
    if found is None:
        pytest.fail(f"there is no pulumi in {built} nor on PATH, so nothing can be run with it: run make setup")
    plugins = root / "plugins"
    plugins.mkdir(parents=True)
    write_launchers(root / "bin", Path(sys.executable), CHECKOUT)
    (root / "bin" / "pulumi-resource-random").rename(plugins / "pulumi-resource-random")
    (plugins / "pulumi-resource-kubernetes").symlink_to(built / "pulumi-resource-kubernetes")
    shutil.copy2(Path(found).resolve(), root / "bin" / "pulumi")
    link_plugins(root / "home", plugins, ("random", "kubernetes"))
    return root


def project_text() -> str:
    """A project's ``Pulumi.yaml``, whose programs run with the Python of these tests."""
    return PROJECT.format(virtualenv=sys.prefix)

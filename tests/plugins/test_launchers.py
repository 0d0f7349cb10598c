"""Where the plugins are put."""

import json
import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from local.errors import LocalError
from local.paths import CHECKOUT
from local.plugins.launchers import link_plugins, write_launchers

REPORT = "import json, os, sys; print(json.dumps([sys.argv[1:], os.environ['PYTHONPATH']]))"


@pytest.fixture
def python(tmp_path: Path) -> Path:
    """An interpreter that says how it was started, in a folder whose name a shell would split."""
    folder = tmp_path / "with spaces"
    folder.mkdir()
    python = folder / "python"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" -c "{REPORT}" "$@"\n', encoding="utf-8")
    python.chmod(0o755)
    return python


@pytest.mark.parametrize(
    ("name", "module"),
    [
        ("pulumi-language-python", "local.plugins.language_host"),
        ("pulumi-resource-random", "local.plugins.random_provider"),
    ],
)
@pytest.mark.parametrize(("before", "after"), [(None, "{root}"), ("/other", "{root}:/other")])
def test_a_launcher_starts_its_module_with_the_checkout_on_the_path(
    tmp_path: Path, python: Path, name: str, module: str, before: str | None, after: str
) -> None:
    root = tmp_path / "a checkout"
    write_launchers(tmp_path / "bin", python, root)
    environment = {each: value for each, value in os.environ.items() if each != "PYTHONPATH"}
    if before is not None:
        environment["PYTHONPATH"] = before
    said = subprocess.run(
        [tmp_path / "bin" / name, "127.0.0.1:1", "a b"], env=environment, capture_output=True, text=True, check=True
    ).stdout
    assert json.loads(said) == [["-P", "-m", module, "127.0.0.1:1", "a b"], after.format(root=root)]


def test_linked_plugins_have_the_version_that_their_sdk_asks_for(tmp_path: Path) -> None:
    write_launchers(tmp_path / "bin", Path(sys.executable), CHECKOUT)
    link_plugins(tmp_path / "home", tmp_path / "bin", ("random",))
    link_plugins(tmp_path / "home", tmp_path / "bin", ("random",))
    [folder] = (tmp_path / "home" / "plugins").iterdir()
    [link] = folder.iterdir()
    assert folder.name == f"resource-random-v{metadata.version('pulumi-random')}"
    assert link.name == "pulumi-resource-random"
    assert link.resolve() == tmp_path / "bin" / "pulumi-resource-random"


def test_a_plugin_that_was_not_built_is_said(tmp_path: Path) -> None:
    with pytest.raises(LocalError, match=r"there is no .*/pulumi-resource-random, so no program can use that provider"):
        link_plugins(tmp_path / "home", tmp_path, ("random",))


def test_a_package_without_sdk_is_said(tmp_path: Path) -> None:
    (tmp_path / "pulumi-resource-nothing").touch()
    with pytest.raises(LocalError, match="the package pulumi_nothing is not installed"):
        link_plugins(tmp_path / "home", tmp_path, ("nothing",))

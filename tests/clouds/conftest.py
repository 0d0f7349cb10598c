"""The SDKs of the clouds, which lie in an environment of their own."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.paths import Paths
from tests.components.conftest import run
from tests.plugins.conftest import cli, pulumi_home

__all__ = ["cli", "pulumi_home", "run"]

PACKAGES = ("gcp", "aws", "azure", "alicloud")
"""The clouds' packages of Pulumi."""


@pytest.fixture(scope="session")
def clouds() -> Path:
    """The environment with what `uv sync` installs for every extra."""
    environment = Paths.from_environment().clouds
    if not (environment / "bin" / "python").exists():
        pytest.fail(f"there is no environment with the clouds' SDKs at {environment}: run make clouds")
    return environment


@pytest.fixture
def sdks(clouds: Path) -> Iterator[None]:
    """Lets this interpreter import the SDKs, behind all that it has itself."""
    (packages,) = clouds.glob("lib/python3.*/site-packages")
    sys.path.append(str(packages))
    yield
    sys.path.remove(str(packages))

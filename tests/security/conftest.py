"""Fixtures of the security tests."""

from tests.clouds.conftest import clouds, sdks
from tests.components.conftest import run
from tests.gateway.conftest import loop, pair
from tests.plugins.conftest import cli, pulumi_home

__all__ = ["cli", "clouds", "loop", "pair", "pulumi_home", "run", "sdks"]

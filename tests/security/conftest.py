"""Fixtures of the security tests."""

from tests.gateway.conftest import loop, pair

__all__ = ["loop", "pair"]

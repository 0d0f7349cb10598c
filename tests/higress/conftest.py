"""Fixtures of the tests with a real Envoy."""

from tests.gateway.conftest import loop, pods

__all__ = ["loop", "pods"]

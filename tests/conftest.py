"""What all tests have in common."""

import pytest
from hypothesis import HealthCheck, settings

# The same examples in every run, and no limit on time: these machines are noisy.
settings.register_profile("modelyard", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("modelyard")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The live tests last: until the end, the cluster that they start takes from what the others need."""
    items.sort(key=lambda item: item.get_closest_marker("live") is not None)

"""What all tests have in common."""

from hypothesis import HealthCheck, settings

# The same examples in every run, and no limit on time: these machines are noisy.
settings.register_profile("modelyard", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("modelyard")

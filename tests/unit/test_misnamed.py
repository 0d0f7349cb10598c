"""What is proposed for a setting that there is not."""

import pytest

from stacks.settings.misnamed import setting_meant
from stacks.settings.pools import POOL_ADAPTERS


@pytest.mark.parametrize(
    ("places", "name", "meant"),
    [
        ((), "modles", "'models'"),
        ((), "huggingfaceToken", "'huggingFaceToken'"),
        ((), "image", "'serving.image'"),
        (("models", 0), "replica", "'replicas'"),
        (("models", 0), "maxModelLen", "'engine.maxModelLen'"),
        (("models", 0), "drainSeconds", "'probes.drainSeconds'"),
        (("models", 0, "engine"), "dtpe", "'dtype'"),
        (("routes", 3), "fallbacks", "'fallback'"),
        (("pools", 0, "kind:gke"), "locaton", "'location'"),
        (("gateway", "kind:higress"), "cros", "'cors'"),
    ],
)
def test_what_is_near(places: tuple[int | str, ...], name: str, meant: str) -> None:
    assert setting_meant(places, name) == meant


@pytest.mark.parametrize(
    ("places", "name"),
    [
        ((), "zebra"),
        # Another kind has it.
        (("gateway", "kind:envoy"), "cros"),
        # Entries of a list have it, and which is meant can't be said.
        ((), "upstreams"),
        (("models", 0, "extraArgs", 1), "x"),
    ],
)
def test_what_is_near_nothing(places: tuple[int | str, ...], name: str) -> None:
    assert setting_meant(places, name) is None


def test_every_kind_is_known_by_what_chooses_it() -> None:
    for adapter in POOL_ADAPTERS:
        assert setting_meant(("pools", 0, f"kind:{adapter}"), "maxNode") == "'maxNodes'"

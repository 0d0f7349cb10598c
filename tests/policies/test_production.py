"""Whether a stack is one of production, by what the engine tells of its configuration."""

import pytest

from policies.pack.server import is_production


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({}, False),
        ({"modelyard:production": "true"}, True),
        ({"modelyard:production": "false"}, False),
        ({"modelyard:extends": "production"}, True),
        ({"modelyard:extends": '["production"]'}, True),
        ({"modelyard:extends": "production", "modelyard:production": "false"}, False),
        ({"modelyard:extends": "production", "modelyard:cluster": '{"stackReference": "a/b/c"}'}, True),
        ({"modelyard:extends": "there-is-no-such-base", "aws:region": "eu-west-1"}, False),
    ],
)
def test_production(config: dict[str, str], expected: bool) -> None:
    assert is_production(config) is expected

"""Every stack that is here, as its file has it. Those with pools of a cloud are in ``tests/clouds``."""

import pytest

from components.platform import Platform
from stacks.stack_file import names, read_named
from tests.components.conftest import Run

STACKS = [name for name in names() if all(pool.adapter == "existing" for pool in read_named(name).pools)]


@pytest.mark.parametrize("name", STACKS)
def test_a_preview_of_it_goes_through(run: Run, name: str) -> None:
    stack = read_named(name)
    program = run(lambda: Platform("platform", stack), preview=True)
    made = {found.name for found in program.resources}
    assert {f"platform-{model.name}-replicas" for model in stack.models} <= made
    assert not [message for message in program.messages if "warn" in message.lower()]


def test_the_experiment_and_production_are_among_them() -> None:
    assert set(STACKS) >= {"local", "seed", "prod"}

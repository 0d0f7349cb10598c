"""Fixtures of the tests of policies."""

from collections.abc import Callable

import pytest
from pulumi.runtime import settings as runtime

from components.platform import Platform
from policies.pack.resource import Resource, resource
from stacks.settings import StackSettings
from tests.components.conftest import run_program


@pytest.fixture
def rendered() -> Callable[[StackSettings], list[Resource]]:
    """What the program registers for a stack, as a policy sees it."""

    def render(stack: StackSettings) -> list[Resource]:
        before = runtime.SETTINGS
        try:
            program = run_program(lambda: Platform("platform", stack))
        finally:
            runtime.configure(before)
        return [resource(each.urn, each.token, each.name, each.inputs) for each in program.resources]

    return render

"""The whole pack against the stacks of the clouds, with the clouds' real SDKs."""

from collections.abc import Callable

import pytest

from policies.pack.resource import Resource
from stacks.settings import StackSettings
from stacks.stack_file import read_named
from tests.clouds.conftest import clouds, sdks
from tests.policies.test_stacks import broken

__all__ = ["clouds", "sdks"]

pytestmark = [
    pytest.mark.clouds,
    pytest.mark.usefixtures("sdks"),
    # What an SDK says when it is imported of resources that nobody asks it for.
    pytest.mark.filterwarnings("ignore:.* has been deprecated in favor of:DeprecationWarning"),
]


@pytest.mark.parametrize("name", ["gke", "eks", "aks", "ack"])
def test_the_stack_of_each_cloud_breaks_no_rule(rendered: Callable[[StackSettings], list[Resource]], name: str) -> None:
    stack = read_named(name)
    assert stack.production
    resources = rendered(stack)
    assert any(not each.type.startswith(("kubernetes:", "modelyard:", "pulumi:", "random:")) for each in resources)
    assert broken(stack, resources) == {}

"""What is in front of the models, imported only where a stack has it: Helm's part of the SDK takes long to load."""

from collections.abc import Callable

import pulumi

from components.gateway.contract import Gateway
from stacks.settings import StackSettings

MakeGateway = Callable[[str, StackSettings, pulumi.ResourceOptions], Gateway]
"""Makes the gateway of a name for a stack."""


def gateway_of(stack: StackSettings) -> MakeGateway:
    """What makes the gateway of a stack, by its ``kind``."""
    if stack.gateway.kind == "higress":
        from components.gateway.higress import HigressGateway

        return HigressGateway
    from components.gateway.envoy import EnvoyGateway

    return EnvoyGateway

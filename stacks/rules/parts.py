"""Rules about a platform that is split between a stack of the cluster and stacks of models."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stacks.settings import StackSettings


def _cluster_alone(stack: "StackSettings") -> Iterator[str]:
    if stack.part != "cluster":
        return
    for key, given in (("models", stack.models), ("routes", stack.routes)):
        if given:
            yield (
                f"modelyard:{key}: {len(given)} in a stack of part 'cluster', which runs none: write them in a stack "
                "of their own that names this one in modelyard:cluster.stackReference, or leave modelyard:part out"
            )
    if not stack.pools:
        yield (
            "modelyard:pools: none in a stack of part 'cluster', so there would be nothing for models to run on: write "
            "them, or leave modelyard:part out"
        )
    if stack.gateway.kind == "higress" and not stack.higress.manage_crds:
        yield (
            "modelyard:gateway.manageCrds: false in a stack of part 'cluster', and of a gateway that makes the "
            "definitions only: leave it out, or leave modelyard:gateway out where somebody else makes them"
        )


PART_RULES = (_cluster_alone,)

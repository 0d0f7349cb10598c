"""Rules that join several settings of a stack, by their subject."""

from typing import TYPE_CHECKING

from stacks.rules.accelerators import ACCELERATOR_RULES
from stacks.rules.adapters import ADAPTER_RULES
from stacks.rules.adoption import ADOPTION_RULES
from stacks.rules.arguments import ARGUMENT_RULES
from stacks.rules.callers import CALLER_RULES
from stacks.rules.console import CONSOLE_RULES
from stacks.rules.engine import ENGINE_RULES
from stacks.rules.entrypoint import ENTRYPOINT_RULES
from stacks.rules.fit import FIT_RULES
from stacks.rules.gpu_software import GPU_SOFTWARE_RULES
from stacks.rules.hosts import HOST_RULES
from stacks.rules.kinds import KIND_RULES
from stacks.rules.llmaz import LLMAZ_RULES
from stacks.rules.models import MODEL_RULES
from stacks.rules.mounts import MOUNT_RULES
from stacks.rules.names import NAME_RULES
from stacks.rules.nodes import NODE_RULES
from stacks.rules.observability import OBSERVABILITY_RULES
from stacks.rules.parts import PART_RULES
from stacks.rules.plugins import PLUGIN_RULES
from stacks.rules.pools import POOL_RULES
from stacks.rules.promotions import PROMOTION_RULES
from stacks.rules.release import RELEASE_RULES
from stacks.rules.rollout import ROLLOUT_RULES
from stacks.rules.routes import ROUTE_RULES
from stacks.rules.rule import Rule
from stacks.rules.scaling import SCALING_RULES
from stacks.rules.templates import TEMPLATE_RULES
from stacks.rules.tokens import TOKEN_RULES
from stacks.rules.values import VALUE_RULES
from stacks.rules.weights import WEIGHTS_RULES

if TYPE_CHECKING:
    from stacks.settings import StackSettings

RULES: tuple[Rule, ...] = (
    *NAME_RULES,
    *PART_RULES,
    *ADOPTION_RULES,
    *POOL_RULES,
    *MODEL_RULES,
    *WEIGHTS_RULES,
    *ACCELERATOR_RULES,
    *GPU_SOFTWARE_RULES,
    *ENGINE_RULES,
    *ADAPTER_RULES,
    *ARGUMENT_RULES,
    *NODE_RULES,
    *SCALING_RULES,
    *ROLLOUT_RULES,
    *ENTRYPOINT_RULES,
    *MOUNT_RULES,
    *ROUTE_RULES,
    *PROMOTION_RULES,
    *CALLER_RULES,
    *TOKEN_RULES,
    *KIND_RULES,
    *HOST_RULES,
    *TEMPLATE_RULES,
    *PLUGIN_RULES,
    *RELEASE_RULES,
    *CONSOLE_RULES,
    *VALUE_RULES,
    *LLMAZ_RULES,
    *FIT_RULES,
    *OBSERVABILITY_RULES,
)


def problems(stack: "StackSettings") -> list[str]:
    """Every problem of a stack, in the order of the rules."""
    return [problem for rule in RULES for problem in rule(stack)]

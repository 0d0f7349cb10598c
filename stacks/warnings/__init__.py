"""What a preview warns of: stacks that can work, and in which somebody may have meant something else.

What cannot work is refused instead, by ``stacks/rules/``.
"""

from stacks.fit.report import fit_warnings
from stacks.settings import StackSettings
from stacks.warnings.adoption import adoption_warnings
from stacks.warnings.capacity import interruptions, shortages
from stacks.warnings.compatibility import untested_versions
from stacks.warnings.promotions import promotion_warnings
from stacks.warnings.stopping import drain_warnings
from stacks.warnings.weights import weights_warnings

WARNINGS = (
    adoption_warnings,
    promotion_warnings,
    shortages,
    interruptions,
    weights_warnings,
    drain_warnings,
    fit_warnings,
    untested_versions,
)
"""Everything that warns, in the order in which it is printed."""


def warnings(stack: StackSettings) -> list[str]:
    """One sentence for everything in a stack that is worth a word before it goes up."""
    return [sentence for warns in WARNINGS for sentence in warns(stack)]

"""All rules of the pack."""

from policies.pack.rule import Rule
from policies.rules import (
    apis,
    availability,
    budgets,
    code,
    containers,
    exposure,
    fallbacks,
    gpus,
    images,
    names,
    network,
    secrets,
    security,
    waivers,
)

_OTHERS: tuple[Rule, ...] = (
    *gpus.RULES,
    *images.RULES,
    *secrets.RULES,
    *code.RULES,
    *exposure.RULES,
    *fallbacks.RULES,
    *availability.RULES,
    *containers.RULES,
    *budgets.RULES,
    *network.RULES,
    *security.RULES,
    *names.RULES,
    *apis.RULES,
)

RULES: tuple[Rule, ...] = (
    *_OTHERS,
    *waivers.rules(
        frozenset(rule.id for rule in _OTHERS),
        frozenset(rule.id for rule in _OTHERS if rule.waivable),
    ),
)
"""The rules, in the order of the documentation."""

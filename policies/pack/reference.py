"""The table of rules in the documentation: ``python -m policies.pack.reference`` writes it anew."""

import json
from pathlib import Path

from policies.pack.catalogue import RULES
from policies.pack.rule import Parameter, Rule

FILE = Path(__file__).parents[2] / "docs" / "policies.md"
BEGIN, END = "<!-- rules: begin -->", "<!-- rules: end -->"
"""What the tables stand between."""


def reference() -> str:
    """The tables: all rules, and the parameters of those that have some."""
    rows = [_row(rule) for rule in RULES]
    parameters = [_parameter(rule, each) for rule in RULES for each in rule.parameters]
    return "\n".join(
        [
            "| rule | what must hold | what comes of it otherwise | severity | in production | elsewhere |",
            "|---|---|---|---|---|---|",
            *rows,
            "",
            "| parameter | type | default | what it says |",
            "|---|---|---|---|",
            *parameters,
        ]
    )


def written(document: str) -> str:
    """A document with the tables of today."""
    before, _, rest = document.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{reference()}\n{END}{after}"


def _row(rule: Rule) -> str:
    why = rule.why.removeprefix("so ")
    cells = (f"`{rule.id}`", rule.what, why, rule.severity, rule.level, rule.elsewhere)
    return f"| {' | '.join(cells)} |"


def _parameter(rule: Rule, parameter: Parameter) -> str:
    default = f"`{json.dumps(parameter.default)}`" if parameter.default is not None else ""
    kind = " or ".join(f"`{each}`" for each in parameter.choices) or parameter.type
    return f"| `{rule.id}.{parameter.name}` | {kind} | {default} | {parameter.text} |"


if __name__ == "__main__":
    FILE.write_text(written(FILE.read_text(encoding="utf-8")), encoding="utf-8")

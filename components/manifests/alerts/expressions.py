"""PromQL in pieces, and rules made of it."""

from collections.abc import Iterable

from components.manifests.objects import Manifest

QUANTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
"""The quantiles that are recorded of a time."""


def record(name: str, expression: str) -> Manifest:
    """A recording rule."""
    return {"record": f"modelyard:{name}", "expr": expression}


def rate(labels: Iterable[str], series: str) -> str:
    """The rate of counters a second, over 5 minutes, by some of their labels."""
    return f"sum by ({', '.join(labels)}) (rate({series}[5m]))"


def share(part: str, whole: str) -> str:
    """A part of a whole. Where nothing was counted into the part it is 0, and not missing."""
    return f"({part} or 0 * {whole}) / ({whole} > 0)"


def literal(text: str) -> str:
    """A regular expression of PromQL that matches a text and nothing else."""
    # In brackets, since a backslash would have to be written twice.
    return "".join(f"[{letter}]" if letter in ".|()[]{}+*?^$" else letter for letter in text)


def replaced(expression: str, new: str, value: str, old: str, pattern: str) -> str:
    """Series with a label made of another one, where the pattern matches all of it.

    In the value ``$1`` is the pattern's first group; ``as_it_is`` makes one of any text.
    """
    return f'label_replace({expression}, "{new}", "{value}", "{old}", "{pattern}")'


def as_it_is(text: str) -> str:
    """A value for ``replaced`` that means a text and nothing else."""
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("$", "$$")

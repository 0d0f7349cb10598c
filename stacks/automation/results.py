"""What an operation came to."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from stacks.automation.events import Planned, PolicyViolated

UNCHANGED = frozenset({"same", "read", "refresh"})
"""Operations that change nothing on the cluster."""


@dataclass(frozen=True)
class Result:
    """What every operation says in the end."""

    stack: str
    """The stack's name."""
    changes: Mapping[str, int]
    """How many resources had which operation: ``same``, ``create``, ``update``, ``delete``, ``replace`` and others."""
    seconds: float
    """How long it took, every attempt and wait counted."""
    warnings: tuple[str, ...] = ()
    """What was warned of."""
    violations: tuple[PolicyViolated, ...] = ()
    """Advisory policies that do not hold."""
    attempts: int = 1
    """How many attempts it took."""

    @property
    def changed(self) -> bool:
        """Whether anything differs, or for a preview would differ, from before."""
        return any(count for operation, count in self.changes.items() if operation not in UNCHANGED)


@dataclass(frozen=True)
class PreviewResult(Result):
    """What an update would do."""

    steps: tuple[Planned, ...] = ()
    """Everything that is not ``same``, in the engine's order."""


@dataclass(frozen=True)
class UpResult(Result):
    """What an update did."""

    outputs: Mapping[str, Any] = field(default_factory=dict)
    """The stack's outputs, with ``[secret]`` in place of secrets; ``outputs(stack, secrets=True)`` has these."""


@dataclass(frozen=True)
class RefreshResult(Result):
    """What reading the cluster changed in the state."""


@dataclass(frozen=True)
class DestroyResult(Result):
    """What a destruction removed."""

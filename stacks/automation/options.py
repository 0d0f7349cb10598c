"""How an operation is run."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parent.parent.parent
"""The root of this checkout, with ``Pulumi.yaml`` and the program."""


@dataclass(frozen=True)
class Retries:
    """How often something transient is tried again. docs/automation.md lists what counts as transient."""

    attempts: int = 3
    """Attempts in all. 1: no second one."""
    wait_seconds: float = 5.0
    """Before the second attempt; twice as long before each further one."""

    def __post_init__(self) -> None:
        if self.attempts < 1 or not self.wait_seconds >= 0:
            raise ValueError(
                f"Retries(attempts={self.attempts}, wait_seconds={self.wait_seconds}): an operation is tried once at "
                "least, and no wait is negative: give at least 1 attempt and 0 seconds."
            )


@dataclass(frozen=True)
class Options:
    """How an operation is run. Nothing of it is written into the work tree."""

    settings: Mapping[str, Any] = field(default_factory=dict)
    """What differs from the stack file, for this operation: keys below ``modelyard:``, such as
    ``{"cluster": {"namespace": "pr-17"}}``. They are laid over the file as a stack is laid over its base: mappings key
    by key, models and pools by their names, routes by their model, and anything else in its place."""
    settings_of: str | None = None
    """The stack whose file is taken, where this stack has none of its own. Its encrypted values come along, so the
    passphrase or key has to be the same."""
    create: bool = True
    """Whether ``up`` and ``preview`` make the stack's state where there is none yet."""
    secrets_provider: str | None = None
    """What encrypts the secrets of a stack that is made, as ``pulumi stack init`` has it. Default: the backend's."""
    policy_packs: tuple[Path, ...] = ()
    """Folders of policy packs that have to hold."""
    policy_pack_configs: tuple[Path, ...] = ()
    """One file of parameters for each of them, in the same order."""
    targets: tuple[str, ...] = ()
    """URNs; nothing else is touched. Default: everything."""
    refresh: bool = False
    """Whether the cluster is read before anything is compared."""
    expect_no_changes: bool = False
    """Whether it is a failure that anything changes."""
    remove: bool = False
    """Whether ``destroy`` removes the state and the history of the empty stack too."""
    parallel: int | None = None
    """How many resources are worked on at a time. Default: as many as can be."""
    message: str | None = None
    """What the update's history says it was for."""
    retries: Retries = Retries()
    """How often something transient is tried again."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Added to the environment of Pulumi, of the program and of ``kubectl``, such as ``KUBECONFIG``."""
    checkout: Path = CHECKOUT
    """The checkout whose program is run."""


DEFAULTS = Options()
"""How an operation is run where the caller says nothing."""

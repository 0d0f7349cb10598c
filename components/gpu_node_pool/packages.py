"""The packages of clouds, which are installed only where a stack has a pool that needs one."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec

from stacks.settings import StackSettings

PACKAGES: Mapping[str, str] = {
    "gke": "pulumi-gcp",
    "eks": "pulumi-aws",
    "aks": "pulumi-azure",
    "ack": "pulumi-alicloud",
}
"""Packages by ``adapter`` of a pool. The adapter's name is that of the extra in ``pyproject.toml``, too."""


@dataclass(frozen=True)
class NeededPackage:
    """A package that pools of a stack need."""

    name: str
    """Its name at the registry."""
    adapter: str
    """The adapter that needs it."""
    index: int
    """The first pool with that adapter."""

    @property
    def installed(self) -> bool:
        """Whether it is in this environment. It is not imported."""
        return find_spec(self.name.replace("-", "_")) is not None

    @property
    def problem(self) -> str:
        """What is said where it is not."""
        return (
            f"modelyard:pools[{self.index}].adapter: {self.adapter!r} needs the package {self.name}, which is not "
            "installed here"
        )

    @property
    def command(self) -> str:
        """What installs it."""
        return f"uv sync --extra {self.adapter}"


def needed(stack: StackSettings) -> list[NeededPackage]:
    """The packages that a stack's pools need, each once."""
    found: dict[str, NeededPackage] = {}
    for index, pool in enumerate(stack.pools):
        if name := PACKAGES.get(pool.adapter):
            found.setdefault(pool.adapter, NeededPackage(name, pool.adapter, index))
    return list(found.values())

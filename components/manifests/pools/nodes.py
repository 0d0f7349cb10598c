"""What the nodes of a pool say of themselves, and what their own pools in a cloud are called."""

import hashlib

from components.manifests.placement import FLAVOR_LABEL, POOL_LABEL
from stacks.settings import MadePoolSettings
from stacks.settings.pools.made import NodeGroup, TaintSettings
from stacks.settings.sharing import node_labels as sharing_labels


def labels(pool: MadePoolSettings, group: NodeGroup) -> dict[str, str]:
    """Labels of a group's nodes: those that pods find them by, and the settings' own."""
    flavor = {FLAVOR_LABEL: group.flavor} if group.flavor else {}
    return {**pool.labels, POOL_LABEL: pool.name, **flavor}


def labels_for_sharing(pool: MadePoolSettings, group: NodeGroup) -> dict[str, str]:
    """The same, with those by which the stack's GPU software shares the nodes' GPUs."""
    return {**labels(pool, group), **sharing_labels(pool)}


def taints(pool: MadePoolSettings) -> tuple[TaintSettings, ...]:
    """Taints of the nodes. The first keeps pods away that ask for no GPU."""
    return TaintSettings(key=pool.whole_gpu_resource, value="present"), *pool.taints


def fitted(name: str, limit: int) -> str:
    """A name of so many characters at most, with a digest in place of what is too much."""
    return name if len(name) <= limit else f"{name[: limit - 9]}-{_digest(name, 8)}"


def alphanumeric(name: str, limit: int) -> str:
    """A name of letters and digits, with a digest in place of what is left out or too much."""
    plain = name.replace("-", "")
    return plain if plain == name and len(name) <= limit else plain[: limit - 4] + _digest(name, 4)


def _digest(name: str, length: int) -> str:
    return hashlib.sha256(name.encode()).hexdigest()[:length]

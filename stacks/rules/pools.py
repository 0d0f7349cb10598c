"""Rules about node pools: what can be made where, and what contradicts itself."""

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from stacks.machines import MIG_PROFILES
from stacks.machines.google import GPU_TYPES, TPU_TOPOLOGIES
from stacks.rules.rule import Rule, repeats

if TYPE_CHECKING:
    from stacks.settings import GpuNodePoolSettings, StackSettings
    from stacks.settings.pools import MadePool
    from stacks.settings.pools.made import NodeGroup

ACCELERATORS: Mapping[str, tuple[str, ...]] = {
    "existing": ("nvidia", "amd", "gaudi", "tpu"),
    "karpenter": ("nvidia",),
    "gke": ("nvidia", "tpu"),
    "eks": ("nvidia",),
    "aks": ("nvidia", "amd"),
    "ack": ("nvidia",),
}
"""What each adapter can make nodes with."""

ONE_MACHINE_TYPE = ("gke", "aks")
"""Adapters whose clouds have one machine type a node pool."""

MIXED_AT_LEAST_ONE_NODE = ("eks", "aks")
"""Adapters whose autoscalers learn from a node that there are slices."""


def _sizes(stack: "StackSettings") -> Iterator[str]:
    for index, pool in enumerate(stack.pools):
        if pool.min_nodes > pool.max_nodes:
            yield (
                f"modelyard:pools[{index}].minNodes: {pool.min_nodes} is above maxNodes {pool.max_nodes}, and no "
                "number of nodes is both: correct one of them"
            )
        if pool.adapter == "karpenter" and pool.min_nodes:
            yield (
                f"modelyard:pools[{index}].minNodes: {pool.min_nodes}, but Karpenter makes nodes when pods ask for "
                "them and keeps none without: leave it out, for the models' replicas keep theirs"
            )


def _tolerations(stack: "StackSettings") -> Iterator[str]:
    for index, pool in enumerate(stack.pools):
        for position, toleration in enumerate(pool.tolerations if pool.adapter == "existing" else ()):
            if toleration.operator == "Exists" and toleration.value is not None:
                yield (
                    f"modelyard:pools[{index}].tolerations[{position}].value: {toleration.value!r} with operator "
                    "'Exists', which compares no value, and Kubernetes refuses both: write operator Equal, or "
                    "leave the value out"
                )


def _accelerators(stack: "StackSettings") -> Iterator[str]:
    for index, pool in enumerate(stack.pools):
        path, known = f"modelyard:pools[{index}]", ACCELERATORS[pool.adapter]
        if pool.accelerator not in known:
            others = [adapter for adapter, makes in ACCELERATORS.items() if pool.accelerator in makes]
            yield (
                f"{path}.accelerator: {pool.accelerator!r} with adapter {pool.adapter!r}, which makes nodes with "
                f"{_either(known)} only: write that, or adapter {_either(others)}"
            )
        elif pool.accelerator == "tpu" and pool.adapter == "gke" and pool.flavors:
            yield (
                f"{path}.flavors: given for TPUs, but a pod on GKE names the one kind of TPU that it runs on: leave "
                "flavors out, and write a pool for each"
            )


def _capacity(stack: "StackSettings") -> Iterator[str]:
    for path, pool in _made(stack):
        reserved = [group for group in pool.groups if group.capacity == "reservation"]
        for group in reserved:
            if group.reservation is None:
                yield (
                    f"{path}{group.path}.capacity: 'reservation', but none is named, and nobody could tell from which "
                    "the machines come: write reservation with its name or id, or another capacity"
                )
        if pool.reservation and not reserved:
            yield _no_reservation(path, pool.capacity, pool.reservation)
        for position, flavor in enumerate(pool.flavors):
            capacity = flavor.capacity or pool.capacity
            if flavor.reservation and capacity != "reservation":
                yield _no_reservation(f"{path}.flavors[{position}]", capacity, flavor.reservation)
        if reserved and pool.adapter == "karpenter" and pool.on_azure:
            yield (
                f"{path}.capacity: 'reservation', but Karpenter takes none of Azure's: write on_demand or spot, or "
                "adapter: aks"
            )


def _no_reservation(path: str, capacity: str, reservation: str) -> str:
    return (
        f"{path}.reservation: {reservation!r} with capacity {capacity!r}, which takes no machine from it: write "
        "capacity: reservation, or leave it out"
    )


def _machine_types(stack: "StackSettings") -> Iterator[str]:
    for path, pool in _made(stack):
        if pool.accelerator not in ACCELERATORS[pool.adapter]:
            continue
        for group in pool.groups:
            if not group.instance_types:
                yield _unknown_machine(path, pool, group)
            elif pool.adapter == "gke":
                yield from _unknown_to_google(path, pool, group)
            if pool.adapter in ONE_MACHINE_TYPE and len(group.instance_types) > 1:
                yield (
                    f"{path}{group.path}.instanceTypes: {len(group.instance_types)} are given, but a node pool of "
                    f"{pool.adapter} has one: write one of them, or a flavor for each"
                )


def _unknown_machine(path: str, pool: "MadePool", group: "NodeGroup") -> str:
    known = pool.machines.get(group.gpu_model or "")
    if known is None:
        given = "nothing is given" if group.gpu_model is None else f"{group.gpu_model!r} is in no machine that is known"
        models = ", ".join(pool.machines)
        return (
            f"{path}{group.path}.gpuModel: {given}, so no machine type follows from it: write instanceTypes with one, "
            f"or one of {models}"
        )
    numbers = _either(map(str, known))
    return (
        f"{path}.gpusPerNode: {pool.gpus_per_node} of {group.gpu_model} are in no machine that is known: write "
        f"{numbers}, or instanceTypes with one that has so many"
    )


def _unknown_to_google(path: str, pool: "MadePool", group: "NodeGroup") -> Iterator[str]:
    if pool.accelerator == "nvidia" and group.gpu_model not in GPU_TYPES:
        yield (
            f"{path}{group.path}.gpuModel: {group.gpu_model!r}, and GKE has to be told which GPUs a machine has: "
            f"write one of {', '.join(GPU_TYPES)}"
        )
    if pool.accelerator == "tpu" and pool.gpus_per_node not in TPU_TOPOLOGIES:
        yield (
            f"{path}.gpusPerNode: {pool.gpus_per_node} TPUs are in no machine that is known: write "
            f"{_either(map(str, TPU_TOPOLOGIES))}"
        )


def _slices(stack: "StackSettings") -> Iterator[str]:
    for index, pool in enumerate(stack.pools):
        path = f"modelyard:pools[{index}]"
        if pool.adapter == "ack" and (pool.mig or pool.time_slicing):
            yield (
                f"{path}.{'mig' if pool.mig else 'timeSlicing'}: given with adapter 'ack', but ACK runs a device "
                "plugin of its own that shares no GPU by it: leave it out"
            )
        elif pool.mig and pool.time_slicing:
            yield (
                f"{path}.timeSlicing: given together with mig, and a slice has too little memory for several models "
                "to take turns on: leave one of them out, or write a smaller mig.profile"
            )
        elif pool.mig and pool.accelerator == "nvidia":
            yield from _profile(path, pool, pool.mig.profile)
            yield from _mixed(path, pool)


def _profile(path: str, pool: "GpuNodePoolSettings", profile: str) -> Iterator[str]:
    models = dict.fromkeys(flavor.gpu_model or pool.gpu_model for flavor in pool.flavors) or {pool.gpu_model: None}
    for model in models:
        known = MIG_PROFILES.get(model or "")
        if known is None and pool.adapter == "existing":
            continue
        if known is None:
            given = "no gpuModel" if model is None else f"gpuModel {model!r}"
            yield (
                f"{path}.mig.profile: {profile!r} with {given}, and which slices there can be is known only of "
                f"{', '.join(MIG_PROFILES)}: write one of these as gpuModel, or leave mig out"
            )
        elif profile not in known:
            yield (
                f"{path}.mig.profile: {profile!r}, but an {model} can't be cut into such slices: write {_either(known)}"
            )


def _mixed(path: str, pool: "GpuNodePoolSettings") -> Iterator[str]:
    if not pool.mig or pool.mig.strategy == "single":
        return
    never = pool.adapter in ("gke", "karpenter")
    if never or (pool.adapter in MIXED_AT_LEAST_ONE_NODE and pool.min_nodes == 0):
        at_least = "" if never else ", or minNodes: 1"
        yield (
            f"{path}.mig.strategy: 'mixed' with adapter {pool.adapter!r}, which makes no node for a pod that asks for "
            f"{pool.gpu_resource}: write strategy: single{at_least}"
        )


def _flavors(stack: "StackSettings") -> Iterator[str]:
    for index, pool in enumerate(stack.pools):
        yield from repeats(f"pools[{index}].flavors", "name", (flavor.name for flavor in pool.flavors))
        seen: dict[object, int] = {}
        for position, flavor in enumerate(pool.flavors):
            content = _content(pool, position)
            if content in seen:
                yield (
                    f"modelyard:pools[{index}].flavors[{position}]: {flavor.name!r} says the same as "
                    f"flavors[{seen[content]}], so it is no other choice: remove one of them"
                )
            seen.setdefault(content, position)


def _content(pool: "GpuNodePoolSettings", position: int) -> object:
    """What a flavor says beside its name, with what it leaves to its pool."""
    if pool.adapter == "existing":
        return tuple(sorted(pool.flavors[position].node_selector.items()))
    group = pool.groups[position]
    return group.gpu_model, group.instance_types, group.capacity, group.reservation


def _node_classes(stack: "StackSettings") -> Iterator[str]:
    for index, pool in enumerate(stack.pools):
        if pool.adapter != "karpenter":
            continue
        given = {
            "nodeClass": pool.node_class,
            "ec2NodeClass": pool.ec2_node_class,
            "aksNodeClass": pool.aks_node_class,
        }
        names = [name for name, settings in given.items() if settings]
        if len(names) != 1:
            what = f"{' and '.join(names)} are given" if names else "no node class is given"
            yield (
                f"modelyard:pools[{index}]: {what}, and Karpenter's machines are described by exactly one: write one "
                f"of {', '.join(given)}"
            )


def _made(stack: "StackSettings") -> Iterator[tuple[str, "MadePool"]]:
    """The pools whose nodes an adapter makes, with their places."""
    for index, pool in enumerate(stack.pools):
        if pool.adapter != "existing":
            yield f"modelyard:pools[{index}]", pool


def _either(words: Iterable[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} or {last}" if first else last


POOL_RULES: tuple[Rule, ...] = (
    _sizes,
    _tolerations,
    _accelerators,
    _capacity,
    _machine_types,
    _slices,
    _flavors,
    _node_classes,
)

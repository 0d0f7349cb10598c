"""Rules about GPU software: which nodes it is for, who installs the driver, and GPUs that are shared."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from stacks.rules.rule import Rule, placed
from stacks.settings.sharing import MIG_LABEL, node_labels

if TYPE_CHECKING:
    from stacks.settings import GpuNodePoolSettings, ModelSettings, StackSettings

CLOUDS_OF_THEIR_OWN = ("gke", "ack")
"""Adapters whose clouds make their clusters offer GPUs."""

CUT_BY_NOBODY = ("eks", "karpenter")
"""Adapters whose nodes come with whole GPUs, whatever slices a pool is to have."""


def _namespace(stack: "StackSettings") -> Iterator[str]:
    software, models = stack.gpu_software, stack.cluster.namespace
    if software.kind == "none":
        return
    if software.create_namespace and software.namespace == models:
        yield (
            f"modelyard:gpuSoftware.namespace: {models!r} is the models' namespace, too, which has to exist, and "
            "privileged pods would be let into it: write another namespace"
        )
    elif software.namespace == "default":
        yield (
            "modelyard:gpuSoftware.namespace: 'default', which the charts refuse since privileged pods belong in a "
            "namespace of their own: write another one, or leave it out"
        )


def _somewhere_to_run(stack: "StackSettings") -> Iterator[str]:
    kind = stack.gpu_software.kind
    if kind == "none" or not stack.pools or any(pool.accelerator == "nvidia" for pool in stack.pools):
        return
    there = " and ".join(sorted({pool.accelerator for pool in stack.pools}))
    yield (
        f"modelyard:gpuSoftware.kind: {kind!r} is for GPUs of NVIDIA's, but the pools have accelerator {there}: write "
        "kind: none, and install the software of these by its makers' instructions, which docs/pools.md names"
    )


def _clouds_of_their_own(stack: "StackSettings") -> Iterator[str]:
    kind = stack.gpu_software.kind
    for index, pool in enumerate(stack.pools):
        if kind != "none" and pool.adapter in CLOUDS_OF_THEIR_OWN and pool.accelerator == "nvidia":
            yield (
                f"modelyard:gpuSoftware.kind: {kind!r}, but pools[{index}] is of adapter {pool.adapter!r}, and "
                f"{pool.adapter.upper()} runs a device plugin and installs the driver by itself, so that two plugins "
                "would offer each GPU: write kind: none"
            )


def _driver(stack: "StackSettings") -> Iterator[str]:
    software = stack.gpu_software
    installs = software.kind == "gpu_operator" and software.driver
    if software.kind == "gpu_operator" and not software.driver and software.driver_version:
        yield (
            f"modelyard:gpuSoftware.driverVersion: {software.driver_version!r} with driver false, which installs "
            "none: leave it out, or write driver: true"
        )
    for index, pool in enumerate(stack.pools):
        found = _driver_of_nodes(pool)
        if found is None:
            continue
        path, given = found
        if given != "none" and installs and pool.adapter not in CLOUDS_OF_THEIR_OWN:
            yield (
                f"modelyard:gpuSoftware.driver: true, but nodes of pools[{index}] come with a driver ({path} is "
                f"{given!r}), and there can be only one: write driver: false"
            )
        if given == "none" and not installs:
            yield (
                f"modelyard:pools[{index}].{path}: 'none', and gpuSoftware of kind {software.kind!r} installs no "
                "driver either, so that no GPU could be used: leave it out, or write gpuSoftware.kind: gpu_operator "
                "with driver: true"
            )


def _driver_of_nodes(pool: "GpuNodePoolSettings") -> tuple[str, str] | None:
    """Which setting says who installs the driver of a pool's nodes, and what. None where the stack doesn't know."""
    if pool.accelerator != "nvidia" or pool.adapter == "existing":
        return None
    if pool.adapter == "karpenter":
        if pool.aks_node_class:
            return "aksNodeClass.driver", pool.aks_node_class.driver
        return ("ec2NodeClass.ami", pool.ec2_node_class.ami) if pool.ec2_node_class else None
    return None if pool.adapter == "ack" else ("driver", pool.driver)


def _toolkit(stack: "StackSettings") -> Iterator[str]:
    software = stack.gpu_software
    if software.kind != "gpu_operator" or not software.toolkit or software.driver:
        return
    for index, pool in enumerate(stack.pools):
        if pool.adapter == "aks" or (pool.adapter == "karpenter" and pool.on_azure):
            yield (
                f"modelyard:gpuSoftware.toolkit: true, but nodes of pools[{index}], whose driver AKS installs, have "
                "the container toolkit already, which the operator's would overwrite: write toolkit: false"
            )


def _shared_gpus(stack: "StackSettings") -> Iterator[str]:
    for index, pool in enumerate(stack.pools):
        if pool.accelerator == "nvidia":
            continue
        for key, given in (("mig", pool.mig), ("timeSlicing", pool.time_slicing)):
            if given:
                yield (
                    f"modelyard:pools[{index}].{key}: given for accelerator {pool.accelerator!r}, and only GPUs of "
                    "NVIDIA's are shared by it: leave it out"
                )


def _slices_are_cut(stack: "StackSettings") -> Iterator[str]:
    for index, pool in enumerate(stack.pools):
        if pool.mig and stack.gpu_software.kind == "device_plugin" and pool.adapter in CUT_BY_NOBODY:
            yield (
                f"modelyard:pools[{index}].mig: {pool.mig.profile!r} with gpuSoftware of kind 'device_plugin', which "
                f"cuts no GPU, and nodes of adapter {pool.adapter!r} come with whole ones: write gpuSoftware.kind: "
                "gpu_operator, whose MIG manager cuts them, or leave mig out"
            )


def _labels_of_existing_nodes(stack: "StackSettings") -> Iterator[str]:
    kind = stack.gpu_software.kind
    for index, pool in enumerate(stack.pools):
        if kind == "none" or pool.adapter != "existing" or pool.accelerator != "nvidia":
            continue
        needed = node_labels(pool)
        if kind == "device_plugin":
            needed.pop(MIG_LABEL, None)
        for label, value in needed.items():
            if pool.node_selector.get(label) != value:
                yield (
                    f"modelyard:pools[{index}].nodeSelector: has no {label}: {value}, and only nodes with that label "
                    f"share their GPUs as the pool says, so that models could come to others: add it, and label the "
                    "nodes so, which somebody else made"
                )


def _one_strategy(stack: "StackSettings") -> Iterator[str]:
    if stack.gpu_software.kind != "gpu_operator":
        return
    cut = [(index, pool.mig) for index, pool in enumerate(stack.pools) if pool.mig]
    for index, mig in cut[1:]:
        first, other = cut[0]
        if mig.strategy != other.strategy:
            yield (
                f"modelyard:pools[{index}].mig.strategy: {mig.strategy!r}, but pools[{first}] has "
                f"{other.strategy!r}, and the GPU operator gives all nodes the same: write {other.strategy!r} for both"
            )


def _one_share_a_replica(stack: "StackSettings") -> Iterator[str]:
    for index, model, pool in _on_shared_gpus(stack):
        if model.gpus == 1:
            continue
        what = (
            f"slices of GPUs (pool {pool.name!r} has mig), which can't talk to each other as whole GPUs do"
            if pool.mig
            else f"turns on GPUs (pool {pool.name!r} has timeSlicing), all of which may be on the same one"
        )
        yield (
            f"modelyard:models[{index}].gpus: {model.gpus}, and they would be {what}: write gpus: 1, or name a pool "
            "of whole GPUs"
        )


def _memory_of_turns(stack: "StackSettings") -> Iterator[str]:
    for index, model, pool in _on_shared_gpus(stack):
        if pool.time_slicing is None:
            continue
        share, turns = model.engine.gpu_memory_utilization, pool.time_slicing.replicas
        if share is None or share * turns > 1:
            given = "nothing is given" if share is None else repr(share)
            yield (
                f"modelyard:models[{index}].engine.gpuMemoryUtilization: {given} on pool {pool.name!r}, where "
                f"{turns} pods share a GPU whose memory time slicing doesn't divide, so that the last of them would "
                f"find too little: write {int(100 / turns) / 100} or less"
            )


def _on_shared_gpus(stack: "StackSettings") -> Iterator[tuple[int, "ModelSettings", "GpuNodePoolSettings"]]:
    return ((index, model, pool) for index, model, pool in placed(stack) if pool.mig or pool.time_slicing)


GPU_SOFTWARE_RULES: tuple[Rule, ...] = (
    _namespace,
    _somewhere_to_run,
    _clouds_of_their_own,
    _driver,
    _toolkit,
    _shared_gpus,
    _slices_are_cut,
    _labels_of_existing_nodes,
    _one_strategy,
    _one_share_a_replica,
    _memory_of_turns,
)

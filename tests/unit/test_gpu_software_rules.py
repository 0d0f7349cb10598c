"""What is said of GPU software, shared GPUs and drivers that cannot work."""

from typing import Any

import pytest

from stacks.settings import SettingsError, load

MODEL = {"name": "m", "source": "hf://a/b", "pool": "gpu"}
AKS = {"name": "gpu", "adapter": "aks", "clusterId": "/subscriptions/a", "instanceTypes": ["Standard_NC24ads_A100_v4"]}
EKS = {
    "name": "gpu",
    "adapter": "eks",
    "cluster": "c",
    "nodeRoleArn": "arn:aws:iam::1:role/n",
    "subnets": ["subnet-1"],
    "instanceTypes": ["g6.xlarge"],
}
GKE = {"name": "gpu", "adapter": "gke", "cluster": "c", "location": "europe-west4", "gpuModel": "NVIDIA-L4"}
ACK = {
    "name": "gpu",
    "adapter": "ack",
    "clusterId": "c",
    "vswitches": ["v"],
    "instanceTypes": ["ecs.gn7i-c8g1.2xlarge"],
}
KARPENTER = {"name": "gpu", "adapter": "karpenter", "instanceTypes": ["g6.xlarge"]}
EC2 = {**KARPENTER, "ec2NodeClass": {"role": "n", "subnetTags": {"a": "b"}, "securityGroupTags": {"a": "b"}}}
OPERATOR = {"kind": "gpu_operator"}
PLUGIN = {"kind": "device_plugin"}


def problems(**raw: Any) -> list[str]:
    try:
        load(raw)
    except SettingsError as error:
        return error.problems
    return []


def of(software: dict[str, Any] | None, *pools: dict[str, Any], **changes: Any) -> list[str]:
    return problems(pools=list(pools), **({"gpuSoftware": software} if software else {}), **changes)


def test_kinds_and_their_settings() -> None:
    assert problems(gpuSoftware={"kind": "operator"}) == [
        "modelyard:gpuSoftware.kind: 'operator' is no kind of GPU software: write kind: none or kind: device_plugin or "
        "kind: gpu_operator"
    ]
    assert problems(gpuSoftware={**PLUGIN, "driver": False}) == [
        "modelyard:gpuSoftware.driver: GPU software of kind 'device_plugin' has no such setting, and one of kind "
        "'gpu_operator' has: write kind: gpu_operator, or remove the setting"
    ]
    assert problems(pools=[{"name": "gpu", "mig": {"profile": "half"}}]) == [
        "modelyard:pools[0].mig.profile: 'half' is no MIG profile: write compute slices and memory as nvidia-smi names "
        "them, such as 1g.10gb or 3g.40gb"
    ]


def test_namespaces_that_are_somebody_elses() -> None:
    assert problems(gpuSoftware={**PLUGIN, "namespace": "models"}, cluster={"namespace": "models"}) == [
        "modelyard:gpuSoftware.namespace: 'models' is the models' namespace, too, which has to exist, and privileged "
        "pods would be let into it: write another namespace"
    ]
    assert problems(gpuSoftware={**OPERATOR, "namespace": "default"}, cluster={"namespace": "models"}) == [
        "modelyard:gpuSoftware.namespace: 'default', which the charts refuse since privileged pods belong in a "
        "namespace of their own: write another one, or leave it out"
    ]


def test_gpu_software_of_nvidias_without_gpus_of_nvidias() -> None:
    amd = {"name": "gpu", "accelerator": "amd"}
    assert of(OPERATOR, amd, {"name": "hpu", "accelerator": "gaudi"}) == [
        "modelyard:gpuSoftware.kind: 'gpu_operator' is for GPUs of NVIDIA's, but the pools have accelerator amd and "
        "gaudi: write kind: none, and install the software of these by its makers' instructions, which docs/pools.md "
        "names"
    ]
    assert of(OPERATOR, amd, {"name": "l4"}) == []


def test_clouds_that_make_their_clusters_offer_gpus() -> None:
    assert of(PLUGIN, GKE) == [
        "modelyard:gpuSoftware.kind: 'device_plugin', but pools[0] is of adapter 'gke', and GKE runs a device plugin "
        "and installs the driver by itself, so that two plugins would offer each GPU: write kind: none"
    ]
    (problem,) = of(OPERATOR, ACK)
    assert problem.startswith("modelyard:gpuSoftware.kind: 'gpu_operator', but pools[0] is of adapter 'ack', and ACK")
    assert of(None, GKE) == of(None, ACK) == []


def test_two_drivers() -> None:
    assert of(OPERATOR, EKS) == [
        "modelyard:gpuSoftware.driver: true, but nodes of pools[0] come with a driver (driver is 'default'), and there "
        "can be only one: write driver: false"
    ]
    assert of(OPERATOR, EC2) == [
        "modelyard:gpuSoftware.driver: true, but nodes of pools[0] come with a driver (ec2NodeClass.ami is "
        "'al2023@latest'), and there can be only one: write driver: false"
    ]
    assert of({**OPERATOR, "driver": False}, EKS) == of(OPERATOR, {**EKS, "driver": "none"}) == []
    assert of(OPERATOR, {**KARPENTER, "nodeClass": {"kind": "EC2NodeClass", "name": "gpu"}}) == []


@pytest.mark.parametrize(("software", "kind"), [(None, "none"), (PLUGIN, "device_plugin")])
def test_no_driver(software: dict[str, Any] | None, kind: str) -> None:
    assert of(software, {**AKS, "driver": "none"}) == [
        f"modelyard:pools[0].driver: 'none', and gpuSoftware of kind '{kind}' installs no driver either, so that no "
        "GPU could be used: leave it out, or write gpuSoftware.kind: gpu_operator with driver: true"
    ]


def test_a_drivers_version_without_a_driver() -> None:
    assert of({**OPERATOR, "driver": False, "driverVersion": "580.105.08"}) == [
        "modelyard:gpuSoftware.driverVersion: '580.105.08' with driver false, which installs none: leave it out, or "
        "write driver: true"
    ]


def test_two_toolkits() -> None:
    software = {**OPERATOR, "driver": False}
    assert of(software, AKS) == [
        "modelyard:gpuSoftware.toolkit: true, but nodes of pools[0], whose driver AKS installs, have the container "
        "toolkit already, which the operator's would overwrite: write toolkit: false"
    ]
    assert of({**software, "toolkit": False}, AKS) == of(OPERATOR, {**AKS, "driver": "none"}) == []


def test_sharing_of_what_is_not_nvidias() -> None:
    pool = {"name": "gpu", "accelerator": "amd"}
    assert of(None, {**pool, "mig": {"profile": "1g.10gb"}}) == [
        "modelyard:pools[0].mig: given for accelerator 'amd', and only GPUs of NVIDIA's are shared by it: leave it out"
    ]
    assert of(None, {**pool, "timeSlicing": {"replicas": 2}}) == [
        "modelyard:pools[0].timeSlicing: given for accelerator 'amd', and only GPUs of NVIDIA's are shared by it: "
        "leave it out"
    ]


def test_nodes_that_are_there_are_selected_by_the_label_of_their_sharing() -> None:
    label = {"nvidia.com/device-plugin.config": "gpu"}
    cut = {"name": "gpu", "mig": {"profile": "1g.10gb"}, "nodeSelector": label}
    assert of(OPERATOR, cut) == [
        "modelyard:pools[0].nodeSelector: has no nvidia.com/mig.config: all-1g.10gb, and only nodes with that label "
        "share their GPUs as the pool says, so that models could come to others: add it, and label the nodes so, which "
        "somebody else made"
    ]
    assert of(OPERATOR, {**cut, "nodeSelector": {**label, "nvidia.com/mig.config": "all-1g.10gb"}}) == []
    # Without the operator's MIG manager somebody else cuts the GPUs, and nobody reads its label.
    assert of(PLUGIN, cut) == []
    assert len(of(PLUGIN, {**cut, "nodeSelector": {}})) == 1
    assert of(None, {**cut, "nodeSelector": {}}) == []


def test_slices_that_nobody_cuts() -> None:
    cut = {**EKS, "gpuModel": "NVIDIA-H100-80GB-HBM3", "gpusPerNode": 8, "mig": {"profile": "1g.10gb"}}
    assert of({"kind": "device_plugin"}, cut) == [
        "modelyard:pools[0].mig: '1g.10gb' with gpuSoftware of kind 'device_plugin', which cuts no GPU, and nodes of "
        "adapter 'eks' come with whole ones: write gpuSoftware.kind: gpu_operator, whose MIG manager cuts them, or "
        "leave mig out"
    ]
    # The cluster's own software may cut them.
    assert of({**OPERATOR, "driver": False}, cut) == of(None, cut) == []


def test_one_mig_strategy_for_all_nodes_of_the_operator() -> None:
    def cut(name: str, strategy: str) -> dict[str, Any]:
        labels = {"nvidia.com/device-plugin.config": name, "nvidia.com/mig.config": "all-1g.10gb"}
        return {"name": name, "mig": {"profile": "1g.10gb", "strategy": strategy}, "nodeSelector": labels}

    assert of(OPERATOR, cut("a", "single"), {"name": "b"}, cut("c", "mixed")) == [
        "modelyard:pools[2].mig.strategy: 'mixed', but pools[0] has 'single', and the GPU operator gives all nodes the "
        "same: write 'single' for both"
    ]
    assert of(OPERATOR, cut("a", "mixed"), cut("c", "mixed")) == []
    assert of(PLUGIN, cut("a", "single"), cut("c", "mixed")) == []


def test_a_replica_has_one_share() -> None:
    pool = {"name": "gpu", "gpusPerNode": 4}
    two = {**MODEL, "gpus": 2, "engine": {"gpuMemoryUtilization": 0.3}}
    assert of(None, {**pool, "mig": {"profile": "1g.10gb"}}, models=[two]) == [
        "modelyard:models[0].gpus: 2, and they would be slices of GPUs (pool 'gpu' has mig), which can't talk to each "
        "other as whole GPUs do: write gpus: 1, or name a pool of whole GPUs"
    ]
    assert of(None, {**pool, "timeSlicing": {"replicas": 2}}, models=[two]) == [
        "modelyard:models[0].gpus: 2, and they would be turns on GPUs (pool 'gpu' has timeSlicing), all of which may "
        "be on the same one: write gpus: 1, or name a pool of whole GPUs"
    ]


@pytest.mark.parametrize(("share", "given"), [(None, "nothing is given"), (0.5, "0.5")])
def test_turns_on_a_gpu_divide_its_memory(share: float | None, given: str) -> None:
    pool = {"name": "gpu", "timeSlicing": {"replicas": 3}}
    assert of(None, pool, models=[{**MODEL, "engine": {"gpuMemoryUtilization": share}}]) == [
        f"modelyard:models[0].engine.gpuMemoryUtilization: {given} on pool 'gpu', where 3 pods share a GPU whose "
        "memory time slicing doesn't divide, so that the last of them would find too little: write 0.33 or less"
    ]
    assert of(None, pool, models=[{**MODEL, "engine": {"gpuMemoryUtilization": 0.33}}]) == []

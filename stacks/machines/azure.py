"""Machine types of Microsoft Azure.

GPUs and their number are those of the instance types that the Kubernetes cluster autoscaler knows. Sizes with a
fraction of a GPU are left out.
"""

from stacks.machines.table import Machines

AZURE: Machines = {
    "Tesla-T4": {
        1: ("Standard_NC8as_T4_v3", "Standard_NC4as_T4_v3", "Standard_NC16as_T4_v3"),
        4: ("Standard_NC64as_T4_v3",),
    },
    "NVIDIA-A10": {
        1: ("Standard_NV36ads_A10_v5", "Standard_NV36adms_A10_v5"),
        2: ("Standard_NV72ads_A10_v5",),
    },
    "NVIDIA-A100-80GB-PCIe": {
        1: ("Standard_NC24ads_A100_v4",),
        2: ("Standard_NC48ads_A100_v4",),
        4: ("Standard_NC96ads_A100_v4",),
    },
    "NVIDIA-A100-SXM4-40GB": {8: ("Standard_ND96asr_v4",)},
    "NVIDIA-A100-SXM4-80GB": {8: ("Standard_ND96amsr_A100_v4",)},
    "NVIDIA-H100-NVL": {1: ("Standard_NC40ads_H100_v5",), 2: ("Standard_NC80adis_H100_v5",)},
    "NVIDIA-H100-80GB-HBM3": {8: ("Standard_ND96isr_H100_v5",)},
    "NVIDIA-H200": {8: ("Standard_ND96isr_H200_v5",)},
    "AMD_Instinct_MI300X_OAM": {8: ("Standard_ND96isr_MI300X_v5",)},
}
"""Machine types with GPUs, one of them with AMD's."""

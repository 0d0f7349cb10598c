"""Machine types of Amazon EC2.

GPUs and their number are those that Karpenter's list of instance types says (https://karpenter.sh, v1.14).
"""

from stacks.machines.table import Machines

AWS: Machines = {
    "Tesla-T4": {
        1: ("g4dn.2xlarge", "g4dn.xlarge", "g4dn.4xlarge", "g4dn.8xlarge", "g4dn.16xlarge"),
        4: ("g4dn.12xlarge",),
        8: ("g4dn.metal",),
    },
    "NVIDIA-A10G": {
        1: ("g5.2xlarge", "g5.xlarge", "g5.4xlarge", "g5.8xlarge", "g5.16xlarge"),
        4: ("g5.12xlarge", "g5.24xlarge"),
        8: ("g5.48xlarge",),
    },
    "NVIDIA-L4": {
        1: ("g6.2xlarge", "g6.xlarge", "g6.4xlarge", "g6.8xlarge", "g6.16xlarge", "gr6.4xlarge", "gr6.8xlarge"),
        4: ("g6.12xlarge", "g6.24xlarge"),
        8: ("g6.48xlarge",),
    },
    "NVIDIA-L40S": {
        1: ("g6e.2xlarge", "g6e.xlarge", "g6e.4xlarge", "g6e.8xlarge", "g6e.16xlarge"),
        4: ("g6e.12xlarge", "g6e.24xlarge"),
        8: ("g6e.48xlarge",),
    },
    "NVIDIA-RTX-PRO-6000-Blackwell-Server-Edition": {
        1: ("g7e.2xlarge", "g7e.4xlarge", "g7e.8xlarge"),
        2: ("g7e.12xlarge",),
        4: ("g7e.24xlarge",),
        8: ("g7e.48xlarge",),
    },
    "NVIDIA-A100-SXM4-40GB": {8: ("p4d.24xlarge",)},
    "NVIDIA-A100-SXM4-80GB": {8: ("p4de.24xlarge",)},
    "NVIDIA-H100-80GB-HBM3": {1: ("p5.4xlarge",), 8: ("p5.48xlarge",)},
    "NVIDIA-H200": {8: ("p5en.48xlarge", "p5e.48xlarge")},
    "NVIDIA-B200": {8: ("p6-b200.48xlarge",)},
}
"""Machine types with GPUs."""

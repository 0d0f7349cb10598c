"""Machine types of Alibaba Cloud.

GPUs and their number are those of its page on GPU-accelerated compute-optimized instance families.
"""

from stacks.machines.table import Machines

ALIBABA: Machines = {
    "NVIDIA-A10": {
        1: ("ecs.gn7i-c8g1.2xlarge", "ecs.gn7i-c16g1.4xlarge", "ecs.gn7i-c32g1.8xlarge"),
        2: ("ecs.gn7i-2x.8xlarge", "ecs.gn7i-c32g1.16xlarge"),
        4: ("ecs.gn7i-4x.8xlarge", "ecs.gn7i-4x.16xlarge", "ecs.gn7i-c32g1.32xlarge"),
        8: ("ecs.gn7i-8x.16xlarge", "ecs.gn7i-8x.32xlarge"),
    },
    "NVIDIA-A30": {
        1: ("ecs.gn7s-c8g1.2xlarge", "ecs.gn7s-c16g1.4xlarge", "ecs.gn7s-c32g1.8xlarge"),
        2: ("ecs.gn7s-c32g1.16xlarge",),
        4: ("ecs.gn7s-c32g1.32xlarge",),
    },
    "NVIDIA-A100-SXM4-80GB": {
        1: ("ecs.gn7e-c16g1.4xlarge",),
        2: ("ecs.gn7e-c16g1.8xlarge",),
        4: ("ecs.gn7e-c16g1.16xlarge",),
        8: ("ecs.gn7e-c16g1.32xlarge",),
    },
    "NVIDIA-L20": {
        1: ("ecs.gn8is.2xlarge", "ecs.gn8is.4xlarge"),
        2: ("ecs.gn8is-2x.8xlarge",),
        4: ("ecs.gn8is-4x.16xlarge",),
        8: ("ecs.gn8is-8x.32xlarge",),
    },
}
"""Machine types with GPUs."""

"""What clouds rent: machine types by the GPUs that they have, and how those GPUs can be cut into slices.

Facts, and no more than were looked up: a machine type that stands in no table can always be named in a stack file.
"""

from stacks.machines.alibaba import ALIBABA
from stacks.machines.aws import AWS
from stacks.machines.azure import AZURE
from stacks.machines.google import GOOGLE
from stacks.machines.mig import MIG_PROFILES
from stacks.machines.table import Machines

__all__ = ["ALIBABA", "AWS", "AZURE", "GOOGLE", "MIG_PROFILES", "Machines"]

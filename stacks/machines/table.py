"""What a table of machine types is."""

from collections.abc import Mapping

Machines = Mapping[str, Mapping[int, tuple[str, ...]]]
"""Machine types by the GPU's product name, as GPU feature discovery writes it, and by the GPUs of one machine.

The first of several is taken where a pool can have one only: the smallest that has 8 CPUs and 30 GiB a GPU, or else
the largest.
"""

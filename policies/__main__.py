"""The policy pack, as Pulumi starts it: ``pulumi preview --policy-pack policies``."""

import sys
from pathlib import Path

# Pulumi puts this folder first, where its files would stand before modules of the same names.
sys.path[0] = str(Path(__file__).resolve().parents[1])

from policies.pack.server import serve  # noqa: E402 - found by the line above

serve()

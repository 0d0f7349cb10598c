"""Serves the components to a Pulumi engine, which starts this folder as a plugin."""

import sys
from pathlib import Path

# The folder itself is no place to import from: its `platform` is another than Python's own.
sys.path[0] = str(Path(__file__).parents[1])

from pulumi.provider import main  # noqa: E402

from components.package.provider import ModelyardProvider  # noqa: E402

VERSION = "0.1.0"

if __name__ == "__main__":
    main(ModelyardProvider(VERSION), sys.argv[1:])

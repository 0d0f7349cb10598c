"""`pulumi up` of changed copies of the local stack file, on the embedded cluster, which has to run."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from local import pulumi
from local.paths import CHECKOUT, Paths

Config = dict[str, Any]


def up(paths: Paths, change: Callable[[Config], None] | None = None) -> None:
    """Put up the local stack, changed by what edits its ``config``. Without a change it is the stack as it stands."""
    if change is None:
        pulumi.up(paths)
        return
    content = yaml.safe_load((CHECKOUT / "stacks" / "Pulumi.local.yaml").read_text())
    change(content["config"])
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "Pulumi.changed.yaml"
        file.write_text(yaml.safe_dump(content))
        pulumi.up(paths, [f"--config-file={file}"])

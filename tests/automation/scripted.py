"""A stack in a folder, with a shell script in Pulumi's place."""

import os
from dataclasses import dataclass
from pathlib import Path

from stacks.automation.process import Pulumi
from stacks.automation.workspace import Workspace


@dataclass(frozen=True)
class Scripted:
    """A stack whose state is in a folder, as is the script."""

    folder: Path

    def answers(self, script: str) -> None:
        """Put the script in Pulumi's place. It runs in the folder."""
        program = self.folder / "pulumi"
        program.write_text(script, encoding="utf-8")
        program.chmod(0o755)

    @property
    def workspace(self) -> Workspace:
        """The stack `dev` there."""
        environment = {**os.environ, "PULUMI_BACKEND_URL": f"file://{self.folder}"}
        pulumi = Pulumi(str(self.folder / "pulumi"), self.folder, environment)
        return Workspace("dev", "sample", pulumi, pulumi, self.folder / "Pulumi.dev.yaml")

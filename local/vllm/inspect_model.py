"""Fills vLLM's cache of model descriptions, which saves each server on this machine a process and its imports.

Usage: ``VLLM_CACHE_ROOT=<folder> python inspect_model.py <architecture> ...``.
"""

import sys
from pathlib import Path

from vllm import envs
from vllm.model_executor.models.registry import ModelRegistry

for architecture in sys.argv[1:]:
    ModelRegistry.models[architecture].inspect_model_cls()
    written = list(Path(envs.VLLM_CACHE_ROOT, "modelinfos").glob(f"*-{architecture}.json"))
    # vLLM only logs it when its cache cannot be written.
    if not written:
        sys.exit(f"vLLM wrote no description of {architecture} into {envs.VLLM_CACHE_ROOT}")
    # It writes for its own user alone, and the servers run as another.
    for file in written:
        file.chmod(0o644)

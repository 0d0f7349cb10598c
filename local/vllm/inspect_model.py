"""Fills vLLM's cache of model descriptions, which saves each server on this machine a process and its imports.

Usage: ``VLLM_CACHE_ROOT=<folder> python inspect_model.py <architecture> ...``.
"""

import sys
from pathlib import Path

from vllm import envs
from vllm.model_executor.models.registry import ModelRegistry

for architecture in sys.argv[1:]:
    ModelRegistry.models[architecture].inspect_model_cls()
    # vLLM only logs it when its cache cannot be written.
    if not list(Path(envs.VLLM_CACHE_ROOT, "modelinfos").glob(f"*-{architecture}.json")):
        sys.exit(f"vLLM wrote no description of {architecture} into {envs.VLLM_CACHE_ROOT}")

"""Stacks that the tests of this folder deploy."""

from typing import Any

from stacks.settings import StackSettings, load

QWEN: dict[str, Any] = {"name": "qwen", "source": "hf://Qwen/Qwen2.5-1.5B-Instruct", "pool": "gpu"}
GEMMA: dict[str, Any] = {"name": "gemma", "source": "file:///models/gemma", "pool": "gpu"}


def stack(**changes: Any) -> StackSettings:
    """Two models on a pool of two GPUs, with these keys in place of the stack's own."""
    serving = {"image": "registry.example/serving:1"}
    pools = [{"name": "gpu", "gpusPerNode": 2}]
    return load({"serving": serving, "pools": pools, "models": [QWEN, GEMMA], **changes})

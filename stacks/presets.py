"""Presets: which parsers of vLLM 0.32 read the answers of which family of chat models.

A family is known by the name of its repository and by nothing less: a wrong reasoning parser takes the
answer for thinking, so a name that only begins like a family's, as a fine-tune's or an embedding
model's does, gets no preset. Endings of the usual quantized copies count as the model itself.

From vLLM's ``docs/features/tool_calling.md`` and ``docs/features/reasoning_outputs.md``. Families whose
tool calls need another chat template than their own have no preset: whether an image holds that
template is not known here.
"""

import re
from dataclasses import dataclass
from typing import Literal

FamilyName = Literal[
    "deepseek-r1",
    "deepseek-v3.1",
    "glm-4.5",
    "glm-4.7",
    "gpt-oss",
    "granite-3.1",
    "granite-3.2",
    "granite-4.0",
    "hermes",
    "kimi-k2",
    "llama-3",
    "minimax-m2",
    "mistral",
    "qwen2.5",
    "qwen3",
    "qwen3-coder",
    "qwen3-instruct",
    "qwq",
]
"""A family of chat models whose parsers are known."""

PresetName = Literal["auto", "none"] | FamilyName
"""``auto``: by the name of the repository. ``none``: nothing is filled in."""


@dataclass(frozen=True)
class Family:
    """What reads the answers of a family of models."""

    repositories: str
    """What the whole name of a repository matches, without its organisation and a quantized copy's ending."""
    tool_call_parser: str | None = None
    """vLLM's parser of its tool calls."""
    reasoning_parser: str | None = None
    """vLLM's parser of its reasoning. None where it does not think, or says so in no text."""


FAMILIES: dict[FamilyName, Family] = {
    "deepseek-r1": Family(r"DeepSeek-R1(-0528|-Zero)?|DeepSeek-R1-(0528|Distill)-[\w.]+-[\d.]+B", None, "deepseek_r1"),
    # Thinking is off unless a request asks for it, and the parser goes by that.
    "deepseek-v3.1": Family(r"DeepSeek-V3\.1(-Terminus)?", None, "deepseek_v3"),
    "glm-4.5": Family(r"GLM-4\.5(-Air)?|GLM-4\.6", "glm45", "glm45"),
    "glm-4.7": Family(r"GLM-4\.7(-Flash)?", "glm47", "glm47"),
    # vLLM finds its reasoning by itself.
    "gpt-oss": Family(r"gpt-oss-(20b|120b)", "openai"),
    "granite-3.1": Family(r"granite-3\.1-[28]b-instruct", "granite"),
    # Thinking is off unless a request asks for it, and an answer without it is left whole.
    "granite-3.2": Family(r"granite-3\.2-[28]b-instruct", None, "granite"),
    "granite-4.0": Family(r"granite-4\.0-(h-)?(micro|tiny|small)", "granite4"),
    "hermes": Family(r"Hermes-2-Pro-[\w.-]+|Hermes-3-Llama-3\.[12]-\d+B", "hermes"),
    "kimi-k2": Family(r"Kimi-K2-Instruct(-0905)?", "kimi_k2"),
    "llama-3": Family(r"(Meta-)?Llama-3\.[123]-\d+B-Instruct", "llama3_json"),
    "minimax-m2": Family(r"MiniMax-M2", "minimax_m2", "minimax_m2_append_think"),
    "mistral": Family(r"Mistral-7B-Instruct-v0\.3|Mistral-Nemo-Instruct-2407", "mistral"),
    "qwen2.5": Family(r"Qwen2\.5-[\d.]+B-Instruct", "hermes"),
    "qwen3": Family(r"Qwen3-([\d.]+B|\d+B-A\d+B)(-Thinking-2507)?", "hermes", "qwen3"),
    "qwen3-coder": Family(r"Qwen3-Coder-\d+B-A\d+B-Instruct", "qwen3_xml"),
    # These never think, and the parser of those that do would take the whole answer for a thought.
    "qwen3-instruct": Family(r"Qwen3-(\d+B|\d+B-A\d+B)-Instruct-2507", "hermes"),
    "qwq": Family(r"QwQ-32B", "hermes", "deepseek_r1"),
}
"""The families, by name."""

QUANTIZED = r"(-BF16|-FP8(-dynamic|-block)?|-(NV)?FP4|-AWQ|-GPTQ-Int[48]|-quantized\.w\d+a\d+)?"
"""How the names of quantized copies end."""


def family_of(source: str) -> FamilyName | None:
    """The family of a model, by the name of its repository, or None where it is of none that is known.

    Args:
        source: where the weights are. A folder's name says nothing that can be relied on.
    """
    scheme, _, place = source.partition("://")
    if scheme not in ("hf", "modelscope"):
        return None
    repository = place.rpartition("/")[2]
    found = (
        name
        for name, family in FAMILIES.items()
        if re.fullmatch(f"({family.repositories}){QUANTIZED}", repository, re.IGNORECASE)
    )
    return next(found, None)

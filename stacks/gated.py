"""Repositories of Hugging Face that are known to be given only to accounts that accepted a licence.

The list is short on purpose, and only of what has been gated since it was published. Whether a repository
is gated is its owner's choice and can change, so outside production this is a warning.
"""

GATED = (
    "hf://CohereForAI/c4ai-command-",
    "hf://CohereLabs/c4ai-command-",
    "hf://google/codegemma-",
    "hf://google/gemma-2-",
    "hf://google/gemma-2b",
    "hf://google/gemma-3-",
    "hf://google/gemma-7b",
    "hf://google/medgemma-",
    "hf://google/paligemma",
    "hf://meta-llama/",
    "hf://mistralai/Codestral-22B-",
    "hf://mistralai/Ministral-8B-Instruct-2410",
    "hf://mistralai/Mistral-Large-Instruct-2407",
)
"""What their sources begin with."""


def known_as_gated(source: str) -> bool:
    """Whether a source is known to need a token."""
    return source.startswith(GATED)

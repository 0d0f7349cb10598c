"""Speculative decoding: tokens that something quick guesses and the model checks."""

from typing import Literal

from pydantic import Field

from stacks.settings.base import ArgumentValue, Gpus, Int32, Settings
from stacks.settings.lora import ExtraSource


class SpeculativeSettings(Settings):
    """vLLM's ``SpeculativeConfig``, as far as it is set often.

    A method that is not here is written as ``--speculative-config`` into ``extraArgs``. ``suffix``, for
    one, needs a Python package that vLLM's image has not.
    """

    method: Literal["draft_model", "eagle", "eagle3", "medusa", "mlp_speculator", "mtp", "ngram"]
    """Who guesses. ``ngram``: what followed the same words in the prompt. ``mtp``: layers for it in the model's
    own weights. The others: a second model, named in ``model``."""
    num_speculative_tokens: Int32 = Field(ge=1)
    """Tokens that are guessed in one go. 2 to 5 are usual; more pay where guesses are good."""
    model: ExtraSource | None = None
    """Where the weights of the second model are: ``hf://``, ``file://`` or ``pvc://``."""
    revision: ArgumentValue | None = None
    """Commit, tag or branch of an ``hf://`` second model. Default: the repository's main branch."""
    draft_tensor_parallel_size: Gpus | None = Field(default=None, ge=1)
    """GPUs that share each layer of the second model: 1, or as many as the model has. Default: vLLM's own."""
    prompt_lookup_min: Int32 | None = Field(default=None, ge=1)
    """Fewest words that ``ngram`` looks for, in tokens. Default: ``promptLookupMax``, or 5."""
    prompt_lookup_max: Int32 | None = Field(default=None, ge=1)
    """Most words that ``ngram`` looks for, in tokens. Default: ``promptLookupMin``, or 5."""

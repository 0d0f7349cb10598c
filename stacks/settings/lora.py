"""LoRA adapters: small weights that change a model, and are asked for by a name of their own."""

from typing import Annotated, Literal

from pydantic import Field

from stacks.settings.base import Form, Int32, Settings

ExtraSource = Annotated[
    str,
    Form(
        r"^(?!.*/\.{1,2}(/|$))"
        r"(hf://[\w.-]+/[\w.-]+|file:///[^/:\n][^:\n]*|pvc://[a-z0-9]([-a-z0-9.]*[a-z0-9])?(/.*)?)$",
        "is no place that weights beside the model's are read from: write hf://<organisation>/<repository>, "
        "file:///<path on the node> or pvc://<claim>/<path in it>, with no '..' in it",
    ),
]
"""Where weights are that a model needs beside its own."""

AdapterName = Annotated[
    str,
    Field(max_length=128),
    Form(
        r"^[A-Za-z0-9][A-Za-z0-9._/-]*$",
        "is no name that every client can ask for: use letters, digits, '.', '_', '/' and '-', and begin with a "
        "letter or a digit",
    ),
]
"""What requests call an adapter."""

Rank = Literal[1, 8, 16, 32, 64, 128, 256, 320, 512]
"""The limits of ranks that vLLM has kernels for (``MaxLoRARanks``)."""

RANKS: tuple[Rank, ...] = (1, 8, 16, 32, 64, 128, 256, 320, 512)
"""The same, from the lowest to the highest."""

DEFAULT_RANK: Rank = 16
"""vLLM's limit of ranks where none is said."""


class AdapterSettings(Settings):
    """A LoRA adapter of a model."""

    name: AdapterName
    """What requests call it, and what routes name in ``upstreams[].adapter``."""
    source: ExtraSource
    """Where its weights are: ``hf://``, ``file://`` or ``pvc://``. vLLM reads an ``hf://`` one from the
    repository's main branch, at every start, so what must not change belongs on a claim."""
    rank: Int32 | None = Field(default=None, ge=1)
    """Its rank: ``r`` in its ``adapter_config.json``. Default: 16 or less."""


class LoraSettings(Settings):
    """The LoRA adapters of a model, and the memory for them."""

    adapters: tuple[AdapterSettings, ...]
    """The adapters, which all replicas load at their start."""
    max_loras: Int32 | None = Field(default=None, ge=1)
    """Most adapters in one step. Each takes GPU memory, used or not. Default: all of them."""
    max_lora_rank: Rank | None = None
    """The limit of the adapters' ranks, by which vLLM sets memory aside. Default: the lowest limit of vLLM's
    that no adapter's rank is above, and 16 where no adapter says its rank."""

    @property
    def slots(self) -> int:
        """Adapters that the GPUs have memory for."""
        return self.max_loras or len(self.adapters)

    @property
    def rank_limit(self) -> int:
        """The limit of the adapters' ranks. Where no limit of vLLM's is high enough, the highest."""
        if self.max_lora_rank is not None:
            return self.max_lora_rank
        highest = max((adapter.rank or DEFAULT_RANK for adapter in self.adapters), default=DEFAULT_RANK)
        return next((rank for rank in RANKS if rank >= highest), RANKS[-1])

"""Models: where their weights are, what they run on, how vLLM serves them."""

from typing import Annotated, Literal

from pydantic import Field

from stacks.settings.base import Cpu, EnvName, Form, Name, Quantity, Settings
from stacks.settings.engine import EngineSettings
from stacks.settings.probes import ProbeSettings
from stacks.settings.scaling import AutoscalingSettings

Source = Annotated[
    str,
    Form(
        r"^(hf://[\w.-]+/[\w.-]+|file:///.+|pvc://[a-z0-9.-]+(/.*)?)$",
        "is no place that weights are read from: write hf://<organisation>/<repository>, "
        "file:///<path on the node> or pvc://<claim>/<path in it>",
    ),
]


class ModelSettings(Settings):
    """One model: where its weights are, what it runs on, how vLLM serves it."""

    name: Name
    """Name of the model and of its Services: ``<name>`` and ``<name>-lb``."""
    source: Source
    """Where the weights are: ``hf://``, ``file://`` or ``pvc://``."""
    revision: str | None = None
    """Commit, tag or branch of an ``hf://`` source. Default: the repository's main branch."""
    served_names: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    """Names that vLLM answers to. Default: the model's name."""
    backend: Literal["native", "llmaz"] = "native"
    """What runs the replicas. ``native``: a StatefulSet, no operator. ``llmaz``: the operator of that name,
    which has had no commit since October 2025, so take it only where its objects are wanted."""
    replicas: int | None = Field(default=None, ge=0)
    """Number of replicas. Default: 1, or what ``autoscaling`` says."""
    autoscaling: AutoscalingSettings | None = None
    """Number of replicas by load, instead of ``replicas``."""
    pool: Name
    """The node pool that the replicas run on."""
    gpus: int = Field(default=1, ge=1)
    """GPUs of one replica."""
    cpu: Cpu = "4"
    """CPU of one replica."""
    memory: Quantity = "16Gi"
    """Memory of one replica."""
    shared_memory: Quantity = "2Gi"
    """Size of ``/dev/shm``, taken from the memory above."""
    engine: EngineSettings = EngineSettings()
    """vLLM's engine arguments."""
    extra_args: tuple[str, ...] = ()
    """Further arguments of ``vllm serve``, as on its command line."""
    env: dict[EnvName, str] = {}
    """Environment of the container. Never a secret: it is plain in the manifest."""
    probes: ProbeSettings = ProbeSettings()
    """How long a replica may take to start and to stop."""

    @property
    def names(self) -> tuple[str, ...]:
        """The names that vLLM answers to, the first of them the one sent to it."""
        return self.served_names or (self.name,)

    @property
    def first_replicas(self) -> int | None:
        """Replicas to ask for, or None where an autoscaler owns the number."""
        if self.autoscaling:
            return None
        return 1 if self.replicas is None else self.replicas

    @property
    def most_replicas(self) -> int:
        """The most replicas that there can be at a time."""
        return self.autoscaling.max_replicas if self.autoscaling else self.first_replicas or 0

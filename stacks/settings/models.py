"""Models: where their weights are, what they run on, how vLLM serves them."""

from typing import Literal

from pydantic import Field

from serving.vllm_arguments import destinations
from stacks.presets import FAMILIES, FamilyName, family_of
from stacks.settings.base import ArgumentValue, Cpu, EnvName, Gpus, Name, Quantity, Replicas, Settings
from stacks.settings.engine import EngineSettings
from stacks.settings.fit import ModelConfig
from stacks.settings.lora import LoraSettings
from stacks.settings.multi_node import RdmaSettings
from stacks.settings.probes import ProbeSettings
from stacks.settings.rollout import RolloutSettings
from stacks.settings.scaling import AutoscalingSettings
from stacks.settings.serving import LabelKey
from stacks.settings.sources import Source
from stacks.settings.weights import WeightsSettings


class ModelSettings(Settings):
    """One model: where its weights are, what it runs on, how vLLM serves it."""

    name: Name
    """Name of the model and of its Services: ``<name>`` and ``<name>-lb``."""
    source: Source
    """Where the weights are: ``hf://``, ``modelscope://``, ``pvc://``, ``s3://``, ``oci://`` or ``file://``."""
    revision: ArgumentValue | None = None
    """Commit, tag or branch of an ``hf://`` or ``modelscope://`` source. Default: the repository's main branch."""
    weights: WeightsSettings = WeightsSettings()
    """How the weights come into the pods, and where they are kept. Default: as ``serving.weights`` says."""
    served_names: tuple[ArgumentValue, ...] = ()
    """Names that vLLM answers to. Default: the model's name."""
    backend: Literal["native", "llmaz"] = "native"
    """What runs the replicas. ``native``: a StatefulSet, no operator. ``llmaz``: the operator of that name,
    which has had no commit since October 2025, so take it only where its objects are wanted."""
    replicas: Replicas | None = Field(default=None, ge=0)
    """Number of replicas. Default: 1, or what ``autoscaling`` says."""
    autoscaling: AutoscalingSettings | None = None
    """Number of replicas by load, instead of ``replicas``."""
    pool: Name
    """The node pool that the replicas run on."""
    gpus: Gpus = Field(default=1, ge=1)
    """GPUs of one replica. More than a node of the pool has are those of several nodes, and a multiple of theirs."""
    cpu: Cpu = "4"
    """CPU of one replica, on each of its nodes."""
    memory: Quantity = "16Gi"
    """Memory of one replica, on each of its nodes."""
    shared_memory: Quantity = "2Gi"
    """Size of ``/dev/shm``, taken from the memory above."""
    engine: EngineSettings = EngineSettings()
    """vLLM's engine arguments."""
    config: ModelConfig | None = None
    """The model's ``config.json``, as its path from this file's folder or as what it says, for the check whether it
    fits its GPUs. Default: that of the source's repository, where it is a known one."""
    rdma: RdmaSettings | None = None
    """Network devices by which the nodes of one replica reach each other's GPUs. Default: the pods' own network."""
    lora: LoraSettings | None = None
    """LoRA adapters, by whose names the model answers too. Default: none."""
    extra_args: tuple[str, ...] = ()
    """Further arguments of ``vllm serve``, as on its command line."""
    env: dict[EnvName, str] = {}
    """Environment of the container. Never a secret: it is plain in the manifest."""
    probes: ProbeSettings = ProbeSettings()
    """How long a replica may take to start and to stop."""
    rollout: RolloutSettings = RolloutSettings()
    """How a changed model takes the place of the old one."""
    annotations: dict[LabelKey, str] = {}
    """Annotations of what runs the replicas, such as waivers of policies. They are not the pods', which go on as they
    are when one changes."""
    priority_class: str | None = None
    """The pods' PriorityClass. Where GPUs run short, a pod of a higher one takes the place of a lower one."""
    ephemeral_storage: Quantity | None = None
    """Disk of the node that one replica counts on, for what is kept while its pod lives."""

    @property
    def names(self) -> tuple[str, ...]:
        """The names that vLLM answers to, the first of them the one sent to it."""
        return self.served_names or (self.name,)

    @property
    def adapters(self) -> tuple[str, ...]:
        """The names of its LoRA adapters."""
        return tuple(adapter.name for adapter in self.lora.adapters) if self.lora else ()

    @property
    def family(self) -> FamilyName | None:
        """The family of chat models whose parsers the preset fills in, or None where it fills in nothing."""
        preset = self.engine.preset
        if preset == "none" or self.engine.pools:
            return None
        return family_of(self.source) if preset == "auto" else preset

    @property
    def filled_engine(self) -> EngineSettings:
        """The engine's arguments, with those that the preset fills in where nothing is said."""
        if self.family is None:
            return self.engine
        family, said = FAMILIES[self.family], destinations(self.extra_args)
        parsers = {"tool_call_parser": family.tool_call_parser, "reasoning_parser": family.reasoning_parser}
        left_out = {name: parser for name, parser in parsers.items() if name not in said}
        return self.engine.model_copy(
            update={name: parser for name, parser in left_out.items() if getattr(self.engine, name) is None}
        )

    @property
    def first_replicas(self) -> int | None:
        """Replicas to ask for, or None where an autoscaler owns the number."""
        if self.autoscaling:
            return None
        return 1 if self.replicas is None else self.replicas

    @property
    def most_replicas(self) -> int:
        """The most replicas that there can be at a time, but for those that a rollout starts beside them."""
        return self.autoscaling.max_replicas if self.autoscaling else self.first_replicas or 0

    @property
    def least_replicas(self) -> int:
        """The fewest replicas that there can be."""
        return self.autoscaling.min_replicas if self.autoscaling else self.first_replicas or 0

    @property
    def scales_to_zero(self) -> bool:
        """Whether the model may be without a replica until somebody asks for it."""
        return self.autoscaling is not None and self.autoscaling.min_replicas == 0

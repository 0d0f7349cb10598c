"""How the GPUs of a replica are divided, over nodes and by vLLM's kinds of parallelism. Pure arithmetic."""

from dataclasses import dataclass

from stacks.settings import ModelSettings, StackSettings


@dataclass(frozen=True)
class Parallelism:
    """Sizes of vLLM's kinds of parallelism. Multiplied, they are the replica's GPUs."""

    tensor: int
    """GPUs that share each layer."""
    pipeline: int
    """Groups of them that share the layers one after the other."""
    data: int
    """Copies of the engine."""


def node_count(model: ModelSettings, gpus_per_node: int) -> int:
    """Nodes that one replica of the model spans: one, or as many as its GPUs fill."""
    return max(1, model.gpus // gpus_per_node)


def spans_nodes(model: ModelSettings, gpus_per_node: int) -> bool:
    """Whether a replica of the model has more GPUs than a node."""
    return model.gpus > gpus_per_node


def spanning_models(stack: StackSettings) -> list[ModelSettings]:
    """The native models of a stack whose replicas span nodes."""
    each = {pool.name: pool.devices_per_node for pool in stack.pools}
    return [model for model in stack.models if model.backend == "native" and spans_nodes(model, each[model.pool])]


def parallelism(model: ModelSettings, gpus_per_node: int) -> Parallelism:
    """What the settings say of it. Where they leave the choice, tensor parallelism stays within a node.

    GPUs that share a layer exchange their parts in every layer, for which the links within a node are made.
    Groups that share the layers pass one activation on a step, for which a network between nodes will do.
    """
    engine = model.engine
    gpus = model.gpus // engine.data_parallel_size
    if engine.tensor_parallel_size is not None:
        tensor, pipeline = engine.tensor_parallel_size, engine.pipeline_parallel_size
    elif "pipeline_parallel_size" in engine.model_fields_set:
        tensor, pipeline = gpus // engine.pipeline_parallel_size, engine.pipeline_parallel_size
    else:
        tensor = min(gpus, gpus_per_node)
        pipeline = gpus // tensor
    return Parallelism(tensor, pipeline, engine.data_parallel_size)

"""Rules about what vLLM can't do on some accelerators, and about the images that it needs there."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from stacks.accelerators import ACCELERATORS, Accelerator
from stacks.parallelism import spans_nodes
from stacks.rules.rule import Rule, placed

if TYPE_CHECKING:
    from stacks.settings import GpuNodePoolSettings, ModelSettings, StackSettings


def _quantization(stack: "StackSettings") -> Iterator[str]:
    for index, model, pool, accelerator in _placed(stack):
        method, known = model.engine.quantization, accelerator.quantization
        if method is not None and known is not None and method not in known:
            yield (
                f"modelyard:models[{index}].engine.quantization: {method!r} on pool {pool.name!r} of "
                f"{accelerator.title}, where vLLM {accelerator.vllm} has only {', '.join(sorted(known))}: write one "
                "of these with weights of that kind, or name another pool"
            )


def _pipeline_parallel(stack: "StackSettings") -> Iterator[str]:
    for index, model, pool, accelerator in _placed(stack):
        size = model.engine.pipeline_parallel_size
        if size > 1 and not accelerator.pipeline_parallel:
            yield (
                f"modelyard:models[{index}].engine.pipelineParallelSize: {size} on pool {pool.name!r} of "
                f"{accelerator.title}, where vLLM {accelerator.vllm} can't spread layers: leave it out, so that all "
                f"{model.gpus} share each layer"
            )


def _several_nodes(stack: "StackSettings") -> Iterator[str]:
    for index, model, pool, accelerator in _placed(stack):
        if spans_nodes(model, pool.devices_per_node) and not accelerator.multi_node:
            yield (
                f"modelyard:models[{index}].gpus: {model.gpus} on pool {pool.name!r} of {accelerator.title} with "
                f"{pool.gpus_per_node} a node, and vLLM {accelerator.vllm} has no replicas on several nodes there: "
                f"write {pool.gpus_per_node} or fewer, or name a pool with larger nodes"
            )


def _one_image_for_all(stack: "StackSettings") -> Iterator[str]:
    serving = stack.serving
    if "image" not in serving.model_fields_set:
        return
    left = sorted({pool.accelerator for _, _, pool, _ in _placed(stack)} - set(serving.images))
    if len(left) > 1:
        yield (
            f"modelyard:serving.image: {serving.image!r} would be for {' and '.join(left)}, and no image has a vLLM "
            f"for more than one of them: write {' and '.join(f'modelyard:serving.images.{name}' for name in left[1:])} "
            "as well, or leave image out"
        )


def _placed(stack: "StackSettings") -> Iterator[tuple[int, "ModelSettings", "GpuNodePoolSettings", Accelerator]]:
    """The models whose pool is there, with their index and what it computes with."""
    return ((index, model, pool, ACCELERATORS[pool.accelerator]) for index, model, pool in placed(stack))


ACCELERATOR_RULES: tuple[Rule, ...] = (
    _quantization,
    _pipeline_parallel,
    _several_nodes,
    _one_image_for_all,
)

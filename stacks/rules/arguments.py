"""Rules about ``extraArgs``: arguments of ``vllm serve`` that no setting is for."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from stacks.rules.rule import Rule, camel
from stacks.vllm_arguments import names, nearest, table, version

if TYPE_CHECKING:
    from stacks.settings import ModelSettings, StackSettings

ALWAYS_WRITTEN = {
    "model": "source",
    "revision": "revision",
    "served_model_name": "servedNames",
    "tensor_parallel_size": "engine.tensorParallelSize",
    "pipeline_parallel_size": "engine.pipelineParallelSize",
    "data_parallel_size": "engine.dataParallelSize",
    "shutdown_timeout": "probes.drainSeconds",
    "enable_lora": "lora",
    "lora_modules": "lora.adapters",
    "max_loras": "lora.maxLoras",
    "max_lora_rank": "lora.maxLoraRank",
}
"""Fields of vLLM that settings of the model say, whether they are written or not, and the settings."""

FIXED = {
    "host": "the Services and probes find the server by it",
    "port": "the Services and probes find the server by it",
    "uds": "the Services and probes find the server by its port",
    "api_key": "the gateway calls the pods without a key, and knows the callers itself",
    "root_path": "the gateway and the probes ask for the paths as they are",
}
"""Fields of vLLM that cannot be anything else, and why."""


def _known(stack: "StackSettings") -> Iterator[str]:
    # Another version may have other arguments, so nothing is said of its.
    if not stack.serving.image.partition("@")[0].endswith(f"vllm/vllm-openai:v{version()}"):
        return
    for index, model in enumerate(stack.models):
        for position, name in names(model.extra_args):
            if name not in table():
                like = nearest(name)
                yield (
                    f"modelyard:models[{index}].extraArgs[{position}]: {name!r} is no argument of vLLM {version()}, "
                    f"which does not start with it: {f'write {like}' if like else 'correct or remove it'}"
                )


def _said_once(stack: "StackSettings") -> Iterator[str]:
    for index, model in enumerate(stack.models):
        written = _written(model)
        for position, name in names(model.extra_args):
            place, field = f"modelyard:models[{index}].extraArgs[{position}]", table().get(name, "")
            if field in FIXED:
                yield f"{place}: {name!r} is not for a stack to choose, since {FIXED[field]}: remove it"
            elif field in written:
                yield (
                    f"{place}: {name!r} says again what modelyard:models[{index}].{written[field]} says, and vLLM "
                    f"would take this one, of which nothing else here knows: write it as {written[field]} only"
                )


def _written(model: "ModelSettings") -> dict[str, str]:
    """The fields of vLLM that settings of this model say, and the settings."""
    engine = model.engine.model_fields_set - {"preset"}
    return {**ALWAYS_WRITTEN, **{field: f"engine.{camel(field)}" for field in engine}}


ARGUMENT_RULES: tuple[Rule, ...] = (
    _known,
    _said_once,
)

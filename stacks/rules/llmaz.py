"""Rules about what the llmaz backend can't do."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from stacks.rules.rule import Rule
from stacks.settings.sources import HubSource, weights_source

if TYPE_CHECKING:
    from stacks.settings import StackSettings


def _weights_from_hubs(stack: "StackSettings") -> Iterator[str]:
    for index, model in enumerate(stack.models):
        if model.backend == "llmaz" and not isinstance(weights_source(model.source), HubSource):
            yield (
                f"modelyard:models[{index}].source: {model.source!r} with backend 'llmaz', which the program lets "
                "have weights of model hubs only: write an hf:// or modelscope:// source, or backend native"
            )


def _service_variables(stack: "StackSettings") -> Iterator[str]:
    if not any(model.backend == "llmaz" for model in stack.models):
        return
    named = [(f"models[{index}].name", model.name) for index, model in enumerate(stack.models)]
    if stack.gateway.kind == "envoy":
        named.append(("gateway.name", stack.gateway.name))
    for path, name in named:
        if name in ("vllm", "modelyard") or name.startswith("modelyard-"):
            prefix = f"{name.upper().replace('-', '_')}_"
            yield (
                f"modelyard:{path}: {name!r} names a Service, by which Kubernetes sets variables {prefix}... in every "
                "pod of a Playground, and they contradict the server's own of that beginning: write another name, or "
                "backend native for all models"
            )


LLMAZ_RULES: tuple[Rule, ...] = (
    _weights_from_hubs,
    _service_variables,
)

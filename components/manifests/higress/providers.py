"""AI providers: where Higress finds each model, and what it is told of it."""

from collections.abc import Sequence
from typing import Any

from components.manifests.higress import names
from components.manifests.higress.plugins import rule, wasm_plugin
from components.manifests.objects import Manifest
from stacks.settings import ModelSettings, StackSettings


def mcp_bridge(stack: StackSettings, others: Sequence[dict[str, Any]] = ()) -> Manifest:
    """The list of all that the gateway calls: the models, and ``others``.

    Higress reads this one object only, so whatever else is in it when the stack goes up is taken over.
    """
    return {
        "apiVersion": "networking.higress.io/v1",
        "kind": "McpBridge",
        "metadata": names.metadata(stack, names.BRIDGE),
        "spec": {"registries": [*(_registry(stack, model) for model in stack.models), *others]},
    }


def ai_proxy(stack: StackSettings) -> Manifest:
    """The plugin that speaks to providers: one a model."""
    return wasm_plugin(
        stack,
        "ai-proxy",
        default={"providers": [_provider(stack, model) for model in stack.models]},
        rules=[rule({"activeProviderId": model.name}, services=[names.service(model)]) for model in stack.models],
    )


def first_byte_seconds(stack: StackSettings, model: ModelSettings) -> float:
    """Longest wait for the first byte of a streamed answer.

    Higress has it by provider and not by route, so it is the longest that a route to the model allows.
    """
    return max((route.timeouts.first_byte_seconds for route in stack.routes_to(model)), default=0)


def _registry(stack: StackSettings, model: ModelSettings) -> dict[str, Any]:
    return {
        "name": names.registry(model),
        "type": "dns",
        "domain": names.model_host(stack, model),
        "port": names.MODEL_PORT,
        "protocol": "http",
    }


def _provider(stack: StackSettings, model: ModelSettings) -> dict[str, Any]:
    provider: dict[str, Any] = {
        "id": model.name,
        "type": "vllm",
        "protocol": "openai",
        "vllmCustomUrl": f"http://{names.model_host(stack, model)}:{names.MODEL_PORT}/v1",
    }
    if wait := first_byte_seconds(stack, model):
        provider["firstByteTimeout"] = round(wait * 1000)
    return provider

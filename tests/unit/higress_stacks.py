"""Stacks with a Higress gateway, for tests of single plugins."""

from typing import Any

from stacks.settings import StackSettings, load

QWEN_HOPS = ["ai-route-qwen.internal", "ai-route-qwen.fallback.internal"]
GEMMA_HOPS = ["ai-route-gemma.internal"]
ANSWERS = ["modelyard-models", "modelyard-unknown-model"]


def higress(qwen: dict[str, Any] | None = None, gemma: dict[str, Any] | None = None, **gateway: Any) -> StackSettings:
    """Two models, ``qwen`` with ``gemma`` as its fallback, with further settings of the routes and of the gateway."""
    models = [{"name": name, "source": "hf://o/r", "pool": "gpus"} for name in ("qwen", "gemma")]
    routes = [{"model": "qwen", "fallback": ["gemma"], **(qwen or {})}, {"model": "gemma", **(gemma or {})}]
    return load(
        {
            "serving": {"image": "registry.example/serving:1"},
            "pools": [{"name": "gpus"}],
            "models": models,
            "routes": routes,
            "gateway": {"kind": "higress", **gateway},
        }
    )


def placed(config: dict[str, Any], *ingresses: str) -> dict[str, Any]:
    """A rule of a plugin for some Ingresses."""
    return {"ingress": list(ingresses), "config": config, "configDisable": False}

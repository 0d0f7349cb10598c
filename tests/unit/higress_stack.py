"""Stacks with a Higress gateway, for the tests of its objects and plugins."""

from typing import Any

from stacks.settings import RouteSettings, StackSettings, load

QWEN: dict[str, Any] = {"name": "qwen"}
GEMMA: dict[str, Any] = {"name": "gemma", "servedNames": ["google/gemma-2-2b-it"]}
LLAMA: dict[str, Any] = {"name": "llama"}

QWEN_HOPS = ["ai-route-qwen.internal", "ai-route-qwen.fallback.internal"]
GEMMA_HOPS = ["ai-route-gemma.internal"]
ANSWERS = ["modelyard-models", "modelyard-unknown-model"]


def stack(
    *routes: dict[str, Any], models: tuple[dict[str, Any], ...] = (QWEN, GEMMA, LLAMA), **gateway: Any
) -> StackSettings:
    """These models behind these routes, with these settings of the gateway."""
    return load(
        {
            "serving": {"image": "registry.example/serving:1"},
            "pools": [{"name": "gpu"}],
            "models": [{"source": "hf://o/r", "pool": "gpu", **model} for model in models],
            "routes": list(routes),
            "gateway": {"kind": "higress", **gateway},
        }
    )


def higress(qwen: dict[str, Any] | None = None, gemma: dict[str, Any] | None = None, **gateway: Any) -> StackSettings:
    """Two models, ``qwen`` with ``gemma`` as its fallback, with further settings of the routes and of the gateway."""
    routes = [{"model": "qwen", "fallback": ["gemma"], **(qwen or {})}, {"model": "gemma", **(gemma or {})}]
    return stack(*routes, models=(QWEN, {"name": "gemma"}), **gateway)


def first_route(settings: StackSettings) -> RouteSettings:
    """The route that the stack names first."""
    return settings.all_routes[0]


def in_console(name: str, **labels: str) -> dict[str, Any]:
    """The metadata of an object that the console lists."""
    return {
        "name": name,
        "namespace": "higress-system",
        "labels": {"higress.io/resource-definer": "higress", **labels},
        "annotations": {"pulumi.com/patchForce": "true"},
    }


def hidden(name: str, annotations: dict[str, str] | None = None, **labels: str) -> dict[str, Any]:
    """The metadata of an object that the console keeps for itself."""
    comment = "PLEASE DO NOT EDIT DIRECTLY. This resource is managed by Higress."
    found = in_console(name, **labels)
    found["labels"]["higress.io/internal"] = "true"
    found["annotations"] |= {**(annotations or {}), "higress.io/comment": comment}
    return found


def placed(config: dict[str, Any], *ingresses: str) -> dict[str, Any]:
    """A rule of a plugin for some Ingresses."""
    return {"ingress": list(ingresses), "config": config, "configDisable": False}

"""Status and models as tables for people and as documents for programs."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from components.manifests import envoy_gateway
from components.manifests.higress import addresses
from stacks.cli import output
from stacks.cli.platform.state import PlatformState, ReplicaState
from stacks.cli.stack import Stack
from stacks.settings import ModelSettings, StackSettings


def status_document(stack: Stack, state: PlatformState) -> dict[str, Any]:
    """What models and gateway do, for programs."""
    return {
        "stack": stack.name,
        "ready": state.is_ready,
        "base_url": client_url(stack.settings),
        "gateway": {"kind": stack.settings.gateway.kind, **_replicas_document(state.gateway)},
        "models": [_replicas_document(model) for model in state.models],
    }


def status_table(stack: Stack, state: PlatformState) -> str:
    """What models and gateway do, as lines of columns."""
    rows = ((each.name, f"{each.ready}/{each.wanted}", str(each.restarts), each.doing) for each in _parts(state))
    return output.columns(("NAME", "READY", "RESTARTS", "STATE"), rows)


def models_document(name: str, stack: StackSettings) -> dict[str, Any]:
    """The models of the stack of that name, for programs."""
    return {"stack": name, "models": [_described(stack, model) for model in stack.models]}


def models_table(stack: StackSettings) -> str:
    """The models, as lines of columns."""
    heads = ("MODEL", "SOURCE", "POOL", "GPUS", "REPLICAS", "ASKED FOR AS", "STANDS IN")
    described = (_described(stack, model) for model in stack.models)
    return output.columns(heads, (_described_row(each) for each in described))


def client_url(stack: StackSettings) -> str | None:
    """The URL that clients use, ending in ``/v1``, as far as the stack file says it. None: only the cluster knows."""
    if stack.gateway.kind == "higress":
        return addresses.given_url(stack)
    return envoy_gateway.gateway_base_url(stack)


def _parts(state: PlatformState) -> tuple[ReplicaState, ...]:
    return *state.models, state.gateway


def _replicas_document(state: ReplicaState) -> dict[str, Any]:
    return {**asdict(state), "is_ready": state.is_ready, "doing": state.doing}


def _described(stack: StackSettings, model: ModelSettings) -> dict[str, Any]:
    scaling = model.autoscaling
    return {
        "name": model.name,
        "source": model.source,
        "revision": model.revision,
        "backend": model.backend,
        "pool": model.pool,
        "gpus": model.gpus,
        "replicas": {"min": model.least_replicas, "max": model.most_replicas, "autoscaled": scaling is not None},
        "adapters": list(model.adapters),
        "routes": list(_routes(stack, model)),
    }


def _routes(stack: StackSettings, model: ModelSettings) -> Iterator[dict[str, Any]]:
    for route in stack.routes_to(model):
        shares = [target.weight for target in route.targets if target.model == model.name]
        yield {
            "model": route.model,
            "weight": sum(shares) if shares else None,
            "fallback_place": route.fallback.index(model.name) + 1 if model.name in route.fallback else None,
        }


def _described_row(each: dict[str, Any]) -> tuple[str, ...]:
    least, most = each["replicas"]["min"], each["replicas"]["max"]
    asked = [
        route["model"] if route["weight"] == 100 else f"{route['model']} ({route['weight']} %)"
        for route in each["routes"]
        if route["weight"] is not None
    ]
    stands_in = [
        f"{route['model']} ({route['fallback_place']}.)"
        for route in each["routes"]
        if route["fallback_place"] is not None
    ]
    return (
        each["name"],
        each["source"],
        each["pool"],
        str(each["gpus"]),
        str(least) if least == most else f"{least}-{most}",
        ", ".join(asked),
        ", ".join(stands_in),
    )

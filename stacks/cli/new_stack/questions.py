"""Asks what the command line has not said."""

from collections import Counter
from dataclasses import dataclass

import typer

from stacks.cli.new_stack.answers import Answers, GatewayKind, Weights
from stacks.kubectl import Kubectl, KubectlError
from stacks.settings import ClusterSettings

_PRODUCT = "nvidia.com/gpu.product"
_GPUS = "nvidia.com/gpu"


@dataclass(frozen=True)
class Given:
    """What the command line says. None or nothing: it does not."""

    name: str | None
    context: str | None
    namespace: str | None
    gpu_model: str | None
    gpus_per_node: int | None
    nodes: int | None
    zones: tuple[str, ...]
    models: tuple[str, ...]
    gateway: GatewayKind | None
    production: bool | None


def asked(given: Given) -> Answers:
    """The answers of a person, with what the cluster's nodes say for defaults."""
    name = given.name or typer.prompt("Name of the stack, such as staging")
    context = given.context
    found = _gpus_there(context)
    gpu_model = given.gpu_model or typer.prompt(
        f"GPUs of the nodes, as the label {_PRODUCT} has them", default=found.product if found else "NVIDIA-L4"
    )
    return Answers(
        name=name,
        context=context,
        namespace=given.namespace or typer.prompt("Namespace of the models", default="models"),
        gpu_model=gpu_model,
        gpus_per_node=given.gpus_per_node
        or typer.prompt("GPUs of one node", default=found.each if found else 1, type=int),
        nodes=given.nodes or typer.prompt("Nodes with such GPUs", default=found.nodes if found else 1, type=int),
        zones=given.zones or _zones(),
        weights=tuple(map(Weights.parse, given.models or _models())),
        gateway=given.gateway or _gateway(),
        production=typer.confirm("Do people depend on it?") if given.production is None else given.production,
    )


def unasked(given: Given) -> Answers:
    """The answers of a command line, with defaults for what it leaves out.

    Raises:
        typer.BadParameter: when it leaves out what has none.
    """
    missing = [
        option
        for option, value in (
            ("NAME", given.name),
            ("--gpu-model", given.gpu_model),
            ("--model", given.models),
        )
        if not value
    ]
    if missing:
        raise typer.BadParameter(
            f"there is nobody here to ask, and nothing else says it: write {' and '.join(missing)}",
            param_hint=missing[0],
        )
    return Answers(
        name=given.name or "",
        context=given.context,
        namespace=given.namespace or "models",
        gpu_model=given.gpu_model or "",
        gpus_per_node=given.gpus_per_node or 1,
        nodes=given.nodes or 1,
        zones=given.zones,
        weights=tuple(map(Weights.parse, given.models)),
        gateway=given.gateway or "envoy",
        production=bool(given.production),
    )


def _models() -> list[str]:
    found = [typer.prompt("Weights of the first model, such as Qwen/Qwen3-8B or hf://Qwen/Qwen3-8B@commit")]
    while another := typer.prompt(
        "Weights of one more, which stands in for the others (or nothing)", default="", show_default=False
    ):
        found.append(another)
    return found


def _zones() -> tuple[str, ...]:
    said = typer.prompt(
        "Zones of these nodes, two or more with commas between, so that a model and what stands in for it are in "
        "different ones (or nothing)",
        default="",
        show_default=False,
    )
    return tuple(zone.strip() for zone in said.split(",") if zone.strip())


def _gateway() -> GatewayKind:
    higress = typer.confirm("Do you need token limits, TLS, a console or autoscaling of the gateway (Higress)?")
    return "higress" if higress else "envoy"


@dataclass(frozen=True)
class _There:
    product: str
    each: int
    nodes: int


def _gpus_there(context: str | None) -> _There | None:
    """The GPUs that most nodes of the cluster have, where it can be asked."""
    kubectl = Kubectl.of(ClusterSettings(context=context))
    try:
        nodes = kubectl.find("nodes")
    except KubectlError:
        return None
    kinds = Counter(
        (product, int(gpus))
        for node in nodes
        if (product := node["metadata"].get("labels", {}).get(_PRODUCT))
        and (gpus := node["status"].get("allocatable", {}).get(_GPUS))
    )
    if not kinds:
        return None
    ((product, each), count) = kinds.most_common(1)[0]
    return _There(product, each, count)

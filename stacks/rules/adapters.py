"""Rules about LoRA adapters and other weights beside a model's own, and about routes that lead to adapters."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from stacks.rules.rule import Rule, instead, repeats
from stacks.rules.weights import COMMIT
from stacks.settings.lora import RANKS

if TYPE_CHECKING:
    from stacks.settings import LoraSettings, ModelSettings, StackSettings


def _some(stack: "StackSettings") -> Iterator[str]:
    for index, _, lora in _with_adapters(stack):
        if not lora.adapters:
            yield (
                f"modelyard:models[{index}].lora.adapters: the list is empty, and vLLM turns LoRA on for adapters "
                "only: add one, or remove lora"
            )


def _names(stack: "StackSettings") -> Iterator[str]:
    for index, model, lora in _with_adapters(stack):
        place = f"models[{index}].lora.adapters"
        yield from repeats(place, "name", (adapter.name for adapter in lora.adapters))
        for position, adapter in enumerate(lora.adapters):
            if adapter.name in model.names:
                yield (
                    f"modelyard:{place}[{position}].name: {adapter.name!r} is a name of the model itself, which would "
                    "answer in the adapter's place, so vLLM does not start: give the adapter another name"
                )


def _ranks(stack: "StackSettings") -> Iterator[str]:
    for index, _, lora in _with_adapters(stack):
        place = f"modelyard:models[{index}].lora"
        for position, adapter in enumerate(lora.adapters):
            rank = adapter.rank or 1
            if rank > RANKS[-1]:
                yield (
                    f"{place}.adapters[{position}].rank: {rank}, but vLLM serves no rank above {RANKS[-1]}: train the "
                    "adapter with a lower one, or merge it into the model's weights"
                )
            elif rank > lora.rank_limit:
                enough = next(limit for limit in RANKS if limit >= rank)
                yield (
                    f"{place}.adapters[{position}].rank: {rank} is above maxLoraRank {lora.rank_limit}, and vLLM does "
                    f"not start with such an adapter: write maxLoraRank: {enough}, or leave maxLoraRank out"
                )
        if lora.adapters and lora.slots > len(lora.adapters):
            yield (
                f"{place}.maxLoras: {lora.max_loras} is more than the {len(lora.adapters)} listed, and memory would be "
                f"set aside for adapters that nobody can ask for: write {len(lora.adapters)} or fewer, or leave it out"
            )


def _pinned_in_production(stack: "StackSettings") -> Iterator[str]:
    if not stack.production:
        return
    cause = "in production, where a restart would take whatever the repository then has"
    for index, _, lora in _with_adapters(stack):
        for position, adapter in enumerate(lora.adapters):
            if adapter.source.startswith("hf://"):
                yield (
                    f"modelyard:models[{index}].lora.adapters[{position}].source: {adapter.source!r} {cause}, for vLLM "
                    "knows no revision of an adapter: put it on a claim and write pvc://<claim>/<path in it>"
                )
    for index, model in enumerate(stack.models):
        speculative = model.engine.speculative_config
        source = speculative.model if speculative else None
        if speculative and source and source.startswith("hf://") and not COMMIT.fullmatch(speculative.revision or ""):
            given = "nothing is given" if speculative.revision is None else repr(speculative.revision)
            yield (
                f"modelyard:models[{index}].engine.speculativeConfig.revision: {given} {cause}: write the commit that "
                "you have tried, 40 hexadecimal digits, as the repository's history shows it"
            )


def _routes(stack: "StackSettings") -> Iterator[str]:
    models = {model.name: model for model in stack.models}
    for index, route in enumerate(stack.routes):
        for position, upstream in enumerate(route.upstreams):
            model = models.get(upstream.model)
            if model and upstream.adapter is not None and upstream.adapter not in model.adapters:
                place = f"modelyard:models[{stack.models.index(model)}].lora.adapters"
                yield (
                    f"modelyard:routes[{index}].upstreams[{position}].adapter: {upstream.adapter!r} is no adapter of "
                    f"model {model.name!r}: {instead(model.adapters, place)}"
                )


def _one_route_a_name(stack: "StackSettings") -> Iterator[str]:
    """Where a stack names no routes, each model and each adapter has one of its own name."""
    if stack.routes:
        return
    taken = {model.name: f"models[{index}]" for index, model in enumerate(stack.models)}
    for index, _, lora in _with_adapters(stack):
        for position, adapter in enumerate(lora.adapters):
            place = f"models[{index}].lora.adapters[{position}]"
            if not taken.setdefault(adapter.name, place).startswith(f"models[{index}]"):
                yield (
                    f"modelyard:{place}.name: {adapter.name!r} is the name of {taken[adapter.name]} too, and without "
                    "modelyard:routes each name has one route: rename one of them, or write routes"
                )


def _told_apart(stack: "StackSettings") -> Iterator[str]:
    if stack.gateway.kind != "higress":
        return
    for index, route in enumerate(stack.routes):
        names = [upstream.model for upstream in route.upstreams if upstream.weight]
        for name in dict.fromkeys(name for name in names if names.count(name) > 1):
            yield (
                f"modelyard:routes[{index}].upstreams: model {name!r} stands there {names.count(name)} times, and "
                "Higress tells a model's adapters apart by route, so all requests would go to one of them: make a "
                "route for each, or use a gateway of kind envoy"
            )


def _with_adapters(stack: "StackSettings") -> Iterator[tuple[int, "ModelSettings", "LoraSettings"]]:
    for index, model in enumerate(stack.models):
        if model.lora:
            yield index, model, model.lora


ADAPTER_RULES: tuple[Rule, ...] = (
    _some,
    _names,
    _ranks,
    _pinned_in_production,
    _routes,
    _one_route_a_name,
    _told_apart,
)

"""Rules about what only Modelyard's entrypoint does."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from stacks.rules.rule import Rule, camel
from stacks.settings.probes import OF_THE_ENTRYPOINT

if TYPE_CHECKING:
    from stacks.settings import StackSettings

_INSTEAD = "write serving.entrypoint: modelyard, with an image that serving/Containerfile has made, or leave it out"


def _only_our_entrypoint_reads_them(stack: "StackSettings") -> Iterator[str]:
    if stack.serving.entrypoint == "modelyard":
        return
    if stack.serving.preflight != "refuse":
        yield f"modelyard:serving.preflight: {stack.serving.preflight!r}, and vLLM itself checks nothing: {_INSTEAD}"
    for index, model in enumerate(stack.models):
        for field in sorted(OF_THE_ENTRYPOINT & model.probes.model_fields_set):
            value = getattr(model.probes, field)
            shown = list(value) if isinstance(value, tuple) else value
            place = f"modelyard:models[{index}].probes.{camel(field)}"
            yield f"{place}: {shown}, which vLLM itself does not know: {_INSTEAD}"


def _warm_up_within_the_context(stack: "StackSettings") -> Iterator[str]:
    for index, model in enumerate(stack.models):
        longest = model.filled_engine.max_model_len
        for place, length in enumerate(model.probes.warm_up_tokens):
            # Two tokens are asked for.
            if longest is not None and length + 2 > longest:
                yield (
                    f"modelyard:models[{index}].probes.warmUpTokens[{place}]: {length} tokens and an answer do not fit "
                    f"into engine.maxModelLen {longest}, so the replica would never be ready: write at most "
                    f"{longest - 2}"
                )


def _handover_within_the_drain(stack: "StackSettings") -> Iterator[str]:
    for index, model in enumerate(stack.models):
        probes = model.probes
        if "handover_seconds" in probes.model_fields_set and probes.handover_seconds >= probes.drain_seconds:
            yield (
                f"modelyard:models[{index}].probes.handoverSeconds: {probes.handover_seconds} is a part of "
                f"drainSeconds {probes.drain_seconds}, and would leave nothing of it to a request that comes last: "
                "write a smaller one"
            )


ENTRYPOINT_RULES: tuple[Rule, ...] = (
    _only_our_entrypoint_reads_them,
    _warm_up_within_the_context,
    _handover_within_the_drain,
)
"""Each yields a sentence for everything that the stack's entrypoint can't do."""

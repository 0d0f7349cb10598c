"""Rules about models and the nodes that they run on."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from stacks.rules.rule import Rule, instead

if TYPE_CHECKING:
    from stacks.settings import StackSettings


OF_THE_HUB = "set it with `pulumi config set --secret modelyard:huggingFaceToken`"
OF_A_BUCKET = "name a Secret with it in weights.objectStore.credentialsSecret"

SECRETS = {
    "HF_TOKEN": OF_THE_HUB,
    "HUGGING_FACE_HUB_TOKEN": OF_THE_HUB,
    "MODELSCOPE_API_TOKEN": "name a Secret with it in weights.tokenSecret",
    "AWS_SECRET_ACCESS_KEY": OF_A_BUCKET,
    "AWS_SESSION_TOKEN": OF_A_BUCKET,
    "VLLM_API_KEY": "remove it, for the gateway calls the pods without a key, and knows the callers itself",
}
"""Variables that hold a secret, and where that belongs instead."""


def _pools_are_there(stack: "StackSettings") -> Iterator[str]:
    pools = [pool.name for pool in stack.pools]
    for index, model in enumerate(stack.models):
        if model.pool not in pools:
            yield (
                f"modelyard:models[{index}].pool: {model.pool!r} is no node pool of this stack: "
                f"{instead(pools, 'modelyard:pools')}"
            )


def _served_names(stack: "StackSettings") -> Iterator[str]:
    for index, model in enumerate(stack.models):
        for position, name in enumerate(model.served_names):
            if name in model.served_names[:position]:
                yield (f"modelyard:models[{index}].servedNames[{position}]: {name!r} stands there already: remove one")


def _environment(stack: "StackSettings") -> Iterator[str]:
    for index, model in enumerate(stack.models):
        path = f"modelyard:models[{index}].env"
        for name in model.env:
            if name.startswith("MODELYARD_"):
                yield (
                    f"{path}.{name}: variables that begin with MODELYARD_ are written from the model's other "
                    "settings, and two answers to one question contradict each other: use engine or extraArgs"
                )
            elif name in SECRETS:
                yield f"{path}.{name}: it holds a secret, and env is plain in the manifest: {SECRETS[name]}"


MODEL_RULES: tuple[Rule, ...] = (
    _pools_are_there,
    _served_names,
    _environment,
)

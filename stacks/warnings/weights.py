"""What is worth a word about the weights of a stack that can work. Nothing here asks a network."""

from collections.abc import Iterator

from stacks.gated import known_as_gated
from stacks.settings import ModelSettings, StackSettings
from stacks.settings.weights import NodeCacheSettings


def weights_warnings(stack: StackSettings) -> list[str]:
    """One sentence for everything about weights that may keep pods from starting."""
    return [*_tokens(stack), *_node_caches(stack)]


def has_token(stack: StackSettings, model: ModelSettings) -> bool:
    """Whether the stack says where the token of a model's hub is."""
    own = model.weights.over(stack.serving.weights).token_secret is not None
    return own or (model.source.startswith("hf://") and stack.hugging_face_token is not None)


def _tokens(stack: StackSettings) -> Iterator[str]:
    for index, model in enumerate(stack.models):
        gated = model.weights.over(stack.serving.weights).gated
        if gated is None and known_as_gated(model.source) and not has_token(stack, model):
            yield (
                f"modelyard:models[{index}].source: {model.source!r} was gated when this was written, and the stack "
                "names no token, so its pods can't fetch it unless the Secret modelhub-secret is there already: run "
                "`pulumi config set --secret modelyard:huggingFaceToken`, or write weights.gated: false where it "
                "needs none"
            )


def _node_caches(stack: StackSettings) -> Iterator[str]:
    names = [
        model.name
        for model in stack.models
        if isinstance(model.weights.over(stack.serving.weights).cache, NodeCacheSettings)
    ]
    if names:
        shown = " and ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
        yield (
            f"modelyard:models: {shown} with a cache of kind 'node', a folder of the node, which namespaces of Pod "
            f"Security baseline or restricted refuse: label namespace {stack.cluster.namespace!r} "
            "pod-security.kubernetes.io/enforce=privileged, or write kind: claim or claim_per_pod"
        )

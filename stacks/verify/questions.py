"""In which forms a route can be asked. Nothing in a stack says what the weights of a model can."""

from stacks.settings import RouteSettings, StackSettings
from stacks.verify.asking import MAX_TOKENS, Question, chat, completion


def forms(
    stack: StackSettings,
    route: RouteSettings,
    words: str,
    *,
    stream: bool,
    max_tokens: int = MAX_TOKENS,
    headers: tuple[tuple[str, str], ...] = (),
) -> list[Question]:
    """The same question in every form, the likeliest first.

    Args:
        stack: the stack.
        route: the route that is asked.
        words: the question.
        stream: whether the answer is to be a stream.
        max_tokens: length of the answer, at most.
        headers: headers beside those that the route asks for.
    """
    name, told = route.model, (*route.headers.items(), *headers)
    texts = [
        Question("/v1/chat/completions", chat(name, words, stream=stream, max_tokens=max_tokens), told),
        Question("/v1/completions", completion(name, words, stream=stream, max_tokens=max_tokens), told),
    ]
    pooled = [
        Question("/v1/embeddings", {"model": name, "input": words}, told),
        Question("/v1/score", {"model": name, "text_1": words, "text_2": words}, told),
    ]
    if any(stack.model(target.model).engine.pools for target in route.targets):
        return pooled
    return texts if stream else [*texts, *pooled]

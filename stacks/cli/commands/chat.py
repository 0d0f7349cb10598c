"""Talking to a model."""

import sys
from typing import Annotated

import typer

from stacks.cli.options import DEFAULT_STACK, ApiKey, Headers, Json, Route, Stack, headers_of


def chat(
    model: Route,
    question: Annotated[str | None, typer.Argument(help="One question. Default: a conversation.")] = None,
    stack: Stack = DEFAULT_STACK,
    system: Annotated[str | None, typer.Option(help="The system's message.")] = None,
    max_tokens: Annotated[int | None, typer.Option(min=1, help="Most tokens of an answer.")] = None,
    temperature: Annotated[float | None, typer.Option(min=0, help="How much chance is in an answer.")] = None,
    api_key: ApiKey = None,
    header: Headers = None,
    url: Annotated[str | None, typer.Option(help="The gateway's URL, ending in /v1. Default: the stack's.")] = None,
    port_forward: Annotated[
        bool, typer.Option("--port-forward", help="Reach the gateway through the cluster.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Talk to a model through the gateway. A question can come as an argument, too, or through a pipe."""
    from stacks.cli.chat import Chat, Message, Sampling
    from stacks.cli.conversation import ask_once, converse
    from stacks.cli.gateway import reached
    from stacks.cli.stack import Stack as Found
    from stacks.verify.plan import header_of

    asked_for = headers_of(header)
    if question is None and not sys.stdin.isatty():
        question = sys.stdin.read().strip()
    if not question and (as_json or question is not None):
        raise typer.BadParameter("there is none: write it behind the model, or pipe it in", param_hint="QUESTION")
    messages: list[Message] = [{"role": "system", "content": system}] if system else []
    sampling = Sampling(max_tokens, temperature)
    found = Found.named(stack)
    key = header_of(api_key, found.settings.gateway.auth.consumers) if api_key else None
    with reached(found, url, key, port_forward=port_forward) as client:
        caller = Chat(client, {**asked_for, **dict([key] if key else [])})
        if question:
            ask_once(caller, model, [*messages, {"role": "user", "content": question}], sampling, as_json=as_json)
        else:
            converse(caller, model, messages, sampling)

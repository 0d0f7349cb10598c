"""A conversation in the terminal, or one question whose answer is printed."""

import sys
from collections.abc import Iterator
from dataclasses import asdict

import typer

from stacks.cli import output
from stacks.cli.chat import Answer, Chat, Message, Sampling


def ask_once(chat: Chat, model: str, messages: list[Message], sampling: Sampling, *, as_json: bool) -> None:
    """Print the answer to one question as it comes, or with ``as_json`` a document when it is whole."""
    if as_json:
        answer = chat.ask(model, messages, sampling, on_text=_nothing, on_thought=_nothing)
        output.document(asdict(answer))
    else:
        _answer(chat, model, messages, sampling)


def converse(chat: Chat, model: str, messages: list[Message], sampling: Sampling) -> None:
    """Ask what the person types, with all that was said before, until Ctrl-D."""
    output.note(f"{model} listens; Ctrl-D ends it.")
    for question in _questions():
        messages.append({"role": "user", "content": question})
        answer = _answer(chat, model, messages, sampling)
        messages.append({"role": "assistant", "content": answer.text})


def _questions() -> Iterator[str]:
    # It brings editing and a history to input().
    import readline  # noqa: F401

    while True:
        try:
            question = input("> ").strip()
        except EOFError:
            typer.echo()
            return
        if question:
            yield question


def _answer(chat: Chat, model: str, messages: list[Message], sampling: Sampling) -> Answer:
    answer = chat.ask(model, messages, sampling, on_text=_say, on_thought=_think)
    typer.echo()
    output.note(_summary(answer))
    return answer


def _say(text: str) -> None:
    typer.echo(text, nl=False)
    sys.stdout.flush()


def _think(text: str) -> None:
    # What the model thinks is no part of its answer, so that the answer alone can be piped on.
    typer.secho(text, nl=False, err=True, dim=True)


def _nothing(_: str) -> None:
    return


def _summary(answer: Answer) -> str:
    by = answer.served_by or "answered"
    instead = f" in place of {answer.fallback_from}" if answer.fallback_from else ""
    tokens = f"{answer.usage['completion_tokens']} tokens, " if answer.usage else ""
    return f"{by}{instead}: {tokens}first after {answer.first_token_seconds:.2f} s, whole after {answer.seconds:.2f} s"

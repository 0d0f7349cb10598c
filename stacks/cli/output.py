"""What commands print: lines and columns for people, one JSON document for programs."""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import typer

from stacks.cli.errors import Told

_AS_JSON = "modelyard.json"


def remember_json(context: typer.Context, value: bool) -> bool:
    """Keep in mind that programs read what is printed, for an error that may come later."""
    context.meta[_AS_JSON] = value
    return value


def wants_json(context: typer.Context) -> bool:
    """Whether programs read what is printed."""
    return bool(context.meta.get(_AS_JSON))


def document(content: Any) -> None:
    """Print the one JSON document of a command."""
    typer.echo(json.dumps(content, indent=2))


def record(content: Any) -> None:
    """Print one of many JSON documents, on a line of its own."""
    typer.echo(json.dumps(content))


def line(text: str = "", *, colour: str | None = None, bold: bool = False) -> None:
    """Print a line, coloured in a terminal only."""
    typer.secho(text, fg=colour, bold=bold)


def note(text: str) -> None:
    """Print a line beside the output, which leaves what programs read alone."""
    typer.secho(text, err=True, dim=True)


def columns(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Rows under their heads, as lines of columns. An empty cell is a ``-``."""
    cells = [tuple(heads), *(tuple(cell or "-" for cell in row) for row in rows)]
    widths = [max(len(cell) for cell in column) for column in zip(*cells, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells
    )


def error(said: Told, *, as_json: bool) -> None:
    """Print an error: for people to standard error, for programs as the document that they wait for."""
    if as_json:
        document({"error": _error(said)})
        return
    typer.secho(said.problem, err=True, fg="red", bold=True)
    typer.secho(said.remedy, err=True)


def _error(said: Told) -> Mapping[str, Any]:
    return {"problem": said.problem, "remedy": said.remedy, "exit_code": int(said.code)}


def is_terminal() -> bool:
    """Whether a person looks at what is printed, on a terminal that can move its cursor."""
    import os

    return sys.stdout.isatty() and os.environ.get("TERM") != "dumb"

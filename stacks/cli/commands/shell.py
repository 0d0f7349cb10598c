"""What the shell needs to complete names."""

from typing import Annotated, Literal

import typer


def completion(
    context: typer.Context,
    shell: Annotated[Literal["bash", "zsh", "fish"], typer.Argument(help="The shell.")],
) -> None:
    """Print completion for a shell. In bash: `eval "$(modelyard completion bash)"`."""
    from typer.completion import get_completion_inspect_parameters, shell_complete

    # It makes typer's own kinds of shells known.
    get_completion_inspect_parameters()
    shell_complete(context.find_root().command, {}, "modelyard", "_MODELYARD_COMPLETE", f"source_{shell}")

"""What a stack takes. No cluster is asked, and Pulumi only for what the stack file does not say."""

import typer

from stacks.cli import output
from stacks.cli.exits import ExitCode
from stacks.cli.options import DEFAULT_STACK, Json, Stack


def fit(stack: Stack = DEFAULT_STACK, as_json: Json = False) -> None:
    """Say whether the models fit their GPUs. Shows weights, KV cache, longest context and cost; ends with 1 if not."""
    from stacks.cli.stack import settings_of
    from stacks.fit.document import as_json as line_document
    from stacks.fit.report import problems, report, table
    from stacks.tuned import filled_in, sentences

    # What does not fit is shown here, and no reason to show nothing.
    settings = settings_of(stack, fit={"check": "warn"})
    lines, found = report(settings), problems(settings)
    if as_json:
        models = [{**line_document(line), "filled_in": dict(filled_in(settings, line.model))} for line in lines]
        output.document({"stack": stack, "models": models, "problems": found})
    else:
        output.line(table(lines))
        for sentence in sentences(settings):
            output.line(sentence)
        for sentence in found:
            typer.secho(sentence, err=True, fg="red")
    if found:
        raise typer.Exit(ExitCode.FAILED)


def artifacts(stack: Stack = DEFAULT_STACK, as_json: Json = False) -> None:
    """List what the cluster pulls, for a mirror. Charts, images, plugins and weights."""
    from dataclasses import asdict

    from stacks.artifacts import artifacts as artifacts_of
    from stacks.artifacts import table
    from stacks.cli.stack import settings_of

    found = artifacts_of(settings_of(stack))
    if as_json:
        output.document({"stack": stack, "artifacts": [asdict(each) for each in found]})
    else:
        output.line(table(found))

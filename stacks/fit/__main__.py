"""Says of every model of a stack whether it fits its GPUs: ``make fit STACK=prod``.

It reads the stack file alone, and needs neither Pulumi nor the stack's passphrase. It ends with 1 where one does not.
"""

import argparse
import json
import sys
from dataclasses import asdict
from typing import Any

from stacks.fit.report import Line, problems, report, table
from stacks.stack_file import read_for_command


def main() -> None:
    """Print what the models of a stack take."""
    parser = argparse.ArgumentParser(prog="make fit", description="Say whether a stack's models fit their GPUs.")
    parser.add_argument("stack", help="name of the stack")
    parser.add_argument("--json", action="store_true", help="as JSON")
    given = parser.parse_args()
    # What does not fit is shown here, and no reason to show nothing.
    stack = read_for_command(given.stack, fit={"check": "warn"})
    lines, found = report(stack), problems(stack)
    sys.stdout.write(f"{json.dumps([as_json(line) for line in lines], indent=2) if given.json else table(lines)}\n")
    sys.exit("\n".join(found) or 0)


def as_json(line: Line) -> dict[str, Any]:
    """A line as programs read it. Memory is GiB of one GPU."""
    found = line.fit
    numbers = (
        {}
        if found is None
        else {
            "gpu": asdict(found.target),
            "given_gib": found.given_gib,
            "weights_gib": found.weights_gib,
            "activations_gib": found.activations_gib,
            "graphs_gib": found.graphs_gib,
            "other_gib": found.other_gib,
            "cache_gib": found.cache_gib,
            "cache_needed_gib": found.cache_needed_gib,
            "max_model_len": found.max_model_len,
            "longest": found.longest,
            "tokens": found.tokens,
            "concurrency": found.concurrency,
        }
    )
    return {
        "model": line.model.name,
        "gpus": line.model.gpus,
        "fits": line.fits,
        "reason": line.reason or None,
        "ways_out": line.ways_out,
        "cost_per_hour": line.cost_per_hour,
        "at_list_price": line.at_list_price,
        **numbers,
    }


if __name__ == "__main__":
    main()

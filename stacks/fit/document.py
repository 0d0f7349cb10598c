"""What is known of a model's fit, for programs."""

from dataclasses import asdict
from typing import Any

from stacks.fit.report import Line


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

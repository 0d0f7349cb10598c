"""Will a model fit the GPUs that it is meant for? Pure arithmetic over settings and the model's ``config.json``.

Nothing here reads a network. A model whose shape is not known, or a pool whose GPU is not known, gets no verdict.
"""

from stacks.fit.shape import ModelShape
from stacks.fit.table import known_shape
from stacks.fit.weights import is_known, published_gib, weights_gib
from stacks.settings.models import ModelSettings

__all__ = ["ModelShape", "estimated_weights_gib", "known_shape", "weights_gib"]


def estimated_weights_gib(model: ModelSettings) -> float | None:
    """GiB of a model's weights as they are published, which a start has to read. None: its shape is not known."""
    shape = known_shape(model)
    return published_gib(shape) if shape and is_known(model, shape) else None

"""GPU node pools: where models run."""

"""Checks the fit check against vLLM on a GPU."""

"""Measures the entrypoint `python -m serving` and candidates for engine defaults beside a bare ``vllm serve``."""

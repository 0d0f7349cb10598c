"""The entrypoint of the vLLM container."""

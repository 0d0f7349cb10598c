"""Model services: vLLM replicas behind stable Service names."""

"""Kubernetes manifests and gateway configuration as pure functions: settings in, plain data out."""

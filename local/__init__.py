"""The embedded cluster: a real single-node Kubernetes for the local stack and the tests."""

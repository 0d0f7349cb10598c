"""Pulumi plugins in Python for machines where the official binaries can't be had.

Each module that is started as a program speaks gRPC as the engine expects: it listens on loopback and prints its port
as the first line of its output. The contracts are Pulumi's own (`proto/pulumi/language.proto`, `provider.proto` and
`analyzer.proto`), through the stubs that the Python SDK ships.
"""

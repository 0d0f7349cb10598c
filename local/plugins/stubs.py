"""The gRPC stubs that the Pulumi SDK ships, without the rest of the SDK.

Importing `pulumi` runs the whole SDK, which takes most of a plugin's start-up. The stubs need only `grpc` and
`protobuf`, so while they load, bare packages stand in for `pulumi` and `pulumi.runtime`. They are gone afterwards: a
later `import pulumi` gets the real one, with the same stubs in it.
"""

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.machinery import PathFinder
from types import ModuleType
from typing import TYPE_CHECKING

__all__ = ["analyzer_pb2", "language_pb2", "language_pb2_grpc", "plugin_pb2", "provider_pb2", "provider_pb2_grpc"]

PROTO = "pulumi.runtime.proto"


def _bare_package(name: str, path: list[str] | None) -> ModuleType:
    spec = PathFinder.find_spec(name, path)
    if spec is None or spec.submodule_search_locations is None:
        raise ModuleNotFoundError(
            f"no package {name!r} in {sys.executable}: the plugins need the Pulumi SDK", name=name
        )
    package = ModuleType(name)
    package.__path__ = list(spec.submodule_search_locations)
    return package


@contextmanager
def _without_sdk() -> Iterator[None]:
    if "pulumi" in sys.modules:
        yield
        return
    pulumi = _bare_package("pulumi", None)
    runtime = _bare_package("pulumi.runtime", list(pulumi.__path__))
    sys.modules.update({"pulumi": pulumi, "pulumi.runtime": runtime})
    try:
        yield
    finally:
        del sys.modules["pulumi"], sys.modules["pulumi.runtime"]


if TYPE_CHECKING:
    from pulumi.runtime.proto import (
        analyzer_pb2,
        language_pb2,
        language_pb2_grpc,
        plugin_pb2,
        provider_pb2,
        provider_pb2_grpc,
    )
else:
    with _without_sdk():
        analyzer_pb2 = importlib.import_module(f"{PROTO}.analyzer_pb2")
        language_pb2 = importlib.import_module(f"{PROTO}.language_pb2")
        language_pb2_grpc = importlib.import_module(f"{PROTO}.language_pb2_grpc")
        plugin_pb2 = importlib.import_module(f"{PROTO}.plugin_pb2")
        provider_pb2 = importlib.import_module(f"{PROTO}.provider_pb2")
        provider_pb2_grpc = importlib.import_module(f"{PROTO}.provider_pb2_grpc")

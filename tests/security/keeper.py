"""Stands in for a provider in an update: makes nothing, and writes down what it was asked to make.

A password that it is to make is a canary, too.
"""

import json
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from local.plugins.properties import plain, struct
from local.plugins.provider import Provider, serve_provider
from local.plugins.stubs import provider_pb2

FOLDER = "MODELYARD_TEST_KEPT"
"""The variable that says in which folder what was asked for is kept, a file an object."""
PASSWORD = "random:index/randomPassword:RandomPassword"
MADE = "canary-of-a-made-password"


class Keeper(Provider):
    """The service."""

    def Create(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Take it as made."""
        kind = request.urn.split("::")[2].rsplit("$", 1)[-1]
        outputs, secret = plain(request.properties), frozenset[str]()
        if kind == PASSWORD:
            outputs, secret = {**outputs, "result": MADE}, frozenset({"result", "bcryptHash"})
            properties = struct(outputs, secret)
        else:
            properties = request.properties
        if not request.preview:
            file = Path(os.environ[FOLDER]) / f"{kind.replace('/', '.')}@{request.urn.rpartition('::')[2]}.json"
            file.write_text(json.dumps(outputs, default=str), encoding="utf-8")
        return provider_pb2.CreateResponse(id="made", properties=properties)

    def Read(self, request: Any, context: Any) -> Any:  # noqa: N802
        """It is as it was."""
        return provider_pb2.ReadResponse(id=request.id, properties=request.properties, inputs=request.inputs)

    def Diff(self, request: Any, context: Any) -> Any:  # noqa: N802
        """What differs is changed in place."""
        same = request.old_inputs == request.news
        changes = provider_pb2.DiffResponse.DIFF_NONE if same else provider_pb2.DiffResponse.DIFF_SOME
        return provider_pb2.DiffResponse(changes=changes)

    def Update(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Take it as changed."""
        return provider_pb2.UpdateResponse(properties=request.news)


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        serve_provider(Keeper(sys.argv[1]), sys.argv[2:])

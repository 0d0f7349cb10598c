"""Requests of the supervisor to its own server."""

import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_ANY = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - an address to ask, none to listen on


@dataclass(frozen=True)
class Answer:
    """What the server answered."""

    status: int
    """Of HTTP."""
    body: bytes
    """As it was sent."""

    def json(self) -> Any:
        """The body as JSON, or None where it is none."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None


@dataclass(frozen=True)
class Loopback:
    """The server, asked from beside it."""

    host: str
    """The address that it listens on."""
    port: int
    """The port that it listens on."""
    api_key: str | None = None
    """The key that it asks for."""

    def get(self, path: str, timeout: float) -> Answer:
        """Ask for a path.

        Raises:
            OSError: when it does not listen, or does not answer in time.
            http.client.HTTPException: when what it answers is no HTTP.
        """
        return self._ask("GET", path, None, {}, timeout)

    def post(self, path: str, body: Mapping[str, object]) -> Answer:
        """Post JSON, and wait for the answer as long as it takes.

        Raises:
            OSError: when it does not listen, or goes away.
            http.client.HTTPException: when what it answers is no HTTP.
        """
        return self.post_bytes(path, json.dumps(body).encode(), "application/json")

    def post_bytes(self, path: str, body: bytes, kind: str) -> Answer:
        """Post a body of a given content type, and wait for the answer as long as it takes.

        Raises:
            OSError: when it does not listen, or goes away.
            http.client.HTTPException: when what it answers is no HTTP.
        """
        return self._ask("POST", path, body, {"Content-Type": kind}, None)

    def _ask(
        self, method: str, path: str, body: bytes | None, headers: dict[str, str], timeout: float | None
    ) -> Answer:
        if self.api_key is not None:
            headers["Authorization"] = f"Bearer {self.api_key}"
        connection = http.client.HTTPConnection(_ANY.get(self.host, self.host), self.port, timeout=timeout)
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            return Answer(response.status, response.read())
        finally:
            connection.close()

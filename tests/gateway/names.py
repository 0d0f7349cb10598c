"""A name server on loopback, for clusters whose pods are found by name."""

import socket
import struct
import threading
from types import TracebackType
from typing import Any, Self

NO_SUCH_NAME = 3
"""The answer of a cluster's name server for a headless Service without a ready pod (NXDOMAIN)."""
ANSWER, ADDRESS, INTERNET = 0x8180, 1, 1
"""Flags of an answer, the type of a record with an IPv4 address, and its class (RFC 1035)."""
HOLDS_SECONDS = 1
"""How long a record holds."""


class NameServer:
    """Answers with the loopback address for the names that it has, and for all others that there are none."""

    def __init__(self) -> None:
        self.known: set[str] = set()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def _serve(self) -> None:
        while True:
            query, client = self._socket.recvfrom(512)
            if not query:
                return
            self._socket.sendto(self._answer(query), client)

    def _answer(self, query: bytes) -> bytes:
        name, end = _name(query)
        (kind,) = struct.unpack_from("!H", query, end)
        question = query[12 : end + 4]
        found = name in self.known
        records = b""
        if found and kind == ADDRESS:
            # The name is the question's, which begins at byte 12.
            records = struct.pack("!HHHIH", 0xC00C, ADDRESS, INTERNET, HOLDS_SECONDS, 4) + socket.inet_aton("127.0.0.1")
        flags = ANSWER if found else ANSWER | NO_SUCH_NAME
        return query[:2] + struct.pack("!HHHHH", flags, 1, 1 if records else 0, 0, 0) + question + records

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"", ("127.0.0.1", self.port))
        self._thread.join()
        self._socket.close()


def _name(query: bytes) -> tuple[str, int]:
    """The name that is asked for, and where it ends."""
    labels, at = [], 12
    while length := query[at]:
        labels.append(query[at + 1 : at + 1 + length].decode())
        at += 1 + length
    return ".".join(labels), at + 1


def asking(configuration: dict[str, Any], server: NameServer) -> dict[str, Any]:
    """Envoy's configuration with that name server in place of the machine's own."""
    address = {"socket_address": {"address": "127.0.0.1", "port_value": server.port, "protocol": "UDP"}}
    return {
        **configuration,
        "typed_dns_resolver_config": {
            "name": "envoy.network.dns_resolver.cares",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig",
                "resolvers": [address],
            },
        },
    }

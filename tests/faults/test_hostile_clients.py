"""Clients that send too much, too slowly, too little, or come by the thousand."""

import asyncio
import contextlib
import resource
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import psutil
import pytest

from stacks.settings import Quantity
from tests.gateway.conftest import Pods, Start
from tests.gateway.harness import Gateway, eventually, question, stack
from tests.gateway.test_errors import refusal

pytestmark = [pytest.mark.gateway, pytest.mark.faults]

CONNECTIONS = 10_000
HEADERS_SECONDS = 10
"""How long a client may take for its headers."""
MIB = 2**20
MEMORY: Quantity = "512Mi"
MEMORY_MIB = 512
LONE = stack(["qwen"], [{"model": "qwen"}], memory=MEMORY)


@pytest.fixture
def gateway(start: Start, pods: Pods) -> Gateway:
    return start(LONE, qwen=pods("qwen"))


def connect(gateway: Gateway) -> socket.socket:
    return socket.create_connection(("127.0.0.1", gateway.site.port), timeout=30)


def everything(connection: socket.socket) -> bytes:
    """What comes until the gateway closes the connection."""
    parts = []
    with contextlib.suppress(ConnectionResetError):
        while part := connection.recv(65536):
            parts.append(part)
    return b"".join(parts)


def resident_mib(gateway: Gateway) -> float:
    return float(psutil.Process(gateway.pid).memory_info().rss) / MIB


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET / HTTP/9.9\r\n\r\n", 426),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
        (b"POST /v1/chat/completions\r\n\r\n", 426),
        (b"POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\ncontent-length: -1\r\n\r\n", 400),
        (b"POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n{}", 400),
        (
            b"POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n"
            b"transfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
            400,
        ),
        (b"POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n", 400),
        (b"POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\nx-a : 1\r\n\r\n", 400),
        (b"POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\nx-a: 1\r\n folded: 2\r\n\r\n", 400),
        (b"POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\nx-large: " + b"x" * 100_000 + b"\r\n\r\n", 431),
        (b"POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\n" + b"x-many: 1\r\n" * 500 + b"\r\n", 431),
    ],
    ids=range(11),
)
def test_what_is_no_http_is_refused_and_the_connection_closed(gateway: Gateway, sent: bytes, status: int) -> None:
    with connect(gateway) as connection:
        connection.sendall(sent)
        answer = everything(connection)

    assert answer.startswith(b"HTTP/1.1 %d " % status), answer
    assert b'{"error":' in answer
    assert gateway.chat("qwen").status_code == 200


def test_a_request_hidden_behind_another_reaches_no_model(start: Start, pods: Pods) -> None:
    qwen = pods("qwen")
    gateway = start(LONE, qwen=qwen)
    hidden = b"POST /pause HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n"
    body = b'{"model":"qwen","messages":[]}'
    with connect(gateway) as connection:
        connection.sendall(
            b"POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\nconnection: close\r\n"
            b"content-length: %d\r\n\r\n%s%s" % (len(body), body, hidden)
        )
        everything(connection)

    assert [received.path for received in qwen.received] == ["/v1/chat/completions"]


def test_clients_that_send_their_headers_slowly_are_sent_away(gateway: Gateway) -> None:
    slow = [connect(gateway) for _ in range(500)]
    began = time.monotonic()
    for connection in slow:
        connection.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\nx-slow: ")
    with ThreadPoolExecutor(8) as others:
        answers = list(others.map(lambda _: gateway.chat("qwen").status_code, range(200)))
    answered = time.monotonic() - began
    for connection in slow:
        with contextlib.suppress(OSError):
            connection.sendall(b"x")
    ends = [everything(connection) for connection in slow]
    for connection in slow:
        connection.close()

    assert set(answers) == {200}
    assert answered < HEADERS_SECONDS
    assert {end[:12] for end in ends} == {b"HTTP/1.1 408"}
    assert all(b'{"error":' in end for end in ends)
    eventually(lambda: gateway.stat("http.edge.downstream_cx_active") <= 9, "their connections are closed")


def test_a_client_that_leaves_in_the_middle_of_its_body_leaves_nothing_behind(gateway: Gateway) -> None:
    for _ in range(50):
        with connect(gateway) as connection:
            connection.sendall(
                b"POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n"
                b'content-length: 1000000\r\n\r\n{"model": "qwen", "messages": ['
            )

    eventually(lambda: gateway.stat("http.edge.downstream_rq_active") == 0, "no request is left over")
    assert gateway.chat("qwen").status_code == 200


@pytest.fixture
def many_files() -> Iterator[None]:
    """Leave to open a socket for each connection."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < CONNECTIONS + 1000:
        pytest.skip(f"a process may open {hard} files here, too few for {CONNECTIONS} connections")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.usefixtures("many_files")
def test_ten_thousand_idle_connections_keep_nobody_out(gateway: Gateway) -> None:
    idle = []
    try:
        for _ in range(CONNECTIONS):
            idle.append(connect(gateway))
        eventually(
            lambda: gateway.stat("http.edge.downstream_cx_active") >= CONNECTIONS, "all connections are accepted"
        )
        answers = {gateway.chat("qwen").status_code for _ in range(20)}
        used = resident_mib(gateway)
    finally:
        for connection in idle:
            connection.close()

    assert answers == {200}
    assert used < MEMORY_MIB * 0.8
    eventually(lambda: gateway.stat("http.edge.downstream_cx_active") <= 1, "the connections are gone")


def test_a_thousand_requests_at_once_are_all_answered_or_refused(start: Start, pods: Pods) -> None:
    qwen = pods("qwen")
    gateway = start(LONE, qwen=qwen)

    answers = asyncio.run(_ask_all(gateway, 1000))

    assert {answer.status_code for answer in answers} <= {200, 503}
    refused = [refusal(answer)[2] for answer in answers if answer.status_code == 503]
    assert len(refused) < 500, refused[0]
    assert set(refused) <= {"service_unavailable"}


async def _ask_all(gateway: Gateway, number: int) -> list[httpx.Response]:
    async with httpx.AsyncClient(base_url=gateway.url, limits=httpx.Limits(), timeout=200) as client:
        asking = (client.post("/v1/chat/completions", json=question("qwen")) for _ in range(number))
        return list(await asyncio.gather(*asking))

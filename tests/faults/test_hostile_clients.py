"""Clients that send too much, too slowly, too little, or come by the thousand."""

import asyncio
import contextlib
import json
import resource
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import httpx
import psutil
import pytest

from components.manifests.envoy import listeners
from components.manifests.envoy.overload import CONNECTION_KIB
from stacks.settings import Quantity
from tests.faults.conftest import RawPods
from tests.faults.raw import Repeat, Say
from tests.gateway.conftest import Pods, Start
from tests.gateway.fakes import Gate, Loop, after
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
CHAT = b"POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n"
"""The first headers of a request."""


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


def peak_mib(gateway: Gateway) -> float:
    """The most memory that the gateway ever had."""
    status = Path(f"/proc/{gateway.pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


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
        (b"POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\nx-large: " + b"x" * 20_000 + b"\r\n\r\n", 431),
        (b"POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\n" + b"x-many: 1\r\n" * 500 + b"\r\n", 431),
        (b"POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\ntransfer-encoding: gzip, chunked\r\n\r\n", 400),
        (b"CONNECT models:443 HTTP/1.1\r\nhost: models:443\r\n\r\n", 400),
        (b"GET /v1/realtime HTTP/1.1\r\nhost: a\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n", 400),
        (b"GET /v1/models HTTP/1.1\r\nhost: a\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n", 400),
        (b"OPTIONS * HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n", 404),
    ],
    ids=range(16),
)
def test_what_is_no_http_is_refused_and_the_connection_closed(gateway: Gateway, sent: bytes, status: int) -> None:
    with connect(gateway) as connection:
        connection.sendall(sent)
        answer = everything(connection)

    assert answer.startswith(b"HTTP/1.1 %d " % status), answer
    assert b'{"error":' in answer
    assert b"model_not_allowed" not in answer
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


@pytest.mark.parametrize("pause_seconds", [0.1, 60])
def test_a_client_whose_body_never_ends_is_sent_away(
    monkeypatch: pytest.MonkeyPatch, start: Start, pods: Pods, pause_seconds: float
) -> None:
    monkeypatch.setattr(listeners, "REQUEST_SECONDS", 1.5)
    qwen = pods("qwen")
    gateway = start(LONE, qwen=qwen)
    with connect(gateway) as connection:
        connection.sendall(CHAT + b"content-length: 100000\r\n\r\n{")
        connection.settimeout(pause_seconds)
        answer, until = b"", time.monotonic() + 6
        while not answer and time.monotonic() < until:
            try:
                answer = connection.recv(65536)
            except TimeoutError:
                connection.sendall(b" ")

    assert answer.startswith(b"HTTP/1.1 408 "), answer
    assert b'"request_timeout"' in answer
    assert qwen.received == []


def test_the_time_of_a_request_is_not_that_of_its_answer(
    monkeypatch: pytest.MonkeyPatch, start: Start, pods: Pods, loop: Loop
) -> None:
    monkeypatch.setattr(listeners, "REQUEST_SECONDS", 0.5)
    qwen = pods("qwen")
    gate = Gate(loop)
    qwen.answer = after(gate)
    gateway = start(LONE, qwen=qwen)

    with ThreadPoolExecutor(2) as clients:
        asked = [clients.submit(gateway.chat, "qwen", stream=stream) for stream in (False, True)]
        eventually(lambda: qwen.running == 2, "both were taken")
        began = gateway.stat("server.uptime")
        eventually(lambda: gateway.stat("server.uptime") >= began + 2, "more than that time has passed")
        gate.open()

    assert [answer.result().status_code for answer in asked] == [200, 200]


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
def test_headers_without_end_on_every_connection_fill_no_memory(gateway: Gateway) -> None:
    part = b"".join(b"x-%d: %s\r\n" % (number, b"y" * 900) for number in range(17))
    with ExitStack() as held:
        for _ in range(CONNECTIONS):
            connection = held.enter_context(connect(gateway))
            # One too many is closed at once.
            with contextlib.suppress(OSError):
                connection.sendall(CHAT + part)
        used = peak_mib(gateway)
        assert gateway.metrics.get("/live").status_code == 200

    assert used < MEMORY_MIB
    eventually(lambda: gateway.chat("qwen").status_code == 200, "others are answered")


@pytest.mark.usefixtures("many_files")
def test_connections_beyond_what_memory_holds_are_closed(start: Start, pods: Pods) -> None:
    gateway = start(stack(["qwen"], [{"model": "qwen"}], memory="96Mi"), qwen=pods("qwen"))
    with ExitStack() as held:
        for _ in range(3000):
            held.enter_context(connect(gateway))
        eventually(
            lambda: gateway.stat("http.edge.downstream_cx_active") == 96 * 1024 // CONNECTION_KIB, "no more are taken"
        )
        # Probes are nobody's clients.
        assert gateway.metrics.get("/ready").status_code == 200

    eventually(lambda: gateway.stat("http.edge.downstream_cx_active") <= 1, "the connections are gone")
    assert gateway.chat("qwen").status_code == 200


def test_large_bodies_that_come_all_at_once_do_not_fill_the_memory(start: Start, pods: Pods) -> None:
    gateway = start(LONE, qwen=pods("qwen"))

    body = json.dumps(question("qwen", pad="x" * 30_000_000)).encode()

    def paced() -> Iterator[bytes]:
        # Faster than a network of 2 Gbit/s all together, but not as fast as memory is copied.
        for at in range(0, len(body), MIB):
            yield body[at : at + MIB]
            time.sleep(0.1)

    def ask(_: int) -> httpx.Response | None:
        headers = {"content-type": "application/json"}
        try:
            return httpx.post(f"{gateway.url}/v1/chat/completions", content=paced(), headers=headers, timeout=60)
        except (httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError):
            return None  # closed while the client was still sending, so that it saw no answer

    with ThreadPoolExecutor(30) as clients:
        answers = [answer for answer in clients.map(ask, range(30)) if answer]

    assert {answer.status_code for answer in answers} <= {200, 503}
    refused = [(refusal(answer)[2], answer.headers["retry-after"]) for answer in answers if answer.status_code == 503]
    assert set(refused) <= {("overloaded", "5")}
    assert gateway.stat("overload.envoy.load_shed_points.http1_server_abort_dispatch.shed_load_count") > 0
    assert peak_mib(gateway) < MEMORY_MIB
    eventually(lambda: gateway.chat("qwen").status_code == 200, "others are answered")


def test_clients_that_do_not_read_are_sent_away_when_memory_runs_out(start: Start, raw_pods: RawPods) -> None:
    block = b"4000\r\ndata: " + b"x" * (0x4000 - 8) + b"\n\n\r\n"
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
    qwen = raw_pods(Say(head), Repeat(block, pause_seconds=0.02))
    gateway = start(stack(["qwen"], [{"model": "qwen"}], memory="160Mi"), qwen=qwen)
    body = json.dumps(question("qwen", stream=True)).encode()
    with ExitStack() as held:
        for _ in range(120):
            connection = held.enter_context(connect(gateway))
            connection.sendall(CHAT + b"content-length: %d\r\n\r\n%s" % (len(body), body))
        refusing = "overload.envoy.overload_actions.stop_accepting_requests.active"
        eventually(lambda: gateway.stat(refusing) == 1, "the memory runs out")
        qwen.script = (Say(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"),)

        eventually(lambda: gateway.chat("qwen").status_code == 200, "others are answered, while all of them stay")


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

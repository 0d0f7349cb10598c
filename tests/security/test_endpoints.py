"""What of vLLM's own server clients reach through the gateway: what is promised, however they write the path."""

import json
import os
import socket
import subprocess

import pytest

from components.manifests.openai_api import MODEL_PATHS
from local.paths import CHECKOUT, Paths
from tests.gateway.conftest import Pair
from tests.gateway.fakes import Received
from tests.gateway.harness import question

pytestmark = pytest.mark.gateway

Route = tuple[str, str]
"""Method and path."""

SERVED = {("POST", path) for path in MODEL_PATHS}
BODY = json.dumps(question("qwen")).encode()


@pytest.fixture(scope="module")
def routes() -> set[Route]:
    """All that the server of vLLM answers to, with whatever adds routes turned on."""
    python = Paths.from_environment().vllm / "bin" / "python"
    assert python.exists(), f"there is no {python}: run `make setup`"
    found = subprocess.run(
        [str(python), "-m", "tests.security.vllm_routes"],
        env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
        capture_output=True,
        text=True,
        check=True,
    )
    return {(method, path) for method, path in json.loads(found.stdout)}


def sent(pair: Pair, method: str, path: str, *headers: str, body: bytes = BODY) -> bytes:
    """The answer to a request whose path is taken as it is written."""
    head = [f"{method} {path} HTTP/1.1", "host: a", "content-type: application/json", "connection: close", *headers]
    with socket.create_connection(("127.0.0.1", pair.gateway.site.port), timeout=20) as connection:
        connection.sendall("\r\n".join([*head, f"content-length: {len(body)}", "", ""]).encode() + body)
        answer = b""
        while part := connection.recv(65536):
            answer += part
    return answer


def received(pair: Pair) -> list[Received]:
    """What models got so far. All requests here name qwen, and its fallback gets none of them."""
    assert not [one for one in pair.gemma.received if one.json.get("model") == "qwen"]
    return pair.qwen.received


def paths_since(pair: Pair, before: int) -> list[str]:
    """The paths by which models were reached since."""
    return [one.path for one in received(pair)[before:]]


@pytest.mark.vllm
def test_only_what_is_promised_reaches_a_model(pair: Pair, routes: set[Route]) -> None:
    dangerous = {"/pause", "/sleep", "/wake_up", "/collective_rpc", "/invocations", "/v1/load_lora_adapter"}
    assert dangerous | {"/metrics", "/tokenize", "/server_info", "/reset_prefix_cache"} <= {path for _, path in routes}
    assert routes >= SERVED, "vLLM serves less than the gateway promises"

    for method, path in sorted(routes - SERVED):
        before = len(received(pair))
        answer = sent(pair, method, path)
        expected = b"200" if (method, path) == ("GET", "/v1/models") else b"404"
        assert answer.startswith(b"HTTP/1.1 " + expected), (method, path, answer)
        assert len(received(pair)) == before, (method, path)
    for method, path in sorted(SERVED):
        before = len(received(pair))
        assert sent(pair, method, path).startswith(b"HTTP/1.1 200"), path
        assert paths_since(pair, before) == [path]


@pytest.mark.vllm
def test_higress_reads_the_model_of_no_other_path(routes: set[Route]) -> None:
    # Its plugin tells paths by how they end, and only requests whose model it has read are routed.
    ending = {path for _, path in routes if path.endswith(MODEL_PATHS)}
    assert ending == set(MODEL_PATHS)


WAYS = (
    "//{}",
    "/./{}",
    "/v1/../{}",
    "/v1/chat/completions/../../../{}",
    "/v1/chat/completions/%2e%2e/%2e%2e/%2e%2e/{}",
    "/v1/chat/completions%2f..%2f..%2f..%2f{}",
    "/v1/chat/completions/..%5c..%5c..%5c{}",
    "/v1/chat/completions\\..\\..\\..\\{}",
    "/v1/chat/completions%252f..%252f..%252f..%252f{}",
    "/v1/chat/completions;/../../../{}",
    "/v1/chat/completions%00/../../../{}",
    "/v1/chat/completions%0d%0a/../../../{}",
    "/{}/",
    "/{};x=/v1/chat/completions",
    "/{}?/v1/chat/completions",
    "/{}#/v1/chat/completions",
    "/%2f{}",
    "http://a/{}",
    "http://a/v1/chat/completions/../../../{}",
)
"""Ways to write a path that one reader takes for another one than the next reader does."""


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("target", ["pause", "metrics", "v1/load_lora_adapter", "%70ause", "PAUSE"])
def test_no_way_to_write_a_path_leads_elsewhere(pair: Pair, way: str, target: str) -> None:
    before = len(received(pair))

    answer = sent(pair, "POST", way.format(target))

    assert answer.startswith((b"HTTP/1.1 400", b"HTTP/1.1 404")), answer
    assert b'{"error":' in answer
    assert paths_since(pair, before) == []


@pytest.mark.parametrize(
    "header",
    [
        "x-original-url: /pause",
        "x-rewrite-url: /pause",
        "x-envoy-original-path: /pause",
        "x-forwarded-prefix: /pause",
        "x-http-method-override: DELETE",
        "forwarded: for=127.0.0.1;host=a;proto=https",
    ],
)
def test_no_header_leads_elsewhere(pair: Pair, header: str) -> None:
    before = len(received(pair))

    assert sent(pair, "POST", "/v1/chat/completions", header).startswith(b"HTTP/1.1 200")
    assert sent(pair, "POST", "/pause", header.replace("/pause", "/v1/chat/completions")).startswith(b"HTTP/1.1 404")

    assert paths_since(pair, before) == ["/v1/chat/completions"]
    assert "x-envoy-original-path" not in received(pair)[before].headers


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "post"])
def test_no_other_method_reaches_a_model(pair: Pair, method: str) -> None:
    before = len(received(pair))

    assert not sent(pair, method, "/v1/chat/completions").startswith(b"HTTP/1.1 2")
    assert not sent(pair, method, "a:80").startswith(b"HTTP/1.1 2")

    assert paths_since(pair, before) == []


@pytest.mark.parametrize(
    "smuggled",
    [
        # Two messages in one, which readers tell apart differently: by length or by chunks, by either length.
        ["content-length: 4", "transfer-encoding: chunked"],
        ["transfer-encoding: chunked", "transfer-encoding: identity"],
        ["transfer-encoding: xchunked"],
        ["transfer-encoding : chunked"],
        ["transfer-encoding: chunked, identity"],
        ["transfer-encoding:\x0bchunked"],
        ["x: y\ntransfer-encoding: chunked"],
        ["content-length: +4"],
        ["content-length: 0x4"],
        ["content-length: 4, 4"],
        ["transfer-encoding: chunked", "transfer-encoding: chunked"],
        ["transfer-encoding: gzip"],
    ],
)
def test_a_body_whose_end_readers_may_differ_on_smuggles_nothing(pair: Pair, smuggled: list[str]) -> None:
    hidden = b"0\r\n\r\nPOST /pause HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n"
    before = len(received(pair))

    for body in (BODY + hidden, hidden):
        answer = sent(pair, "POST", "/v1/chat/completions", *smuggled, body=body)
        assert answer.startswith(b"HTTP/1.1 200") or (answer.startswith(b"HTTP/1.1 400") and b'{"error":' in answer)

    assert set(paths_since(pair, before)) <= {"/v1/chat/completions"}
    assert pair.gateway.chat("qwen").status_code == 200


def test_no_trailer_counts_as_a_header(pair: Pair) -> None:
    before = len(received(pair))
    trailers = b"x-modelyard-model: gemma\r\nx-modelyard-consumer: root\r\ncontent-length: 1\r\n"
    chunked = b"%x\r\n%s\r\n0\r\n%s\r\n" % (len(BODY), BODY, trailers)
    head = (
        "POST /v1/chat/completions HTTP/1.1",
        "host: a",
        "connection: close",
        "content-type: application/json",
        "transfer-encoding: chunked",
        "trailer: x-modelyard-model, x-modelyard-consumer",
    )
    with socket.create_connection(("127.0.0.1", pair.gateway.site.port), timeout=20) as connection:
        connection.sendall("\r\n".join([*head, "", ""]).encode() + chunked)
        assert connection.recv(65536).startswith(b"HTTP/1.1 200")
    (found,) = received(pair)[before:]
    assert found.headers["x-modelyard-model"] == "qwen"
    assert "x-modelyard-consumer" not in found.headers


def test_no_caller_chooses_an_engine_or_sees_their_load(pair: Pair) -> None:
    before = len(received(pair))
    headers = ("x-data-parallel-rank: 1", "X_Data_Parallel_Rank: 1", "Endpoint-Load-Metrics-Format: JSON")
    assert sent(pair, "POST", "/v1/chat/completions", *headers).startswith(b"HTTP/1.1 200")
    (found,) = received(pair)[before:]
    assert not [name for name in found.headers if "rank" in name or "load" in name]


def test_the_upgrade_of_a_connection_opens_no_tunnel(pair: Pair) -> None:
    before = len(received(pair))
    assert sent(pair, "POST", "/v1/chat/completions", "upgrade: websocket", "connection: upgrade").startswith(
        b"HTTP/1.1 400"
    )
    assert paths_since(pair, before) == []


def test_a_client_that_would_rather_speak_http_2_is_answered_in_http_1(pair: Pair) -> None:
    offer = ("upgrade: h2c", "http2-settings: AAMAAABkAAQAAP__", "connection: Upgrade, HTTP2-Settings")
    assert sent(pair, "POST", "/v1/chat/completions", *offer).startswith(b"HTTP/1.1 200")

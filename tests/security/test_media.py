"""What media a request can make vLLM fetch: vLLM's own loader, with the hosts and variables that pods are given."""

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from components.manifests.workload_pod import NO_MEDIA_HOST, NO_REDIRECTS
from tests.serving.vllm_process import vllm_process

pytestmark = pytest.mark.vllm

Load = Callable[[str, list[str]], dict[str, Any]]


@pytest.fixture(scope="module")
def load() -> Iterator[Load]:
    """Loads from a URL, where those hosts are allowed, as in a pod."""
    with vllm_process("tests.security.media", variables={**NO_REDIRECTS, "NO_PROXY": "*"}) as ask:
        yield lambda url, hosts: ask([url, hosts])


class Inside:
    """A server inside the cluster that no client should reach: it remembers what it was asked for."""

    def __init__(self) -> None:
        asked = self.asked = list[str]()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked.append(self.path)
                there = self.path == "/redirected"
                self.send_response(200 if not there else 302)
                if there:
                    self.send_header("location", "/secret")
                self.end_headers()
                self.wfile.write(b"" if there else b"from inside")

            def log_message(self, *_: Any) -> None:
                """Nothing goes to stderr."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def inside() -> Iterator[Inside]:
    server = Inside()
    yield server
    server.close()


def test_without_a_host_nothing_is_fetched(load: Load, inside: Inside) -> None:
    for host in ("127.0.0.1", "localhost", "user@127.0.0.1", "[::ffff:127.0.0.1]", "2130706433", "0x7f.1"):
        answer = load(f"http://{host}:{inside.port}/secret", [NO_MEDIA_HOST])
        assert "must be from one of the allowed domains: ['media-by-url-is-off.invalid']" in answer["refused"], host
    # Of the one host that is allowed, there is none (RFC 6761).
    assert "refused" in load(f"http://{NO_MEDIA_HOST}:{inside.port}/secret", [NO_MEDIA_HOST])
    assert inside.asked == []


@pytest.mark.parametrize("scheme", ["file://", "file://localhost", "FILE://"])
def test_files_of_the_container_are_not_read(load: Load, scheme: str) -> None:
    assert "refused" in load(f"{scheme}/etc/passwd", [NO_MEDIA_HOST])


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/a", "gopher://127.0.0.1/a", "//127.0.0.1/a", "/etc/passwd", ""])
def test_other_schemes_are_not_fetched(load: Load, url: str) -> None:
    assert "refused" in load(url, [NO_MEDIA_HOST])


def test_media_in_the_request_itself_are_taken(load: Load) -> None:
    assert load("data:image/png;base64,aGVsbG8=", [NO_MEDIA_HOST]) == {"loaded": "aGVsbG8="}


def test_a_host_that_is_named_is_fetched_from(load: Load, inside: Inside) -> None:
    assert load(f"http://127.0.0.1:{inside.port}/image", ["127.0.0.1"]) == {"loaded": "from inside"}
    # Written so that readers of URLs may differ on which of the two is the host: none of them leads elsewhere.
    for tricky in (
        f"http://127.0.0.1\\@evil.example:{inside.port}/x",
        f"http://evil.example#@127.0.0.1:{inside.port}/x",
    ):
        assert "refused" in load(tricky, ["images.example.com"])
    assert inside.asked == ["/image"]


def test_a_redirect_is_not_followed(load: Load, inside: Inside) -> None:
    answer = load(f"http://127.0.0.1:{inside.port}/redirected", ["127.0.0.1"])
    assert answer.get("loaded") != "from inside"
    assert inside.asked == ["/redirected"]


def test_without_a_list_vllm_fetches_from_everywhere(load: Load, inside: Inside) -> None:
    # Why a list is always written: an empty one is none.
    assert load(f"http://127.0.0.1:{inside.port}/secret", []) == {"loaded": "from inside"}

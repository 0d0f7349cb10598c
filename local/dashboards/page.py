"""The page: dashboards in Grafana's JSON model, drawn by plotly.js from what a Prometheus answers.

It listens on loopback, answers only those who call it by a name of loopback, and passes on nothing but queries.
"""

import json
import mimetypes
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import distribution
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

import httpx

QUERY = "/api/v1/query_range"
"""The one path of Prometheus's API that is passed on."""

QUERY_SECONDS = 30
"""How long Prometheus may take to answer a query."""

_WEB = Path(__file__).parent / "web"
_FILES = {
    "/": _WEB / "index.html",
    "/dashboards.js": _WEB / "dashboards.js",
    "/dashboards.css": _WEB / "dashboards.css",
}
_NAMES = ("127.0.0.1", "localhost")

# plotly.js writes styles into the page as it draws.
_POLICY = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src data:; connect-src 'self'"


@contextmanager
def served(dashboards: Sequence[dict[str, Any]], prometheus: str, *, port: int = 0) -> Iterator[str]:
    """The page, as long as the context lasts.

    Args:
        dashboards: in Grafana's JSON model, as their ConfigMaps hold them.
        prometheus: URL of the Prometheus that is asked, such as ``http://127.0.0.1:9090``.
        port: where to listen on 127.0.0.1; 0 is any free port.

    Yields:
        The page's URL.

    Raises:
        OSError: when the port is taken.
    """
    with httpx.Client(base_url=prometheus, timeout=QUERY_SECONDS, trust_env=False) as asking:
        server = _Server(dashboards, asking, port)
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()
            server.server_close()


def plotly_js() -> Path:
    """plotly.js, as the package ``plotly`` brings it."""
    return Path(str(distribution("plotly").locate_file("plotly/package_data/plotly.min.js")))


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, dashboards: Sequence[dict[str, Any]], asking: httpx.Client, port: int) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.dashboards = json.dumps(dashboards).encode()
        self.asking = asking


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        # A page of somebody else's may have a name of its own lead here.
        if urlsplit(f"//{self.headers.get('Host', '')}").hostname not in _NAMES:
            self._answer(HTTPStatus.MISDIRECTED_REQUEST, "text/plain", b"Call this page by the name 127.0.0.1.\n")
            return
        path, _, query = self.path.partition("?")
        if path == "/dashboards":
            self._answer(HTTPStatus.OK, "application/json", self.server.dashboards)
        elif path == QUERY:
            self._pass_on(query)
        elif path == "/plotly.js":
            self._send(plotly_js())
        elif path in _FILES:
            self._send(_FILES[path])
        else:
            self._answer(HTTPStatus.NOT_FOUND, "text/plain", b"There is no such page.\n")

    def log_message(self, *_: object) -> None:
        """Say nothing: the terminal is the command's."""

    def _pass_on(self, query: str) -> None:
        asking = self.server.asking
        try:
            answer = asking.get(f"{QUERY}?{query}")
        except httpx.HTTPError as error:
            said = (
                f"Prometheus at {asking.base_url} does not answer: {error}. "
                "Run `make dashboards` again: it starts what does not run."
            )
            self._answer(HTTPStatus.BAD_GATEWAY, "application/json", json.dumps({"error": said}).encode())
            return
        self._answer(HTTPStatus(answer.status_code), "application/json", answer.content)

    def _send(self, file: Path) -> None:
        kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
        self._answer(HTTPStatus.OK, f"{kind}; charset=utf-8", file.read_bytes())

    def _answer(self, status: HTTPStatus, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Security-Policy", _POLICY)
        self.send_header("Cache-Control", "no-store")
        # A page that is left does not wait for its answers.
        with suppress(ConnectionError):
            self.end_headers()
            self.wfile.write(body)

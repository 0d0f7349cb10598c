"""A hub on loopback, as far as the library of Hugging Face asks one for a repository's files."""

import hashlib
import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

COMMIT = "b968826d9c46dd6066d109eabc6255188de91218"
REPOSITORY = "org/model"


class Hub:
    """A repository of one commit, and what was asked of it."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files
        self.fetched: Counter[str] = Counter()
        """How often the content of each file was asked for."""
        self.asked = 0
        """How many requests there were in all."""
        self.refusal: tuple[int, str] | None = None
        """A status, and the hub's name of the error, for every answer."""
        self.held: set[str] = set()
        """Files of which the first half is sent, and the rest once they are not held any more."""
        self.url = ""
        self.changed = threading.Condition()

    def wait_for_file(self, name: str) -> None:
        """Wait until a file's content was asked for."""
        with self.changed:
            assert self.changed.wait_for(lambda: self.fetched[name] > 0, timeout=120)

    def release(self) -> None:
        """Send what was held."""
        with self.changed:
            self.held.clear()
            self.changed.notify_all()

    def note(self, fetched: str | None = None) -> None:
        """Remember a request."""
        with self.changed:
            self.asked += 1
            if fetched is not None:
                self.fetched[fetched] += 1
            self.changed.notify_all()

    def wait_while_held(self, name: str) -> None:
        """Wait until a file may be sent whole."""
        with self.changed:
            assert self.changed.wait_for(lambda: name not in self.held, timeout=120)


@contextmanager
def serving(files: dict[str, bytes]) -> Iterator[Hub]:
    """A hub that answers while the block lasts."""
    hub = Hub(files)
    server = _Server(hub)
    hub.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield hub
    finally:
        hub.release()
        server.shutdown()
        thread.join()
        server.server_close()


class _Server(ThreadingHTTPServer):
    def __init__(self, hub: Hub) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.hub = hub


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def log_message(self, *_: object) -> None:
        pass

    def _answer(self) -> None:
        hub, path, files = self.server.hub, urlsplit(self.path).path, f"/{REPOSITORY}/resolve/{COMMIT}/"
        if path.startswith(files) and not hub.refusal:
            self._send_file(path.removeprefix(files))
            return
        hub.note()
        if hub.refusal:
            self._send(hub.refusal[0], b"{}", {"X-Error-Code": hub.refusal[1]})
        elif path == f"/api/models/{REPOSITORY}/tree/{COMMIT}":
            self._send(200, json.dumps([_entry(name, data) for name, data in hub.files.items()]).encode(), {})
        else:
            self._send(404, b"{}", {"X-Error-Code": "EntryNotFound"})

    def _send_file(self, name: str) -> None:
        hub = self.server.hub
        data = hub.files[name]
        hub.note(name if self.command == "GET" else None)
        self._begin(200, len(data), {"X-Repo-Commit": COMMIT, "ETag": f'"{_digest(data)}"'})
        if self.command == "HEAD":
            return
        half = len(data) // 2
        try:
            self.wfile.write(data[:half])
            self.wfile.flush()
            hub.wait_while_held(name)
            self.wfile.write(data[half:])
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self._begin(status, len(body), headers)
        if self.command == "GET":
            self.wfile.write(body)

    def _begin(self, status: int, length: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for header, value in {**headers, "Content-Length": str(length)}.items():
            self.send_header(header, value)
        self.end_headers()


def _entry(name: str, data: bytes) -> dict[str, object]:
    return {"type": "file", "path": name, "size": len(data), "oid": _digest(data)}


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()

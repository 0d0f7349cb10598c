"""A hub on loopback, as far as the libraries of Hugging Face and ModelScope ask one for a repository's files."""

import hashlib
import json
import re
import socket
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

COMMIT = "b968826d9c46dd6066d109eabc6255188de91218"
REPOSITORY = "org/model"

_PIECE_BYTES = 2**20


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
        self.token: str | None = None
        """The only token that is let in, where one is needed."""
        self.corrupt: Counter[str] = Counter()
        """How often each file is yet to be sent with a wrong byte."""
        self.ignores_ranges = False
        """Whether files are always sent whole, as some mirrors do."""
        self.failures: list[int] = []
        """Statuses that the next requests for content are answered with."""
        self.failure_headers: dict[str, str] = {}
        """What is said with them."""
        self.content_from: str | None = None
        """Another host that requests for content are sent on to."""
        self.tokens: list[str | None] = []
        """What was shown with each request for content."""
        self.ranges: list[tuple[str, int, int]] = []
        """Every range of a file that was begun to be sent, with the byte behind its last one."""
        self.allowed: int | None = None
        """How many bytes of content are sent in all before the hub holds. None: all."""
        self.allowances = 0
        """How often that was said. What is still held by then ends: it may be a dead client's."""
        self.sent = 0
        """Bytes of content that were sent."""
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

    def allow(self, more: int | None) -> None:
        """Let so many more bytes of content be sent, or all."""
        with self.changed:
            self.allowed = None if more is None else self.sent + more
            self.allowances += 1
            self.changed.notify_all()

    def wait_until_held(self) -> None:
        """Wait until all bytes that may be sent were."""
        with self.changed:
            assert self.changed.wait_for(lambda: self.sent == self.allowed, timeout=120)

    def take_allowance(self, most: int) -> int:
        """How many bytes may be sent now, of so many; waits until there are any."""
        with self.changed:
            if self.allowed is not None and self.sent >= self.allowed:
                before = self.allowances
                assert self.changed.wait_for(lambda: self.allowances > before, timeout=120)
                raise ConnectionResetError
            taken = most if self.allowed is None else min(most, self.allowed - self.sent)
            self.sent += taken
            self.changed.notify_all()
            return taken

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
        hub.allow(None)
        server.shutdown()
        thread.join()
        server.server_close()


class _Server(ThreadingHTTPServer):
    def __init__(self, hub: Hub) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.hub = hub

    def handle_error(self, *_: object) -> None:
        """Clients are killed here."""
        if not isinstance(sys.exception(), ConnectionError):
            raise


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
        hub, path = self.server.hub, urlsplit(self.path).path
        name = self._file()
        if name is not None and not hub.refusal and self._let_in():
            self._send_file(name)
            return
        hub.note()
        if hub.refusal:
            self._send(hub.refusal[0], b"{}", {"X-Error-Code": hub.refusal[1]})
        elif not self._let_in():
            self._send(401, b"{}", {})
        elif path == f"/api/models/{REPOSITORY}/tree/{COMMIT}":
            self._send(200, json.dumps([_entry(name, data) for name, data in hub.files.items()]).encode(), {})
        elif path in [f"/api/models/{REPOSITORY}/revision/{revision}" for revision in ("main", COMMIT)]:
            self._send(200, json.dumps(_model(hub.files)).encode(), {})
        elif path == f"/api/v1/models/{REPOSITORY}/repo/files":
            self._send(200, json.dumps(_modelscope(hub.files)).encode(), {})
        elif path.startswith(f"/api/models/{REPOSITORY}/revision/"):
            self._send(404, b"{}", {"X-Error-Code": "RevisionNotFound"})
        else:
            self._send(404, b"{}", {"X-Error-Code": "EntryNotFound"})

    def _file(self) -> str | None:
        """The file whose content is asked for."""
        path, hugging_face = urlsplit(self.path).path, f"/{REPOSITORY}/resolve/{COMMIT}/"
        if path.startswith(hugging_face):
            return path.removeprefix(hugging_face)
        if path == f"/api/v1/models/{REPOSITORY}/repo":
            return parse_qs(urlsplit(self.path).query)["FilePath"][0]
        return None

    def _shown(self) -> str | None:
        cookie = re.search(r"m_session_id=([^;]+)", self.headers.get("Cookie", ""))
        return cookie[1] if cookie else self.headers.get("Authorization", "").removeprefix("Bearer ") or None

    def _let_in(self) -> bool:
        return self.server.hub.token in (None, self._shown())

    def _send_file(self, name: str) -> None:
        hub = self.server.hub
        data = hub.files[name]
        hub.note(name if self.command == "GET" else None)
        about = {"X-Repo-Commit": COMMIT, "ETag": f'"{_digest(data)}"'}
        if self.command == "HEAD":
            self._begin(200, len(data), about)
            return
        hub.tokens.append(self._shown())
        if hub.content_from:
            self._send(302, b"", {"Location": f"{hub.content_from}{self.path}"})
            return
        if hub.failures:
            self._send(hub.failures.pop(0), b"", hub.failure_headers)
            return
        status, start, end = 200, 0, len(data)
        asked = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        if asked and not hub.ignores_ranges:
            status, start, end = 206, int(asked[1]), min(int(asked[2]) + 1, len(data))
            about["Content-Range"] = f"bytes {start}-{end - 1}/{len(data)}"
        if self._is_alone():
            self.close_connection = True
            return
        hub.ranges.append((name, start, end))
        if hub.corrupt[name] and start == 0:
            hub.corrupt[name] -= 1
            data = bytes([data[0] ^ 1]) + data[1:]
        self._begin(status, end - start, about)
        try:
            self._write(name, data[start:end])
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def _is_alone(self) -> bool:
        """Whether the client was killed since it asked."""
        try:
            return not self.connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        except ConnectionError:
            return True

    def _write(self, name: str, data: bytes) -> None:
        """Send content, and hold it where the test says so."""
        hub, half = self.server.hub, len(data) // 2
        position = 0
        while position < len(data):
            if position == half:
                self.wfile.flush()
                hub.wait_while_held(name)
            most = (half if position < half else len(data)) - position
            taken = hub.take_allowance(min(most, _PIECE_BYTES))
            self.wfile.write(data[position : position + taken])
            position += taken

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


def _model(files: dict[str, bytes]) -> dict[str, object]:
    """What Hugging Face says of a model: files that it keeps by LFS with their SHA-256, others by Git's own."""
    return {
        "id": REPOSITORY,
        "sha": COMMIT,
        "siblings": [
            {"rfilename": name, "size": len(data), "blobId": _git(data)}
            | ({"lfs": {"sha256": _digest(data), "size": len(data), "pointerSize": 130}} if _is_large(name) else {})
            for name, data in files.items()
        ],
    }


def _modelscope(files: dict[str, bytes]) -> dict[str, object]:
    entries = [
        {"Path": name, "Name": name, "Size": len(data), "Sha256": _digest(data), "Type": "blob"}
        for name, data in files.items()
    ]
    return {"Code": 200, "Success": True, "Data": {"Files": entries}}


def _is_large(name: str) -> bool:
    return name.endswith((".safetensors", ".bin", ".pth"))


def _git(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()

"""A gateway that answers as it was told, and keeps what it was asked."""

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from typing_extensions import override


@dataclass
class FakeGateway:
    """What it answers, and what it was asked."""

    url: str = ""
    status: int = 200
    listing: int = 200
    body: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    requests: list[dict[str, Any]] = field(default_factory=list)
    seen_headers: list[dict[str, str]] = field(default_factory=list)
    probed: list[dict[str, str]] = field(default_factory=list)

    def streams(self, *events: Any, done: bool = True) -> None:
        """Answer with a stream of these events."""
        lines = [f"data: {json.dumps(event, ensure_ascii=False)}\n\n" for event in events]
        self.status, self.body = 200, "".join(lines) + ("data: [DONE]\n\n" if done else "")

    def refuses(self, status: int, message: str) -> None:
        """Answer with an error in OpenAI's form."""
        self.status, self.body = status, json.dumps({"error": {"message": message, "type": "error"}})


@contextmanager
def serving() -> Iterator[FakeGateway]:
    """A gateway on loopback, as long as the context lasts."""
    gateway = FakeGateway()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            gateway.probed.append({key.lower(): value for key, value in self.headers.items()})
            body = json.dumps({"object": "list", "data": []}).encode()
            self.send_response(gateway.listing)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            gateway.requests.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            gateway.seen_headers.append({key.lower(): value for key, value in self.headers.items()})
            self.send_response(gateway.status)
            for name, value in gateway.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(gateway.body.encode())

        @override
        def log_message(self, format: str, *args: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    gateway.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    try:
        yield gateway
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def words(*pieces: str, thought: Sequence[str] = ()) -> list[dict[str, Any]]:
    """The events of a chat that says these pieces, after some thought."""
    deltas = [*({"reasoning": piece} for piece in thought), *({"content": piece} for piece in pieces)]
    return [
        *({"choices": [{"delta": delta, "finish_reason": None}]} for delta in deltas),
        {"choices": [{"delta": {}, "finish_reason": "stop"}]},
        {"choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": len(pieces)}},
    ]

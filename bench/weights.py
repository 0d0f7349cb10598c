"""Measures downloads by the entrypoint beside ``snapshot_download`` of Hugging Face's library, from a hub on loopback.

The hub sends files from memory without touching them, so that it costs little. Each client is a process of its own with
an empty folder, by turns; the figure is the median of the rounds. The entrypoint also checks every byte and waits until
the disk has it, of which the other does neither.

``python -m bench.weights [--folder FOLDER] [--gib 1] [--rounds 3]``
"""

import argparse
import hashlib
import json
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from bench import entry
from bench.arguments import above_zero, at_least_one
from serving.weights import fetch
from serving.weights.hugging_face import HuggingFace

REPOSITORY, COMMIT = "org/model", "b968826d9c46dd6066d109eabc6255188de91218"
FILES = 4
PACED = 40 * 10**6
"""Bytes per second of a connection, where the network is what is slow: as one to a far store is."""
CLIENTS = ("modelyard", "huggingface_hub")

_SO_MAX_PACING_RATE = 47
"""From ``asm-generic/socket.h``."""


def main() -> None:
    """Run the measurements, or be one of their clients."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", type=Path, help="where to download to; default: a temporary one")
    parser.add_argument("--gib", type=above_zero, default=1, help="size of the model")
    parser.add_argument("--rounds", type=at_least_one, default=3)
    parser.add_argument("--client", choices=CLIENTS, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.client:
        print(_seconds(given.client, given.folder))
        return
    figures = []
    for name, rate in (("unpaced", None), ("paced", PACED)):
        with _hub(given.gib, rate) as url:
            seconds = _medians(url, given.folder, given.rounds)
        for client in CLIENTS:
            print(
                f"{name:8} {client:16} {seconds[client]:7.2f} s {given.gib * 2**30 / seconds[client] / 1e6:7.0f} MB/s"
            )
        figures.append(f"{name}_ratio={seconds['huggingface_hub'] / seconds['modelyard']:.2f}")
    print("figure:", *figures)


def _medians(url: str, folder: Path | None, rounds: int) -> dict[str, float]:
    found: dict[str, list[float]] = {client: [] for client in CLIENTS}
    for _ in range(rounds):
        for client in CLIENTS:
            with tempfile.TemporaryDirectory(dir=folder) as target:
                words = [sys.executable, "-m", "bench.weights", "--client", client, "--folder", target]
                environment = {**os.environ, "HF_ENDPOINT": url, "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
                done = subprocess.run(words, env=environment, capture_output=True, text=True, check=True)
            found[client].append(float(done.stdout.splitlines()[-1]))
    return {client: statistics.median(times) for client, times in found.items()}


def _seconds(client: str, folder: Path) -> float:
    """How long one download takes, once its libraries are loaded."""
    from huggingface_hub import snapshot_download

    begun = time.monotonic()
    if client == "modelyard":
        fetch(HuggingFace(REPOSITORY, COMMIT), folder, None, print)
    else:
        snapshot_download(REPOSITORY, revision=COMMIT, cache_dir=folder)
    return time.monotonic() - begun


@contextmanager
def _hub(gib: float, rate: int | None) -> Iterator[str]:
    with tempfile.TemporaryDirectory(dir="/dev/shm") as memory:
        size = int(gib * 2**30 / FILES)
        for number in range(FILES):
            _random_file(Path(memory, f"model-{number}.safetensors"), size)
        server = _Server(Path(memory), rate)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
            server.server_close()


def _random_file(path: Path, size: int) -> None:
    with path.open("wb") as opened:
        for start in range(0, size, 2**20):
            opened.write(os.urandom(min(2**20, size - start)))


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, folder: Path, rate: int | None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.rate = rate
        self.files = {path.name: path for path in folder.iterdir()}
        self.digests = {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in self.files.items()}

    def handle_error(self, *_: object) -> None:
        """Clients may leave."""


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
        name = self.path.rpartition("/")[2]
        if name in self.server.files:
            self._send_file(name)
            return
        tree = self.path.startswith(f"/api/models/{REPOSITORY}/tree/")
        body = json.dumps(self._tree() if tree else self._model()).encode()
        self._begin(200, len(body), {"Content-Type": "application/json"})
        self.wfile.write(body)

    def _send_file(self, name: str) -> None:
        with self.server.files[name].open("rb") as opened:
            size = os.fstat(opened.fileno()).st_size
            asked = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
            start, end = (int(asked[1]), int(asked[2]) + 1) if asked else (0, size)
            about = {"ETag": f'"{self.server.digests[name]}"', "X-Repo-Commit": COMMIT}
            if asked:
                about["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
            self._begin(206 if asked else 200, end - start, about)
            if self.server.rate:
                self.connection.setsockopt(socket.SOL_SOCKET, _SO_MAX_PACING_RATE, self.server.rate)
            while self.command == "GET" and start < end:
                start += os.sendfile(self.connection.fileno(), opened.fileno(), start, end - start)

    def _begin(self, status: int, length: int, about: dict[str, str]) -> None:
        self.send_response(status)
        for header, value in {**about, "Content-Length": str(length)}.items():
            self.send_header(header, value)
        self.end_headers()

    def _entries(self) -> Iterator[tuple[str, int, str]]:
        for name, path in self.server.files.items():
            yield name, path.stat().st_size, self.server.digests[name]

    def _model(self) -> dict[str, object]:
        siblings = [
            {"rfilename": name, "size": size, "lfs": {"sha256": digest, "size": size, "pointerSize": 130}}
            for name, size, digest in self._entries()
        ]
        return {"id": REPOSITORY, "sha": COMMIT, "siblings": siblings}

    def _tree(self) -> list[dict[str, object]]:
        return [{"type": "file", "path": name, "size": size, "oid": digest} for name, size, digest in self._entries()]


if __name__ == "__main__":
    entry.run(main)

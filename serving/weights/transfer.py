"""Fetches files in parts, several at once, and goes on where an earlier process was.

The parts are plain HTTP requests for a range of a file, by the library requests: hubs and object stores all have them.
"""

import re
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError

from serving.exits import ExitCode
from serving.weights.errors import UnreachableError, WeightsError
from serving.weights.partial import CHUNK_BYTES, CorruptError, PartialFile
from serving.weights.remote import CONNECT_SECONDS, SILENT_SECONDS, Remote, RemoteFile

PART_BYTES = 64 * 2**20
"""Size of a part: each is a request, of which hubs take some thousand in five minutes."""
CONNECTIONS = 16
"""Parts at once. A single connection to a store across the network is far slower than the network is."""
REPORT_SECONDS = 5.0
"""Seconds between two lines about the progress."""
TRIES = 6
"""How often a part is tried without a single byte, each time after twice as long as before."""
SAME_CORRUPTION = 2
"""How often a file that came wrong is fetched again."""

_END_SECONDS = 1.0
"""What all connections together get to end, after a failure."""
_LONGEST_WAIT_SECONDS = 300.0
"""Hugging Face counts requests in windows of five minutes."""
_RATE_LIMIT = re.compile(r"r=0\s*;\s*t=(\d+)")
"""A limit that is used up, and the seconds until it is renewed, in the header ``RateLimit``:
https://huggingface.co/docs/hub/rate-limits"""
_OK, _PARTIAL, _PRECONDITION_FAILED, _NO_SUCH_RANGE = 200, 206, 412, 416
_MOMENTARY = (408, 425, 429, 500, 502, 503, 504)
_GIB = 2**30

Log = Callable[[str], None]
"""Writes a line to the container's log."""


@dataclass(frozen=True)
class Pace:
    """How a transfer goes."""

    connections: int = CONNECTIONS
    """Parts at once."""
    part_bytes: int = PART_BYTES
    """Size of a part. What was begun with another size is begun anew."""
    report_seconds: float = REPORT_SECONDS
    """Seconds between two lines about the progress."""
    first_wait_seconds: float = 1.0
    """What is waited before a second try."""


PACE = Pace()
"""How they go where nothing else is said."""


class _MomentaryError(Exception):
    """A failure that another try may mend. Its text says what happened."""

    def __init__(self, text: str, wait_seconds: float = 0) -> None:
        super().__init__(text)
        self.wait_seconds = wait_seconds


class _OverError(Exception):
    """The transfer has ended meanwhile, and nobody wants what was to come."""


class Transfer:
    """Fetches files of a model into a folder."""

    def __init__(self, remote: Remote, work: Path, log: Log, pace: Pace) -> None:
        """Prepare to fetch.

        Args:
            remote: where the files come from.
            work: the folder to work in, which nobody else does meanwhile. Finished files are in its folder ``files``.
            log: writes a line to the container's log.
            pace: how the transfer goes.
        """
        self._remote = remote
        self._files, self._unfinished = work / "files", work / "unfinished"
        self._log = log
        self._pace = pace
        self._over = threading.Event()
        self._wait_said = 0.0
        self._jobs: SimpleQueue[tuple[PartialFile, int] | None] = SimpleQueue()
        self._ends: SimpleQueue[PartialFile | _CorruptFile | BaseException] = SimpleQueue()
        self._session = requests.Session()
        for scheme in ("https://", "http://"):
            self._session.mount(scheme, HTTPAdapter(pool_connections=8, pool_maxsize=pace.connections))

    def run(self, files: Sequence[RemoteFile]) -> None:
        """Fetch the files. Those that are finished already are left as they are.

        Raises:
            WeightsError: when a file can't be had.
        """
        self._unfinished.mkdir(parents=True, exist_ok=True)
        wanted = [file for file in files if not (self._files / file.path).is_file()]
        partial = [
            PartialFile(file, self._remote.checksum(file), self._unfinished, self._pace.part_bytes) for file in wanted
        ]
        finished = sum(file.size for file in files) - sum(file.size for file in wanted)
        progress = _Progress(self._log, self._pace.report_seconds, finished, partial)
        for file in partial:
            self._submit(file)
        threads = [threading.Thread(target=self._work, daemon=True) for _ in range(self._pace.connections)]
        for thread in threads:
            thread.start()
        try:
            self._wait(len(partial), progress)
        finally:
            self._over.set()
            for _ in threads:
                self._jobs.put(None)
            end = time.monotonic() + _END_SECONDS
            for thread in threads:
                # One that waits for the network has nothing to lose, and ends with the process.
                thread.join(max(0, end - time.monotonic()))
            self._session.close()
        progress.end()

    def _submit(self, file: PartialFile) -> None:
        for part in range(file.parts):
            self._jobs.put((file, part))

    def _wait(self, unfinished: int, progress: "_Progress") -> None:
        corrupt: dict[str, int] = {}
        while unfinished:
            progress.tick()
            try:
                end = self._ends.get(timeout=min(0.2, self._pace.report_seconds))
            except Empty:
                continue
            if isinstance(end, _CorruptFile):
                self._again(end.partial, corrupt)
            elif isinstance(end, BaseException):
                raise end
            else:
                unfinished -= 1

    def _again(self, partial: PartialFile, corrupt: dict[str, int]) -> None:
        file = partial.file
        corrupt[file.path] = corrupt.get(file.path, 0) + 1
        if corrupt[file.path] > SAME_CORRUPTION:
            raise WeightsError(
                ExitCode.WEIGHTS,
                f"{self._remote.name}: {file.path} came {corrupt[file.path]} times with other bytes than its "
                f"{partial.checksum.kind if partial.checksum else 'checksum'} says: look at proxies and mirrors on the "
                "way, and start again if somebody has just changed the model",
            )
        self._log(f"weights: {file.path}: its bytes are not those that its checksum says, and it is fetched again")
        partial.restart()
        self._submit(partial)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None and not self._over.is_set():
            file, part = job
            try:
                self._fetch(file, part)
                if file.complete(part):
                    file.finish(self._files / file.file.path)
                    self._ends.put(file)
            except CorruptError:
                self._ends.put(_CorruptFile(file))
            except BaseException as error:
                # Raised again by the thread that waits.
                self._ends.put(error)

    def _fetch(self, file: PartialFile, part: int) -> None:
        tries, wait = 0, self._pace.first_wait_seconds
        while True:
            start, end = file.missing(part)
            if start == end:
                return
            try:
                self._stream(file, part, start, end)
                continue
            except _MomentaryError as error:
                momentary = error
            except (requests.RequestException, HTTPError) as error:
                momentary = _MomentaryError(_why(error))
            if file.missing(part)[0] > start:
                tries, wait = 0, self._pace.first_wait_seconds
            tries += 1
            if tries == TRIES:
                raise UnreachableError(
                    f"{self._remote.name}: {file.file.path} does not come ({momentary}), after {TRIES} tries: check "
                    "that the network and the proxy let pods reach where it comes from. The next start goes on with "
                    "what is here"
                )
            if momentary.wait_seconds:
                self._say_wait(momentary)
            if self._over.wait(max(wait, momentary.wait_seconds)):
                raise _OverError
            wait *= 2

    def _say_wait(self, momentary: _MomentaryError) -> None:
        now = time.monotonic()
        # Every connection is told the same.
        if now >= self._wait_said:
            self._wait_said = now + momentary.wait_seconds
            self._log(f"weights: {self._remote.name}: asks to wait {momentary.wait_seconds:g} s ({momentary})")

    def _stream(self, file: PartialFile, part: int, start: int, end: int) -> None:
        address = self._remote.address(file.file)
        # Compressed, a range would be one of other bytes.
        headers = {**address.headers, "Range": f"bytes={start}-{end - 1}", "Accept-Encoding": "identity"}
        with self._session.get(
            address.url, headers=headers, stream=True, timeout=(CONNECT_SECONDS, SILENT_SECONDS)
        ) as response:
            self._check(response, file.file, start, end)
            while start < end:
                data = response.raw.read(min(CHUNK_BYTES, end - start))
                if not data:
                    raise _MomentaryError("the connection ended too early")
                if self._over.is_set():
                    raise _OverError
                file.write(part, data)
                start += len(data)

    def _check(self, response: requests.Response, file: RemoteFile, start: int, end: int) -> None:
        status = response.status_code
        if status in _MOMENTARY:
            raise _MomentaryError(f"status {status}", _asked_wait(response.headers))
        if status in (_PRECONDITION_FAILED, _NO_SUCH_RANGE):
            raise self._changed(file)
        if status == _PARTIAL:
            if response.headers.get("Content-Range", "") != f"bytes {start}-{end - 1}/{file.size}":
                raise self._changed(file)
        elif status != _OK:
            raise self._remote.refused(status)
        elif (start, end) != (0, file.size):
            raise WeightsError(
                ExitCode.WEIGHTS,
                f"{self._remote.name}: {file.path} is not given in ranges, by which downloads go on after a stop: take "
                "a mirror or proxy that knows range requests, or set weights.download: vllm",
            )
        elif response.headers.get("Content-Length", str(file.size)) != str(file.size):
            raise self._changed(file)

    def _changed(self, file: RemoteFile) -> WeightsError:
        return WeightsError(
            ExitCode.WEIGHTS,
            f"{self._remote.name}: {file.path} is not as it was when the files were listed: start again, and keep "
            "models that are served as they are",
        )


@dataclass(frozen=True)
class _CorruptFile:
    partial: PartialFile


class _Progress:
    """Says every few seconds how much has come."""

    def __init__(self, log: Log, seconds: float, finished: int, partial: Sequence[PartialFile]) -> None:
        self._log = log
        self._seconds = seconds
        self._finished = finished
        self._partial = partial
        self._total = finished + sum(file.file.size for file in partial)
        self._before = self._received()
        self._begun = self._said = time.monotonic()
        if self._before:
            log(f"weights: {self._before / _GIB:.2f} of {self._total / _GIB:.2f} GiB are here already")

    def tick(self) -> None:
        """Say it, if it is time."""
        now = time.monotonic()
        if now - self._said < self._seconds:
            return
        self._said = now
        received = self._received()
        rate = (received - self._before) / (now - self._begun)
        left = f", {(self._total - received) / rate:.0f} s left" if rate else ""
        self._log(f"weights: {received / _GIB:.2f} of {self._total / _GIB:.2f} GiB, {rate / 1e6:.0f} MB/s{left}")

    def end(self) -> None:
        """Say what it came to."""
        seconds = time.monotonic() - self._begun
        fetched = self._total - self._before
        self._log(f"weights: {fetched / _GIB:.2f} GiB fetched in {seconds:.1f} s, {fetched / seconds / 1e6:.0f} MB/s")

    def _received(self) -> int:
        return self._finished + sum(file.received for file in self._partial)


def _asked_wait(headers: Mapping[str, str]) -> float:
    """Seconds that a server asks to wait. 0, where it does not say."""
    after = headers.get("Retry-After", "")
    asked = [*([after] if after.isdecimal() else []), *_RATE_LIMIT.findall(headers.get("RateLimit", ""))]
    return min(max(map(float, asked), default=0), _LONGEST_WAIT_SECONDS)


def _why(error: BaseException) -> str:
    """What is at the bottom of an error. Those above it quote URLs, whose signatures are secrets."""
    while (below := error.__cause__ or error.__context__) is not None:
        error = below
    return (error.strerror if isinstance(error, OSError) else None) or type(error).__name__

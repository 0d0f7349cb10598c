"""What a hub or an object store says of a model's files."""

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Protocol

from serving.exits import ExitCode
from serving.weights.checksum import Checksum
from serving.weights.errors import WeightsError

COMMIT = re.compile(r"[0-9a-f]{40}")
"""A commit of a repository, written out."""
CONNECT_SECONDS = 10
"""Longest time until a hub or a store takes a connection."""
SILENT_SECONDS = 30
"""Longest time that it may say nothing, once it has."""

MARKER = ".modelyard.json"
"""The file in a whole model's folder of the cache that says what belongs to it."""

_SECOND_FORMAT = re.compile(r"pytorch_model(-\d+-of-\d+)?\.bin|consolidated(\.\d+)?\.pth")
"""Names of whole weights that vLLM leaves alone where safetensors are beside them."""


@dataclass(frozen=True)
class RemoteFile:
    """A file of a model."""

    path: str
    """Its path in the model's folder."""
    size: int
    """In bytes."""
    checksum: Checksum | None = None
    """What its bytes come to, where the listing tells that."""
    etag: str | None = None
    """What an object store calls this state of it."""


@dataclass(frozen=True)
class Listing:
    """A model's files in one state."""

    version: str
    """Stands for the state: another state has another one."""
    files: tuple[RemoteFile, ...]
    """Those that vLLM loads."""

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)


@dataclass(frozen=True)
class Address:
    """Where a file is fetched from."""

    url: str
    """Its URL."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """What the request has to say. ``Authorization`` and ``Cookie`` do not go to another host that the URL leads to."""


class Remote(Protocol):
    """A model of a hub or an object store."""

    @property
    def name(self) -> str:
        """What people call it, such as ``Qwen/Qwen3-8B``."""

    @property
    def folder(self) -> str:
        """Its folder in the cache, relative to the cache's."""

    @property
    def revision(self) -> str:
        """What was asked for: a branch, a tag or a commit. Empty where there is no choice."""

    @property
    def pinned(self) -> str | None:
        """The version, where that is known without asking: a commit."""

    def listing(self) -> Listing:
        """Ask for the files.

        Raises:
            UnreachableError: when nobody answers.
            WeightsError: when the answer is no.
        """

    def checksum(self, file: RemoteFile) -> Checksum | None:
        """What the bytes of a file come to, where that is told. Asked only of files that are to be fetched.

        Raises:
            UnreachableError: when nobody answers.
            WeightsError: when the answer is no.
        """

    def address(self, file: RemoteFile) -> Address:
        """Where a file is fetched from, for the next minutes."""

    def refused(self, status: int) -> WeightsError:
        """What the status of a refusal means."""


def listing_of(remote: str, files: Iterable[RemoteFile], version: str | None = None) -> Listing:
    """The files that vLLM loads.

    Args:
        remote: what people call the model.
        files: all of its files.
        version: what stands for their state. Default: made of what is known of them.

    Raises:
        WeightsError: for a path that leads out of the model's folder, and if there are none.
    """
    every = sorted(files, key=lambda file: file.path)
    for file in every:
        parts = PurePosixPath(file.path).parts
        if file.path.startswith("/") or ".." in parts or "\0" in file.path:
            raise WeightsError(
                ExitCode.WEIGHTS,
                f"{remote}: its file {file.path!r} would lie outside of its folder, which no honest model needs: take "
                "another one",
            )
    unwanted = not_loaded([file.path for file in every])
    wanted = tuple(file for file in every if file.path not in unwanted)
    if not wanted:
        raise WeightsError(ExitCode.WEIGHTS, f"{remote}: there are no files: correct the model's source")
    return Listing(version or _version(wanted), wanted)


def not_loaded(paths: Iterable[str]) -> set[str]:
    """The files that vLLM does not load: weights in a second format, what they were made of, Git's own and ours."""
    every = [PurePosixPath(path) for path in paths]
    with_safetensors = {path.parent for path in every if path.suffix == ".safetensors"}
    return {
        str(path)
        for path in every
        if path.parts[0] == "original"
        or str(path) == MARKER
        or path.name == ".gitattributes"
        or (path.parent in with_safetensors and _SECOND_FORMAT.fullmatch(path.name))
    }


def _version(files: Iterable[RemoteFile]) -> str:
    return hashlib.sha256("\n".join(map(repr, files)).encode()).hexdigest()[:40]

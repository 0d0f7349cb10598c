"""Checksums as hubs and object stores tell them."""

import hashlib
from dataclasses import dataclass
from typing import Literal, Protocol


@dataclass(frozen=True)
class Checksum:
    """What the bytes of a file have to come to."""

    kind: Literal["sha256", "git", "md5", "md5-of-parts"]
    """``git`` is the SHA-1 of a Git object. ``md5-of-parts`` is what S3 makes of an object that was sent in parts: the
    MD5 of the parts' MD5s."""
    value: str
    """Hexadecimal digits, in small letters."""
    part_bytes: int = 0
    """Of ``md5-of-parts``: the size of every part but the last."""


class Digest(Protocol):
    """What is made of a file's bytes, in their order."""

    def update(self, data: bytes, /) -> None:
        """Take the next bytes."""

    def hexdigest(self) -> str:
        """What all bytes come to."""


def digest_of(checksum: Checksum, size: int) -> Digest:
    """A new digest to compare with a checksum.

    Args:
        checksum: the checksum.
        size: of the file, in bytes.
    """
    match checksum.kind:
        case "sha256":
            return hashlib.sha256()
        case "git":
            # https://git-scm.com/book/en/v2/Git-Internals-Git-Objects
            return hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)
        case "md5":
            return hashlib.md5(usedforsecurity=False)
        case "md5-of-parts":
            return _PartsDigest(checksum.part_bytes)


class _PartsDigest:
    """The MD5 of the MD5s of parts."""

    def __init__(self, part_bytes: int) -> None:
        self._part_bytes = part_bytes
        self._missing = part_bytes
        self._part = hashlib.md5(usedforsecurity=False)
        self._whole = hashlib.md5(usedforsecurity=False)

    def update(self, data: bytes, /) -> None:
        rest = memoryview(data)
        while len(rest) >= self._missing:
            self._part.update(rest[: self._missing])
            rest = rest[self._missing :]
            self._end_part()
        self._part.update(rest)
        self._missing -= len(rest)

    def hexdigest(self) -> str:
        if self._missing < self._part_bytes:
            self._end_part()
        return self._whole.hexdigest()

    def _end_part(self) -> None:
        self._whole.update(self._part.digest())
        self._part = hashlib.md5(usedforsecurity=False)
        self._missing = self._part_bytes

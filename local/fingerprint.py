"""Fingerprints: whether what a step depends on has changed."""

import hashlib
from collections.abc import Iterable
from pathlib import Path


def fingerprint(*parts: str | Path | Iterable[Path]) -> str:
    """Hash of texts and of files' contents; a folder counts with everything in it."""
    digest = hashlib.sha256()
    for part in parts:
        if isinstance(part, str):
            digest.update(f"text {part}\0".encode())
        elif isinstance(part, Path):
            _add(digest, part)
        else:
            for path in part:
                _add(digest, path)
    return digest.hexdigest()


def _add(digest: "hashlib._Hash", path: Path) -> None:
    files = sorted(path.rglob("*")) if path.is_dir() else [path]
    for file in files:
        if file.is_file() and "__pycache__" not in file.parts:
            digest.update(f"file {file.name}\0".encode())
            digest.update(file.read_bytes())

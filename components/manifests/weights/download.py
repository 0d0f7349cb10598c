"""Fetches the weights of a repository of Hugging Face into the cache that its library has.

It runs in vLLM's image, as ``python -c`` with this file's text, so it imports nothing of Modelyard.
Files that are there already are not fetched again, so it may be killed and run again at any time.

It ends with 0 when everything is there, with 2 when another try would fail just the same, and with 1
when it might not.
"""

import re
import sys
import threading
import time
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path, PurePosixPath

HOPELESS = 2
"""The exit status where another try would fail just the same."""
REPORT_SECONDS = 10
"""Seconds between two lines about the progress."""
LEFT_BEHIND_SECONDS = 24 * 3600
"""Seconds after which nobody still writes to an unfinished file, though a clock be hours off, or set meanwhile."""
SECOND_FORMAT = re.compile(r"pytorch_model(-\d+-of-\d+)?\.bin|consolidated(\.\d+)?\.pth")
"""Names of whole weights that vLLM leaves alone where safetensors are beside them. It does load others, such as
``sparse_linear.pt`` of an embedding model."""
GIB = 1024**3


def main(repository: str, revision: str) -> int:
    """Fetch a revision of a repository, and return the exit status."""
    hub = import_module("huggingface_hub")
    errors = import_module("huggingface_hub.errors")
    constants = import_module("huggingface_hub.constants")
    folder = Path(constants.HF_HUB_CACHE) / f"models--{repository.replace('/', '--')}"
    try:
        remove_left_behind(folder)
        sizes = {
            entry.path: entry.size or 0
            for entry in hub.HfApi().list_repo_tree(repository, revision=revision, recursive=True)
            if hasattr(entry, "size")
        }
        unwanted = not_loaded(sizes)
        total = sum(size for path, size in sizes.items() if path not in unwanted)
        say(f"{repository} at {revision}: {len(sizes) - len(unwanted)} files, {total / GIB:.2f} GiB")
        with Progress(folder / "blobs"):
            hub.snapshot_download(repository, revision=revision, ignore_patterns=sorted(unwanted))
    except errors.GatedRepoError:
        say(f"{repository}: its hub gives it only to accounts that it has let in: accept its licence there, and")
        say("set a token of that account with `pulumi config set --secret modelyard:huggingFaceToken`")
        return HOPELESS
    except errors.RevisionNotFoundError:
        say(f"{revision}: {repository} has no such revision: write one of its commits as the model's revision")
        return HOPELESS
    except errors.RepositoryNotFoundError:
        say(f"{repository}: its hub knows no such repository, or hides it from this token: correct the model's source,")
        say("or set the token of an account that may read it")
        return HOPELESS
    except PermissionError as error:
        say(f"{error.filename}: this pod's user may not write there: let user and group 1000 write to the claim")
        return HOPELESS
    except Exception as error:
        say(f"{type(error).__name__}: {error}")
        return 1
    say("everything is there")
    return 0


def not_loaded(paths: Iterable[str]) -> set[str]:
    """The files of a repository that vLLM does not load: weights in a second format, and what they were made of."""
    every = [PurePosixPath(path) for path in paths]
    with_safetensors = {path.parent for path in every if path.suffix == ".safetensors"}
    return {
        str(path)
        for path in every
        if path.parts[0] == "original" or (path.parent in with_safetensors and SECOND_FORMAT.fullmatch(path.name))
    }


def remove_left_behind(folder: Path) -> None:
    """Remove what downloads that were killed have left unfinished, which nothing would ever finish."""
    for path in folder.glob("blobs/*.incomplete"):
        if time.time() - path.stat().st_mtime > LEFT_BEHIND_SECONDS:
            path.unlink(missing_ok=True)


class Progress:
    """Says every few seconds how much has come."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._report, daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _report(self) -> None:
        before, began = self._bytes(), time.monotonic()
        while not self._done.wait(REPORT_SECONDS):
            fetched, seconds = self._bytes() - before, time.monotonic() - began
            say(f"{fetched / GIB:.2f} GiB fetched in {seconds:.0f} s, {fetched / seconds / 1e6:.0f} MB/s")

    def _bytes(self) -> int:
        total = 0
        for path in self._folder.glob("*"):
            try:
                total += path.stat().st_size
            except FileNotFoundError:
                continue  # it was renamed meanwhile
        return total


def say(text: str) -> None:
    """Write a line into the container's log."""
    print(text, flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

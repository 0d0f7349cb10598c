"""Fetches a model of the hub in tests/weights in a process of its own, in small parts, to be killed.

``python -m tests.serving.fetching <store>``. It says ``fetched`` at its end, and exits as the entrypoint would.
"""

import os
import resource
import sys
from pathlib import Path

from serving.weights import WeightsError, fetch
from serving.weights.hugging_face import HuggingFace
from serving.weights.transfer import Pace
from tests.weights.hub import COMMIT, REPOSITORY

PACE = Pace(connections=4, part_bytes=2**20, report_seconds=0.2, first_wait_seconds=0.01)
"""Small parts and short waits."""

LARGEST_FILE = "TEST_LARGEST_FILE"
"""The variable with the largest size, in bytes, that a file may have: a volume without room, for the process."""


def say(line: str) -> None:
    """Write a line to the log."""
    print(line, flush=True)  # noqa: T201 - it is the log


def main() -> int:
    """Fetch."""
    if LARGEST_FILE in os.environ:
        most = int(os.environ[LARGEST_FILE])
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    remote = HuggingFace(REPOSITORY, COMMIT)
    try:
        fetch(remote, Path(sys.argv[1]), None, say, PACE)
    except WeightsError as error:
        say(str(error))
        return error.code
    say("fetched")
    return 0


if __name__ == "__main__":
    sys.exit(main())

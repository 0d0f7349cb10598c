"""Starts vLLM with the settings of this container: ``python -m serving``."""

import os
import shlex
import sys

from serving.argv import masked, server_command
from serving.settings import InvalidSettingsError, load


def main() -> None:
    """Become the vLLM server, so that signals reach it, or exit with 2 when it could not start."""
    try:
        settings = load(sys.argv[1:])
    except InvalidSettingsError as error:
        print(error, file=sys.stderr)  # noqa: T201 - the container's log
        sys.exit(2)
    command = server_command(settings)
    print("starting:", shlex.join(masked(command)), file=sys.stderr, flush=True)  # noqa: T201
    os.execvp(command[0], command)  # noqa: S606 - no shell


if __name__ == "__main__":
    main()

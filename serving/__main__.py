"""Starts vLLM with the settings of this container, and stays above it: ``python -m serving``.

``--preflight-only`` ends after the checks, for an init container. ``--fetch-only`` brings the weights and checks them,
for a Job or an init container that has no GPU.
"""

import sys

from serving.exits import ExitCode
from serving.stop import end_at_stop

PREFLIGHT_ONLY = "--preflight-only"
FETCH_ONLY = "--fetch-only"


def main() -> ExitCode:
    """Run the server until it ends, and leave the reason in the container's termination message."""
    only = {word for word in sys.argv[1:] if word in (PREFLIGHT_ONLY, FETCH_ONLY)}
    # Who is told to stop has not done what alone it was there for: a Job is not to count it.
    end_at_stop(ExitCode.CRASHED if only else ExitCode.STOPPED)
    # Here, for what it loads takes a moment, in which a stop is to be heard.
    from serving.entrypoint import run

    arguments = [word for word in sys.argv[1:] if word not in only]
    return run(arguments, preflight_only=PREFLIGHT_ONLY in only, fetch_only=FETCH_ONLY in only)


if __name__ == "__main__":
    sys.exit(main())

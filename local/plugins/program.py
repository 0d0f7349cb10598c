"""Runs one Pulumi program; the language host starts this file under the program's own interpreter.

It gets one argument, a JSON object: `program` (a folder with a `__main__.py`, or a file), `args` (the program's own
arguments) and `settings` (the arguments of `pulumi.runtime.Settings`). Configuration comes in the environment, where
the SDK looks for it. Nothing of this checkout is imported: the interpreter may be another one.
"""

import asyncio
import json
import logging
import os
import runpy
import signal
import sys
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType

ALREADY_REPORTED = 32
"""Exit code: the person has seen what is wrong, the host has nothing to add. The official host's number."""

INTERRUPTED = 130

THREADS_PER_OPERATION = 4
"""Threads of the event loop for each resource operation that may run at once, as in the official host."""

NO_SDK = (
    "{python} can't import the Pulumi SDK ({error}), so no program runs with it. "
    "Run make setup in the checkout, or install the package pulumi into that environment."
)
NO_MAIN = "the program {program} has no __main__.py, so there is nothing to run. Add one, or set main: in Pulumi.yaml."


def main() -> int:
    """Run the program that the argument describes; returns the exit code."""
    request = json.loads(sys.argv[1])
    try:
        import pulumi.runtime
    except ImportError as error:
        print(NO_SDK.format(python=sys.executable, error=error), file=sys.stderr)  # noqa: T201
        return ALREADY_REPORTED
    pulumi.runtime.set_all_config(pulumi.runtime.get_config_env(), pulumi.runtime.get_config_secret_keys_env())
    pulumi.runtime.configure(pulumi.runtime.Settings(**request["settings"]))
    program = Path(request["program"])
    sys.argv = [str(program), *request["args"]]
    return run(program, request["settings"]["parallel"])


def run(program: Path, parallel: int) -> int:
    """Run the program in a stack of its own, and report what it raises as one error."""
    import pulumi

    if program.is_dir() and not (program / "__main__.py").is_file():
        pulumi.log.error(NO_MAIN.format(program=program))
        return ALREADY_REPORTED
    # A failed program leaves futures behind that nobody will await. asyncio would log each of them after the one
    # error that matters.
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    executor = ThreadPoolExecutor(max_workers=max(parallel, 1) * THREADS_PER_OPERATION)
    loop.set_default_executor(executor)
    try:
        loop.run_until_complete(pulumi.runtime.run_in_stack(lambda: _run_path(program)))
    except pulumi.RunError as error:
        pulumi.log.error(str(error))
        return ALREADY_REPORTED
    except Exception as error:
        pulumi.log.error(f"Program failed with an unhandled exception:\n{user_traceback(error, program)}")
        return ALREADY_REPORTED
    executor.shutdown(wait=True)
    loop.close()
    return 0


def _run_path(program: Path) -> None:
    runpy.run_path(str(program), run_name="__main__")


def user_traceback(error: Exception, program: Path) -> str:
    """The traceback from the program's first own line on.

    An error from before that line is shown whole, but a syntax error names its place itself.
    """
    own = str(program)
    frame: TracebackType | None = error.__traceback__
    while frame is not None:
        file = frame.tb_frame.f_code.co_filename
        if file == own or file.startswith(own + os.sep):
            break
        frame = frame.tb_next
    if frame is None and not isinstance(error, SyntaxError):
        frame = error.__traceback__
    return "".join(traceback.format_exception(error.with_traceback(frame)))


if __name__ == "__main__":
    try:
        code = main()
    except KeyboardInterrupt:
        code = INTERRUPTED
    # The engine may interrupt more than once. From here on that would only add noise to what the person reads.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.stdout.flush()
    sys.stderr.flush()
    if code == INTERRUPTED:
        # Threads may still wait for an engine that is gone.
        os._exit(code)
    sys.exit(code)

"""What the command's exit codes say."""

from enum import IntEnum


class ExitCode(IntEnum):
    """How a command ended. ``docs/cli.md`` lists them; a number never changes its meaning."""

    OK = 0
    """What was asked for was done, or is so."""
    FAILED = 1
    """What was asked about is not so: a check or a policy failed, a model does not fit, not everything is ready."""
    USAGE = 2
    """The command line cannot be understood, or a question has nobody to answer it."""
    SETTINGS = 3
    """The stack file cannot work as it is written."""
    MISSING_TOOL = 4
    """A program that is needed is not there, or too old."""
    UNREACHABLE = 5
    """The cluster, the gateway or the place of Pulumi's state does not answer."""
    CREDENTIALS = 6
    """A login, an API key or a passphrase has expired, is missing or wrong, or may not do this."""
    LOCKED = 7
    """Another update holds the stack."""
    UPDATE_FAILED = 8
    """An update began and did not end well. What it made stays, and the next one goes on from there."""
    NOT_FOUND = 9
    """There is no such stack, model or other object."""
    INTERNAL = 70
    """A fault of Modelyard itself."""
    INTERRUPTED = 130
    """Ctrl-C, SIGTERM or SIGHUP."""

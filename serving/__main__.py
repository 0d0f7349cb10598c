"""Starts vLLM with the settings of this container, and stays above it: ``python -m serving``.

``--preflight-only`` ends after the checks, for an init container.
"""

import os
import shlex
import sys
from functools import partial
from pathlib import Path

from serving.argv import server_command
from serving.exits import ExitCode, Reason
from serving.loopback import Loopback, api_key
from serving.masking import masked, secrets
from serving.output import Output
from serving.preflight import preflight
from serving.settings import ServingSettings
from serving.sources import InvalidSettingsError, load
from serving.supervisor import Supervisor, Times
from serving.warmup import warm_up

_PREFLIGHT_ONLY = "--preflight-only"


def main() -> ExitCode:
    """Run the server until it ends, and leave the reason in the container's termination message."""
    arguments = [word for word in sys.argv[1:] if word != _PREFLIGHT_ONLY]
    try:
        settings = load(arguments)
    except InvalidSettingsError as error:
        _print(str(error))
        return ExitCode.SETTINGS
    refused = _refused(settings)
    if refused is not None and settings.preflight == "refuse":
        _leave(refused, Path(settings.termination_log))
        return refused.code
    if _PREFLIGHT_ONLY in sys.argv:
        return ExitCode.STOPPED
    reason = _run(settings)
    _log(reason.sentence)
    if reason.code != ExitCode.STOPPED:
        _leave(reason, Path(settings.termination_log))
    return reason.code


def _refused(settings: ServingSettings) -> Reason | None:
    """What the first failed check says, after all of them have said their line."""
    findings = list(preflight(settings))
    for finding in findings:
        _log(f"{finding.check}: {finding.outcome}: {finding.text}")
    failed = [finding for finding in findings if finding.outcome == "failed"]
    return Reason(failed[0].code, f"{failed[0].check}: {failed[0].text}.") if failed else None


def _run(settings: ServingSettings) -> Reason:
    # The supervisor drains, and vLLM has nothing left to drain: in its own way it would answer errors meanwhile.
    command = server_command(settings.model_copy(update={"drain_seconds": 0}))
    _log(f"starting: {shlex.join(masked(command))}")
    server = Loopback(settings.host, settings.port, api_key(settings.extra_args, os.environ))
    times = Times(
        drain=settings.drain_seconds,
        # A request that comes last gets its time, too.
        handover=min(settings.handover_seconds, settings.drain_seconds / 2),
        hung=settings.hung_seconds,
    )
    first_requests = None if settings.headless else partial(warm_up, server, settings.warm_up_tokens, _log)
    return Supervisor(command, times, Output(secrets(command, os.environ)), first_requests, _log).run()


def _leave(reason: Reason, message: Path) -> None:
    """Write the termination message, which Kubernetes shows as the container's last state."""
    try:
        # Made by the kubelet, and by nobody else: outside of a pod there is none.
        if message.exists():
            message.write_text(f"{reason.sentence}\n", encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        _log(f"the reason cannot be left in {message} ({error.strerror})")


def _log(line: str) -> None:
    _print(f"modelyard: {line}")


def _print(line: str) -> None:
    print(line, file=sys.stderr, flush=True)  # noqa: T201 - the container's log


if __name__ == "__main__":
    sys.exit(main())

"""What ``python -m serving`` does: settings, checks, weights, and vLLM."""

import os
import shlex
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor, wait
from functools import partial
from pathlib import Path

from serving.argv import server_command
from serving.control import Control
from serving.exits import ExitCode, Reason
from serving.loopback import Loopback
from serving.masking import masked, secrets
from serving.output import Output, write
from serving.preflight import Finding, model_findings, preflight
from serving.secret_arguments import SeveralSecretsError, moved
from serving.settings import ServingSettings
from serving.sources import InvalidSettingsError, load
from serving.supervisor import TICK_SECONDS, Supervisor, Times
from serving.warmup import warm_up


def run(arguments: list[str], *, preflight_only: bool, fetch_only: bool) -> ExitCode:
    """Run the server until it ends, and leave the reason in the container's termination message.

    Args:
        arguments: of the command line, without the two that follow.
        preflight_only: whether to end after the checks.
        fetch_only: whether to bring the weights and check them, and nothing else.
    """
    try:
        settings = load(arguments)
    except InvalidSettingsError as error:
        _print(str(error))
        return ExitCode.SETTINGS
    # In a thread of its own, so that this one hears at any moment that it is to stop.
    with ThreadPoolExecutor(1) as elsewhere:
        preparing = elsewhere.submit(_prepared, settings, preflight_only=preflight_only, fetch_only=fetch_only)
        # With a timeout, for Linux may give the signal to another thread, and this one would sleep on.
        while wait([preparing], timeout=TICK_SECONDS).not_done:
            pass
    ready = preparing.result()
    reason = ready if isinstance(ready, Reason) else _said(_served(ready))
    if reason.code != ExitCode.STOPPED:
        _leave(reason, Path(settings.termination_log))
    return reason.code


def _prepared(settings: ServingSettings, *, preflight_only: bool, fetch_only: bool) -> ServingSettings | Reason:
    """The settings of a server that can be started, or why none is."""
    if not fetch_only:
        refused = _refused(settings, preflight(settings))
        if refused is not None or preflight_only:
            return refused or Reason(ExitCode.STOPPED, "Everything was checked.")
    served = _with_weights(settings)
    if isinstance(served, Reason):
        return _said(served)
    if served is not settings:
        refused = _refused(served, model_findings(served))
        if refused is not None:
            return refused
    elif fetch_only:
        return _said(_nothing_to_fetch(settings))
    return Reason(ExitCode.STOPPED, "Everything is there.") if fetch_only else served


def _with_weights(settings: ServingSettings) -> ServingSettings | Reason:
    """The settings of a server whose weights are here, or why they are not."""
    if settings.weights_cache is None:
        return settings
    # Here, for a start that fetches nothing is to load nothing of it.
    from serving.fetching import with_weights

    return with_weights(settings, _log)


def _refused(settings: ServingSettings, looked_at: Iterable[Finding]) -> Reason | None:
    """What the first failed check says, after all of them have said their line; nothing where they only warn."""
    findings = list(looked_at)
    for finding in findings:
        _log(f"{finding.check}: {finding.outcome}: {finding.text}")
    failed = [finding for finding in findings if finding.outcome == "failed"]
    if not failed or settings.preflight != "refuse":
        return None
    return Reason(failed[0].code, f"{failed[0].check}: {failed[0].text}.")


def _nothing_to_fetch(settings: ServingSettings) -> Reason:
    return Reason(
        ExitCode.SETTINGS,
        f"--fetch-only: {settings.model!r} is a folder, or MODELYARD_WEIGHTS_CACHE does not say where weights are "
        "kept: set it to a folder of a volume, with a model of a hub or a bucket.",
    )


def _said(reason: Reason) -> Reason:
    _log(reason.sentence)
    return reason


def _served(settings: ServingSettings) -> Reason:
    # The supervisor drains, and vLLM has nothing left to drain: in its own way it would answer errors meanwhile.
    given = server_command(settings.model_copy(update={"drain_seconds": 0}))
    try:
        command, variables = moved(given)
    except SeveralSecretsError as error:
        return Reason(ExitCode.SETTINGS, str(error))
    environment = {**os.environ, **variables}
    _log(f"starting: {shlex.join(masked(command))}")
    server = Loopback(settings.host, settings.port, environment.get("VLLM_API_KEY") or None)
    times = Times(
        drain=settings.drain_seconds,
        # A request that comes last gets its time, too.
        handover=min(settings.handover_seconds, settings.drain_seconds / 2),
        hung=settings.hung_seconds,
    )
    first_requests = None if settings.headless else partial(warm_up, server, settings.warm_up_tokens, _log)
    try:
        control = Control.create(times.hung)
    except OSError as error:
        return Reason(
            ExitCode.DISK,
            f"There is no room for temporary files, not in /tmp either ({error.strerror}), and vLLM needs some too: "
            "free some of the node's disk, or look for what fills the container's /tmp.",
        )
    output = Output(secrets(command, environment))
    return Supervisor(command, environment, times, control, output, first_requests, _log).run()


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
    # Not by print: what it can't write it keeps, and tries again at the end, which then is the process's exit code.
    write(2, f"{line}\n".encode(errors="backslashreplace"))

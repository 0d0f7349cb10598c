"""Where Pulumi keeps the stack's state, and whether it can be read."""

import re

from stacks import automation, stack_file
from stacks.automation.errors import AutomationError, StackMissingError
from stacks.automation.recovery import checked
from stacks.automation.workspace import opened
from stacks.cli.doctor.check import Check, Checks

_ENCRYPTED = re.compile(r"^(encryptionsalt|encryptedkey):|^[^#\n]*\bsecure:", re.MULTILINE)
"""What a stack file has of its passphrase or key, and of what is encrypted with it."""
_TRIED = f"{stack_file.PROJECT}:tried"


def state(stack: str) -> Checks:
    """The backend's login, the stack in it, and its passphrase or key.

    To read the secret outputs takes the login and the stack, and the passphrase where there are such outputs. An
    update takes it from the first on, so the stack file's is tried too.
    """
    try:
        automation.outputs(stack, secrets=True)
        _try_secrets(stack)
    except StackMissingError as error:
        yield Check("state", "ok", f"{error.problem} The first update makes it.")
    except AutomationError as error:
        yield Check("state", "failed", error.problem, error.remedy)
    else:
        yield Check("state", "ok", "Pulumi's backend has the stack, and its secrets can be read")


def _try_secrets(stack: str) -> None:
    file = stack_file.FOLDER / f"Pulumi.{stack}.yaml"
    if not _ENCRYPTED.search(file.read_text(encoding="utf-8")):
        return
    with opened(stack, automation.Options(checkout=stack_file.FOLDER.parent)) as workspace:
        # Where nothing is encrypted yet, to read tries no passphrase. This writes to the workspace's copy of the file.
        checked(workspace, "config", "set", "--secret", _TRIED, "tried", *workspace.configured)
        checked(workspace, "config", "--json", "--show-secrets", *workspace.configured)

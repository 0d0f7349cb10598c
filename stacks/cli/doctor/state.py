"""Where Pulumi keeps the stack's state, and whether it can be read."""

from stacks import automation
from stacks.automation.errors import AutomationError, StackMissingError
from stacks.cli.doctor.check import Check, Checks


def state(stack: str) -> Checks:
    """The backend's login, the stack in it, and its passphrase or key.

    One question answers all of it: to read the secret outputs takes the login, the stack and the passphrase.
    """
    try:
        automation.outputs(stack, secrets=True)
    except StackMissingError as error:
        yield Check("state", "ok", f"{error.problem} The first update makes it.")
    except AutomationError as error:
        yield Check("state", "failed", error.problem, error.remedy)
    else:
        yield Check("state", "ok", "Pulumi's backend has the stack, and its secrets can be read")

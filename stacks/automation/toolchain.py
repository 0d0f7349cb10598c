"""Which Pulumi is run, and with what environment."""

import os
from collections.abc import Mapping
from pathlib import Path

from stacks.automation.errors import MissingToolError


def program() -> Path:
    """The Pulumi CLI: the one on PATH where it is recent enough, else the one that ``make setup`` has built.

    Raises:
        MissingToolError: when there is neither.
    """
    from local.errors import LocalError
    from local.paths import Paths
    from local.pulumi_cli import program as found
    from local.toolchain import OLDEST_PULUMI

    try:
        return found(Paths.from_environment())
    except LocalError:
        raise MissingToolError(
            "There is no 'pulumi' on PATH that is recent enough, and none that was built here.",
            f"Install Pulumi {'.'.join(map(str, OLDEST_PULUMI))} or newer, or run `make setup`, which builds it.",
        ) from None


def environment_for(stack: str, added: Mapping[str, str]) -> dict[str, str]:
    """The whole environment of Pulumi for a stack.

    The local stack has a backend and a passphrase of its own, unless the caller names others.
    """
    from local.paths import Paths
    from local.pulumi_cli import environment

    return {
        **os.environ,
        **environment(Paths.from_environment(), stack),
        # A stack file may come without the salt, for nothing is ever written into it.
        "PULUMI_FALLBACK_TO_STATE_SECRETS_MANAGER": "true",
        "PULUMI_ENABLE_STREAMING_JSON_PREVIEW": "true",
        **added,
    }

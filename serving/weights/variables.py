"""Tokens and keys that a hub's or a store's library reads from variables."""

import os
import re

from serving.exits import ExitCode
from serving.weights.errors import WeightsError

_SENT = re.compile(r"[!-~]+")


def check_secrets(remote: str, *names: str) -> None:
    """Refuse what no header can carry: the error of a library would say it, and with it the secret, in the pod's log.

    Args:
        remote: what people call the model.
        names: the variables.

    Raises:
        WeightsError: when one of them is there, and none that can be sent.
    """
    for name in names:
        value = os.environ.get(name)
        if value and not _SENT.fullmatch(value):
            raise WeightsError(
                ExitCode.TOKEN,
                f"{remote}: {name} (not shown) has a line's end, a space or a character beyond ASCII, and no header "
                "can carry it: write it into its Secret anew, with `printf %s` in place of `echo`",
            )

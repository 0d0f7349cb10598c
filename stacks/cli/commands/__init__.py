"""What can be asked for, in the order of the help. These files parse, and call what does it."""

from collections.abc import Callable
from typing import Any

from stacks.cli.commands.chat import chat
from stacks.cli.commands.cluster import logs, models, status
from stacks.cli.commands.lifecycle import destroy, preview, refresh, up
from stacks.cli.commands.planning import artifacts, fit

COMMANDS: tuple[Callable[..., Any], ...] = (up, preview, refresh, destroy, status, models, chat, logs, fit, artifacts)

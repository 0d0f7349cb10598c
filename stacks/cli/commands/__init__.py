"""What can be asked for, in the order of the help. These files parse, and call what does it."""

from collections.abc import Callable
from typing import Any

from stacks.cli.commands.chat import chat
from stacks.cli.commands.cluster import logs, models, status
from stacks.cli.commands.planning import artifacts, fit

COMMANDS: tuple[Callable[..., Any], ...] = (status, models, chat, logs, fit, artifacts)

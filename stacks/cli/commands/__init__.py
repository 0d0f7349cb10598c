"""What can be asked for, in the order of the help. These files parse, and call what does it."""

from collections.abc import Callable, Mapping
from typing import Any

from stacks.cli.commands.chat import chat
from stacks.cli.commands.cluster import logs, models, open_page, status
from stacks.cli.commands.lifecycle import destroy, preview, promote, recover, refresh, rollback, up
from stacks.cli.commands.planning import artifacts, fit
from stacks.cli.commands.proof import drill, verify
from stacks.cli.commands.setting_up import doctor, init
from stacks.cli.commands.shell import completion

COMMANDS: Mapping[str, Callable[..., Any]] = {
    "init": init,
    "doctor": doctor,
    "preview": preview,
    "up": up,
    "refresh": refresh,
    "destroy": destroy,
    "promote": promote,
    "rollback": rollback,
    "recover": recover,
    "status": status,
    "models": models,
    "chat": chat,
    "logs": logs,
    "verify": verify,
    "drill": drill,
    "open": open_page,
    "fit": fit,
    "artifacts": artifacts,
    "completion": completion,
}

"""How often the kernel ended a process of this container for want of memory."""

from pathlib import Path

_EVENTS = (Path("/sys/fs/cgroup/memory.events"), Path("/sys/fs/cgroup/memory/memory.oom_control"))
"""Of cgroup v2 and v1. Both have lines ``oom_kill <number>``."""


def oom_kills(files: tuple[Path, ...] = _EVENTS) -> int | None:
    """Processes that were ended so far. None where the kernel does not say."""
    for file in files:
        try:
            lines = file.read_text().splitlines()
        except OSError:
            continue
        for line in lines:
            name, _, number = line.partition(" ")
            if name == "oom_kill":
                return int(number)
    return None

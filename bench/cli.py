"""How long the command `modelyard` takes to start, beside its peers, and how long a preview takes: ``make bench-cli``.

Every command is run several times, one after the other, and the smallest time counts: what is more is other programs'.
"""

import argparse
import os
import resource
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from bench import entry
from bench.arguments import at_least_one
from local.paths import CHECKOUT, Paths
from stacks.automation import toolchain

MODELYARD = str(CHECKOUT / ".venv" / "bin" / "modelyard")
STARTS = {
    "modelyard --help": [MODELYARD, "--help"],
    "modelyard up --help": [MODELYARD, "up", "--help"],
    "modelyard models": [MODELYARD, "models"],
}
"""What is started of ours."""
PEERS = {
    "pulumi version": ["pulumi", "version"],
    "kubectl version --client": ["kubectl", "version", "--client"],
    "helm version": ["helm", "version"],
}
"""What is started of others, where it is on PATH or was built here."""


@dataclass(frozen=True)
class Taken:
    """What a command took."""

    seconds: float
    """By the clock."""
    cpu_seconds: float
    """Of processors, its children's included."""


def measure(command: list[str], runs: int, environment: dict[str, str] | None = None) -> Taken:
    """The least that a command took in several runs, after one that does not count."""
    taken = [_once(command, environment) for _ in range(runs + 1)][1:]
    return Taken(min(each.seconds for each in taken), min(each.cpu_seconds for each in taken))


def _once(command: list[str], environment: dict[str, str] | None) -> Taken:
    before, begin = _cpu(), time.monotonic()
    given = {**os.environ, **(environment or {})}
    # Where Python may not keep what it has compiled, it would compile all of the program in every run.
    given.pop("PYTHONDONTWRITEBYTECODE", None)
    subprocess.run(command, cwd=CHECKOUT, env=given, stdout=subprocess.DEVNULL, check=True)
    return Taken(time.monotonic() - begin, _cpu() - before)


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Measure, and print the table and the figures."""
    parser = argparse.ArgumentParser(prog="make bench-cli", description="Measure the start of the command.")
    parser.add_argument(
        "--runs", type=at_least_one, default=10, help="runs of each start; half as many of each preview"
    )
    runs = parser.parse_args().runs
    paths = Paths.from_environment()
    rows = {name: measure(command, runs) for name, command in STARTS.items()}
    for name, (program, *arguments) in PEERS.items():
        found = shutil.which(program) or shutil.which(program, path=paths.bin)
        if found:
            rows[name] = measure([found, *arguments], runs)
    few = max(1, runs // 2)
    rows["modelyard preview"] = measure([MODELYARD, "preview", "--stack=local"], few)
    preview = [str(toolchain.program()), "preview", "--stack=local", "--non-interactive"]
    rows["pulumi preview"] = measure(preview, few, toolchain.environment_for("local", {}))
    for name, taken in rows.items():
        print(f"{name:26} {taken.seconds:6.2f} s  {taken.cpu_seconds:6.2f} s of CPU")
    print(
        f"figure: start={rows['modelyard --help'].seconds:.2f} preview={rows['modelyard preview'].seconds:.2f} "
        f"load={Path('/proc/loadavg').read_text().split()[0]}"
    )


if __name__ == "__main__":
    entry.run(main)

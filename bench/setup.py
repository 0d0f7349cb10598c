"""Measures `make demo`: a first one with nothing built or cached, a second one, and the memory of the running whole.

The first one clones this checkout's HEAD into a folder of its own and gives every cache there; it takes as long as a
new user waits, but for Debian's packages where they are installed already. The second one deletes the cluster's state
before, and keeps what was built.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil

from bench import entry
from local.kubectl import get
from local.node import find_node
from local.paths import CHECKOUT, Paths


def main() -> None:
    """Run the measurements that were asked for and print them as a table and a last line of figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--first", action="store_true", help="also measure a first demo, with nothing cached")
    arguments = parser.parse_args()
    figures: dict[str, float] = {}
    if arguments.first:
        figures |= _prefixed("first", _first())
    _make(CHECKOUT, "local-reset", {})
    figures |= _prefixed("second", _demo(CHECKOUT, {}))
    paths = Paths.from_environment()
    figures["vllm_start"] = vllm_start_seconds(get(paths, "pod", "gemma-2-2b-0") or {})
    figures["second_above_vllm_start"] = figures["second_total"] - figures["vllm_start"]
    figures["memory_gib"] = memory_gib(paths)
    print(f"machine: {os.cpu_count()} cores, {psutil.virtual_memory().total / 2**30:.0f} GiB, {platform.release()}")
    for name, value in figures.items():
        print(f"{name:28} {value:10.1f}")
    print("figure:", " ".join(f"{name}={value:.1f}" for name, value in figures.items()))


def vllm_start_seconds(pod: Mapping[str, Any]) -> float:
    """Seconds from the start of a pod's container until the pod was ready."""
    status = pod["status"]
    started = status["containerStatuses"][0]["state"]["running"]["startedAt"]
    ready = next(entry["lastTransitionTime"] for entry in status["conditions"] if entry["type"] == "Ready")
    return (datetime.fromisoformat(ready) - datetime.fromisoformat(started)).total_seconds()


def memory_gib(paths: Paths) -> float:
    """Memory of every process in the node, in GiB; what several share is counted once."""
    node = find_node(paths)
    if node is None:
        sys.exit("the embedded cluster does not run")
    return sum(process.memory_full_info().pss for process in node.processes()) / 2**30


def _first() -> dict[str, float]:
    with tempfile.TemporaryDirectory(prefix="first-demo-", dir=Paths.from_environment().home.parent) as folder:
        place = Path(folder)
        checkout = place / "checkout"
        subprocess.run(["git", "clone", "--quiet", str(CHECKOUT), str(checkout)], check=True)
        environment = {
            "MODELYARD_HOME": str(place / "home"),
            "GOCACHE": str(place / "go-build"),
            "GOMODCACHE": str(place / "go-mod"),
            "UV_CACHE_DIR": str(place / "uv-cache"),
        }
        _make(CHECKOUT, "local-down", {})
        try:
            return _demo(checkout, environment)
        finally:
            _make(checkout, "local-down", environment)


def _demo(checkout: Path, environment: Mapping[str, str]) -> dict[str, float]:
    begin = time.monotonic()
    printed = _make(checkout, "demo", environment, "ARGS=--json")
    total = time.monotonic() - begin
    report = next(json.loads(line) for line in printed.splitlines() if line.startswith('{"seconds"'))
    phases = {name.replace(" ", "_"): seconds for name, seconds in report["seconds"].items()}
    return {**phases, "total": total}


def _make(checkout: Path, target: str, environment: Mapping[str, str], *arguments: str) -> str:
    done = subprocess.run(
        ["make", target, *arguments],
        cwd=checkout,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"`make {target}` failed:\n{done.stdout[-2000:]}")
    return done.stdout


def _prefixed(prefix: str, figures: Mapping[str, float]) -> dict[str, float]:
    return {f"{prefix}_{name}": value for name, value in figures.items()}


if __name__ == "__main__":
    entry.run(main)

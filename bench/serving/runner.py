"""Runs a plan, and writes a line for everything that it finds out at once."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from math import ceil
from pathlib import Path
from statistics import median
from typing import Any

from bench.serving.clients import ClientError, Clients, without_ours
from bench.serving.plan import Plan, Step
from bench.serving.servers import Arm, Server, start
from bench.serving.tokenizer import TRAINED
from bench.serving.workloads import CLIENTS, Cell

START_SECONDS = 400
"""The longest that a server may take to start."""
FIRST_PORT = 18100
LOG = "clients.host"
"""What the first of the benchmark's processes complains of, in the folder."""
TOKENIZER = Path(__file__).with_name("tokenizer.py")


class Runner:
    """Runs the steps of a plan, for as many seconds as there are."""

    def __init__(self, plan: Plan, python: str, folder: Path, results: Path, seconds: float) -> None:
        """Make the models' folders and start the benchmark's processes.

        Args:
            plan: the steps.
            python: the Python that has vLLM.
            folder: for models, caches and logs.
            results: the file that lines are added to.
            seconds: how long it may take.
        """
        self._plan, self._python, self._folder, self._results = plan, python, folder, results
        self._begun = time.monotonic()
        self._until = self._begun + seconds
        self._servers: dict[str, Server] = {}
        self._took: dict[tuple[str, str, str], float] = {}
        self._port = FIRST_PORT
        folder.mkdir(parents=True, exist_ok=True)
        self._tokenizers()
        most = max((CLIENTS[cell.concurrency] for step in plan.steps for cell in step.cells), default=0)
        self._clients = Clients(python, most, without_ours(), folder / "clients.log")

    def run(self) -> None:
        """Run all steps, and end what still runs."""
        try:
            # So that no server's start is the first to read vLLM's files.
            self._clients.wait()
            self._write({"did": "clients"})
            for step in self._plan.steps:
                {"start": self._start, "measure": self._measure, "stop": self._stop}[step.do](step)
        finally:
            for server in self._servers.values():
                server.stop()
            self._clients.end()

    def _tokenizers(self) -> None:
        words = [str(self._base), str(TRAINED)]
        for name, config in self._plan.shapes.items():
            words += [str(self._tokenizer(name)), str(config["vocab_size"])]
            self._model(name).mkdir(parents=True, exist_ok=True)
            (self._model(name) / "config.json").write_text(json.dumps(config))
        subprocess.run([self._python, str(TOKENIZER), *words], check=True, env=without_ours())
        self._write({"did": "tokenizers"})

    @property
    def _base(self) -> Path:
        return self._tokenizer("trained")

    def _tokenizer(self, shape: str) -> Path:
        return self._folder / "tokenizers" / shape

    def _model(self, shape: str) -> Path:
        return self._folder / "models" / shape

    def _start(self, step: Step) -> None:
        started = [self._started(step.shape, arm) for arm in step.arms]
        until = min(time.monotonic() + START_SECONDS, self._until)
        waits = [threading.Thread(target=server.wait, args=(until,)) for server in started]
        for wait in waits:
            wait.start()
        self._prepare(step)
        for wait in waits:
            wait.join()
        for server in started:
            times = {name: round(seconds, 2) for name, seconds in server.times.items()}
            self._write(
                {"did": "start", "label": step.label, "shape": step.shape, "arm": server.arm.name, "times": times}
            )
            if "answered" not in server.times:
                server.stop()
                del self._servers[server.arm.name]

    def _started(self, shape: str, arm: Arm) -> Server:
        # Never the same twice: what listened there may still be ending.
        self._port += 1
        self._servers[arm.name] = start(
            arm, self._python, self._model(shape), self._tokenizer(shape), self._port, self._folder
        )
        return self._servers[arm.name]

    def _prepare(self, step: Step) -> None:
        """Have the prompts made that come until the next start, while servers start that nothing is measured of."""
        steps = self._plan.steps[self._plan.steps.index(step) + 1 :]
        for following in steps if step.label.endswith("prepare") else ():
            if following.do == "start":
                return
            for number in following.repetitions:
                self._clients.prepare([list(cell.jobs("", self._base, number)) for cell in following.cells])

    def _measure(self, step: Step) -> None:
        for number in step.repetitions:
            for cell in step.cells:
                arms = [arm for arm in step.arms if arm.name in self._servers]
                for arm in arms if number % 2 else arms[::-1]:
                    self._cell(step, arm, cell, number)

    def _cell(self, step: Step, arm: Arm, cell: Cell, number: int) -> None:
        key = (step.shape, arm.name, cell.name)
        begun = time.monotonic()
        if begun + self._took.get(key, 0) > self._until:
            return
        line = {"did": "cell", "label": step.label, "shape": step.shape, "arm": arm.name, "cell": cell.name}
        try:
            found = self._clients.run(list(cell.jobs(self._servers[arm.name].base_url, self._base, number)))
        except ClientError as error:
            self._write({**line, "error": str(error)})
            return
        self._took[key] = time.monotonic() - begun
        self._write({**line, "repetition": number, "took": round(self._took[key], 2), **figures(found)})

    def _stop(self, step: Step) -> None:
        stops = [self._servers.pop(arm.name) for arm in step.arms if arm.name in self._servers]
        threads = [threading.Thread(target=server.stop) for server in stops]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _write(self, line: dict[str, Any]) -> None:
        text = json.dumps({"at": round(time.monotonic() - self._begun, 1), **line})
        with self._results.open("a") as file:
            file.write(text + "\n")
        sys.stdout.write(text[:400] + "\n")
        sys.stdout.flush()


def figures(clients: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The figures of a cell of what its clients found: tokens a second, and seconds."""
    rows = [row for each in clients for row in each["requests"]]
    failed = sum(each["failed"] for each in clients)
    if not rows:
        return {"failed": failed, "error": next((each["error"] for each in clients if each["error"]), "")}
    seconds = max(row[1] for row in rows) - min(row[0] for row in rows)
    tokens = sum(row[4] for row in rows)
    first, between = sorted(row[2] for row in rows), sorted(row[3] for row in rows)
    return {
        "requests": len(rows),
        "failed": failed,
        "seconds": round(seconds, 4),
        "input_tokens": sum(each["input_tokens"] for each in clients),
        "tokens": tokens,
        "throughput": round(tokens / seconds, 2),
        "ttft": round(median(first), 6),
        "ttft_p99": round(first[ceil(0.99 * (len(first) - 1))], 6),
        "tpot": round(median(between), 7),
        "tpot_p99": round(between[ceil(0.99 * (len(between) - 1))], 7),
        "itl_p99": round(median(each["itl_p99"] for each in clients), 6),
    }

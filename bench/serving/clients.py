"""The benchmark's processes, as the one sees them that asks them."""

import json
import os
import socket
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

PROGRAM = Path(__file__).with_name("client.py")
"""What they run."""


class ClientError(Exception):
    """A client could not do what it was asked. Its text says why."""


class Clients:
    """Several processes of ``vllm bench serve``, which are asked all at once."""

    def __init__(self, python: str, number: int, environment: Mapping[str, str], log: Path) -> None:
        """Start them.

        Args:
            python: the Python that has vLLM.
            number: how many they are.
            environment: their environment.
            log: what they print.
        """
        pairs = [socket.socketpair() for _ in range(number)]
        theirs = [pair[1] for pair in pairs]
        self._process = subprocess.Popen(
            [python, "-W", "ignore", str(PROGRAM), str(log), *(str(each.fileno()) for each in theirs)],
            env={**environment, "TOKENIZERS_PARALLELISM": "false"},
            pass_fds=[each.fileno() for each in theirs],
            stdout=subprocess.DEVNULL,
            stderr=log.with_suffix(".host").open("w"),
        )
        for each in theirs:
            each.close()
        self._open = ExitStack()
        self._clients = [
            _Client(*(self._open.enter_context(here.makefile(mode)) for mode in ("r", "w"))) for here, _ in pairs
        ]

    def wait(self) -> None:
        """Wait until they have loaded vLLM."""
        for client in self._clients:
            client.heard()

    def prepare(self, jobs: Sequence[Sequence[Sequence[str]]]) -> None:
        """Have the prompts of several cells made, each by the clients that will send them."""
        for cell in jobs:
            for client, arguments in zip(self._clients, cell, strict=False):
                client.say({"prepare": arguments})
        for cell in jobs:
            for client, _ in zip(self._clients, cell, strict=False):
                client.heard()

    def run(self, jobs: Sequence[Sequence[str]]) -> list[dict[str, Any]]:
        """One cell: what each of its clients found.

        Raises:
            ClientError: where one failed.
        """
        clients = self._clients[: len(jobs)]
        for client, arguments in zip(clients, jobs, strict=True):
            client.say({"run": arguments})
        first = [client.heard() for client in clients]
        # Those that are ready wait for their word, also where others failed.
        waiting = [client for client, answer in zip(clients, first, strict=True) if "ready" in answer]
        for client in waiting:
            client.say({})
        found = [client.heard() for client in waiting]
        for answer in (*first, *found):
            if "requests" not in answer and "error" in answer:
                raise ClientError(str(answer["error"]))
        return found

    def end(self) -> None:
        """End them."""
        self._open.close()
        self._process.terminate()
        self._process.wait()


@dataclass(frozen=True)
class _Client:
    answers: IO[str]
    asked: IO[str]

    def say(self, message: Mapping[str, Any]) -> None:
        self.asked.write(json.dumps(message) + "\n")
        self.asked.flush()

    def heard(self) -> dict[str, Any]:
        line = self.answers.readline()
        if not line:
            raise ClientError("the client ended")
        answer: dict[str, Any] = json.loads(line)
        return answer


def without_ours(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """An environment without the variables that the entrypoint would read."""
    return {name: value for name, value in environment.items() if not name.startswith("MODELYARD_")}

"""What the servers are asked: the workloads, as arguments of ``vllm bench serve``."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

CLIENTS = {1: 1, 8: 1, 32: 2, 128: 4, 512: 8}
"""Processes of the benchmark by requests at a time. One process reads some 15,000 pieces of streams a second, and would
be what is measured."""


@dataclass(frozen=True)
class Workload:
    """Prompts and answers of fixed lengths, in tokens."""

    name: str
    """What it is called in tables."""
    prompt: int
    """Tokens of a prompt, but for the beginning that it shares."""
    answer: int
    """Tokens of an answer."""
    shared: int = 0
    """Tokens that all prompts of a client begin with."""

    def arguments(self) -> list[str]:
        """Those of ``vllm bench serve`` that say what it asks."""
        if not self.shared:
            lengths = ["--random-input-len", str(self.prompt), "--random-output-len", str(self.answer)]
            return ["--dataset-name", "random", *lengths]
        return [
            *("--dataset-name", "prefix_repetition", "--prefix-repetition-num-prefixes", "1"),
            *("--prefix-repetition-prefix-len", str(self.shared), "--prefix-repetition-suffix-len", str(self.prompt)),
            *("--prefix-repetition-output-len", str(self.answer), "--ignore-eos"),
        ]


WORKLOADS = {
    workload.name: workload
    for workload in (
        Workload("chat", 512, 128),
        Workload("long", 8192, 256),
        # For models of 8,192 tokens.
        Workload("long-7k", 7680, 256),
        Workload("shared", 256, 128, shared=2048),
        # For machines without a GPU.
        Workload("tiny", 32, 8),
    )
}


@dataclass(frozen=True)
class Cell:
    """A workload with so many requests at a time."""

    workload: str
    """The workload's name."""
    concurrency: int
    """Requests at a time, of all clients together."""
    requests: int
    """Requests in all."""

    @property
    def name(self) -> str:
        """What it is called in tables."""
        return f"{self.workload} {self.concurrency}"

    def jobs(self, base_url: str, tokenizer: Path, seed: int) -> Iterator[list[str]]:
        """The arguments of ``vllm bench serve``, for each of the clients that share the cell."""
        clients = CLIENTS[self.concurrency]
        for client in range(clients):
            yield [
                *("--backend", "openai", "--endpoint", "/v1/completions", "--base-url", base_url),
                *("--model", "m", "--tokenizer", str(tokenizer)),
                *WORKLOADS[self.workload].arguments(),
                *("--num-prompts", str(self.requests // clients)),
                *("--max-concurrency", str(self.concurrency // clients)),
                *("--seed", str(1000 * seed + client), "--ready-check-timeout-sec", "0", "--disable-tqdm"),
            ]

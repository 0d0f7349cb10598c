"""Processes of vLLM's own ``vllm bench serve`` that are loaded once and then asked for one cell after the other.

It runs in the Python that has vLLM: ``python client.py LOG SOCKET...``, with one socket for each process.
A line that comes in is ``{"prepare": arguments}`` or ``{"run": arguments}``. To the second it answers ``ready`` once
prompts are made, waits for a further line, so that all processes begin at once, and then answers with its figures.
"""

import asyncio
import json
import os
import socket
import sys
from typing import Any

SHARE = 0.99
"""Of the pauses in a stream, those that are shorter than the one that is reported."""


def main() -> None:
    """Load vLLM, and go on as one process for each socket."""
    from vllm.benchmarks import serve

    log, *numbers = sys.argv[1:]
    for number in numbers:
        if os.fork() == 0:
            output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            os.dup2(output, 1)
            os.dup2(output, 2)
            _Client(serve, int(number)).run()
            os._exit(0)
    for number in numbers:
        os.close(int(number))
    while True:
        try:
            os.wait()
        except ChildProcessError:
            return


class _Client:
    def __init__(self, serve: Any, number: int) -> None:
        from vllm.utils.argparse_utils import FlexibleArgumentParser

        self._serve = serve
        there = socket.socket(fileno=number)
        # One file for both would forget, at each write, what it has read ahead.
        self._asked, self._answers = there.makefile("r"), there.makefile("w")
        self._parser = FlexibleArgumentParser()
        serve.add_cli_args(self._parser)
        self._samples: dict[tuple[str, ...], Any] = {}
        self._make, self._benchmark = serve.get_samples, serve.benchmark
        serve.get_samples, serve.benchmark = self._kept, self._together
        self._figures: dict[str, Any] = {}

    def run(self) -> None:
        self._say({"loaded": True})
        for line in self._asked:
            try:
                self._say(self._answer(json.loads(line)))
            except Exception as error:
                self._say({"error": f"{type(error).__name__}: {error}"[:500]})

    def _answer(self, asked: dict[str, list[str]]) -> dict[str, Any]:
        words = asked.get("run") or asked["prepare"]
        # Prompts are the same whichever server is asked.
        place = words.index("--base-url")
        self._key = (*words[:place], *words[place + 2 :])
        arguments = self._parser.parse_args(words)
        if "prepare" in asked:
            from vllm.tokenizers import get_tokenizer

            arguments.ignore_eos = True
            self._kept(arguments, get_tokenizer(arguments.tokenizer))
            return {"prepared": True}
        asyncio.run(self._serve.main_async(arguments))
        return self._figures

    def _kept(self, arguments: Any, tokenizer: Any) -> Any:
        if self._key not in self._samples:
            self._samples[self._key] = self._make(arguments, tokenizer)
        return self._samples[self._key]

    async def _together(self, **arguments: Any) -> Any:
        self._say({"ready": True})
        self._asked.readline()
        result = await self._benchmark(**arguments)
        # Now, for it throws away what is of single requests.
        self._figures = _figures(result)
        return result

    def _say(self, answer: dict[str, Any]) -> None:
        self._answers.write(json.dumps(answer) + "\n")
        self._answers.flush()


def _figures(result: dict[str, Any]) -> dict[str, Any]:
    """Every request's beginning and end on the machine's clock, and its times, in seconds."""
    rows = zip(
        result["start_times"], result["ttfts"], result["itls"], result["output_lens"], result["errors"], strict=True
    )
    gaps = sorted(gap for each in result["itls"] for gap in each)
    return {
        "requests": [
            [begun, begun + first + sum(between), first, sum(between) / max(1, tokens - 1), tokens]
            for begun, first, between, tokens, error in rows
            if not error
        ],
        "failed": result["failed"],
        "error": next((error for error in result["errors"] if error), "")[:300],
        "input_tokens": result["total_input_tokens"],
        "itl_p99": gaps[int(SHARE * (len(gaps) - 1))] if gaps else 0.0,
    }


if __name__ == "__main__":
    main()

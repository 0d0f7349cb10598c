"""How far vLLM is with its start, by what it and Modelyard's entrypoint write.

The lines are those of vLLM 0.32: ``v1/worker/gpu_model_runner.py``, ``cpu_model_runner.py`` (the model is loaded,
graphs are captured), ``model_executor/model_loader/weight_utils.py`` (files of weights), ``v1/engine/core.py`` (the
engine is made), ``entrypoints/launchers`` (the server listens); and those of ``serving/``, which begin with
``modelyard:``.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

EngineStage = Literal["starting", "downloading", "loading", "compiling", "warming"]
"""What an engine that is not ready does. ``warming``: it is made, and its server or its first requests are awaited."""


@dataclass(frozen=True)
class EngineProgress:
    """How far an engine is with its start."""

    stage: EngineStage
    """What it does."""
    detail: str = ""
    """How much of it is done, or what of it."""


_ANSI = re.compile(r"\x1b\[[0-9;]*m")

_LINES: tuple[tuple[str, EngineStage, str], ...] = (
    (r"modelyard: starting:", "starting", "vLLM starts"),
    (r"Initializing a V1 LLM engine", "starting", "the engine is made"),
    (
        r"modelyard: weights: (?P<here>[\d.]+) of (?P<all>[\d.]+) GiB, (?P<rest>.+)",
        "downloading",
        "{here} of {all} GiB, {rest}",
    ),
    (r"modelyard: weights: another pod fetches", "downloading", "another pod fetches them to the same volume"),
    (r"(?:Fetching|Downloading)\b.*?(?P<percent>\d+)%\|", "downloading", "{percent} %"),
    (r"Starting to load model", "loading", ""),
    (
        r"Loading [\w ]*checkpoint shards:\s+(?P<percent>\d+)% Completed \| (?P<done>\d+)/(?P<all>\d+)",
        "loading",
        "{percent} %, {done} of {all} files",
    ),
    (r"Loading drafter model", "loading", "the draft model"),
    (r"Loading weights took", "loading", "read"),
    (r"Model loading took (?P<gib>[\d.]+) GiB", "compiling", "{gib} GiB of weights are loaded"),
    (
        r"for vLLM's torch\.compile|Dynamo bytecode transform|Compiling a graph|torch\.compile (?:took|and)",
        "compiling",
        "torch.compile",
    ),
    (r"Warming up model for the compilation", "compiling", ""),
    (r"Available KV cache memory: (?P<gib>[\d.]+) GiB", "compiling", "{gib} GiB are left for the KV cache"),
    (r"Capturing CUDA graphs.*?(?P<percent>\d+)%\|", "compiling", "CUDA graphs, {percent} %"),
    (r"Graph capturing finished", "warming", "the engine is warmed up"),
    (r"init engine \(profile, create kv cache, warmup model\) took", "warming", "the server starts"),
    (r"Starting vLLM (?:API )?server", "warming", "the server starts"),
    (r"Application startup complete", "warming", "first requests"),
    (r"modelyard: warm:", "warming", "first requests are answered"),
    (r"modelyard: ready after", "warming", "answered, and about to be ready"),
)
"""Patterns of lines, what an engine does that writes one, and how far it is, with the groups of the pattern."""

_PATTERNS = tuple((re.compile(pattern), stage, detail) for pattern, stage, detail in _LINES)


def engine_progress(lines: Iterable[str]) -> EngineProgress:
    """How far the engine is that has written these lines: what the last one that says so says."""
    found = EngineProgress("starting")
    for line in lines:
        # A progress bar writes its states behind each other, on one line.
        for part in _ANSI.sub("", line).split("\r"):
            found = _said(part) or found
    return found


def _said(line: str) -> EngineProgress | None:
    for pattern, stage, detail in _PATTERNS:
        if match := pattern.search(line):
            return EngineProgress(stage, detail.format(**match.groupdict()))
    return None

"""Why vLLM died, by what it wrote and how it ended, and what to change."""

import re
import signal
from collections.abc import Iterator
from dataclasses import dataclass

from serving.exits import ExitCode, Reason


@dataclass(frozen=True)
class Death:
    """How a server ended that nobody had told to."""

    status: int | None
    """Its exit code, less than 0 for a signal. None where its engine died, and it had to be ended."""
    end: str
    """The end of what it wrote."""
    was_ready: bool
    """Whether it had answered a request before."""
    killed_for_memory: bool | None
    """Whether the kernel ended a process of the container for want of memory. None: it does not say."""


@dataclass(frozen=True)
class _Cause:
    code: ExitCode
    pattern: re.Pattern[str]
    sentence: str
    """With ``{line}`` for the line that matched, shortened, and ``{1}`` for a group of the pattern."""
    only_at_start: bool = False
    """Whether a server that had answered would write such a line for other reasons."""


def _cause(code: ExitCode, pattern: str, sentence: str, *, only_at_start: bool = False) -> _Cause:
    return _Cause(code, re.compile(pattern, re.MULTILINE), sentence, only_at_start)


_HOST_MEMORY = (
    "The container used up its memory, and the kernel ended a process of vLLM: raise the model's memory, of which "
    "sharedMemory is a part."
)

# From the particular to the general: a worker without GPU memory also ends with a CUDA error.
_CAUSES = (
    _cause(
        ExitCode.GPU_MEMORY,
        r"To serve at least one request with the model's max seq len \((\d+)\)",
        "A context of {1} tokens does not fit into the GPU memory that the weights leave ({line}): lower "
        "engine.maxModelLen, raise engine.gpuMemoryUtilization, or give the model more gpus.",
    ),
    _cause(
        ExitCode.GPU_MEMORY,
        r"No available memory for the cache blocks",
        "The weights leave no GPU memory for a KV cache: raise engine.gpuMemoryUtilization, quantize the weights "
        "(engine.quantization), or give the model more gpus.",
    ),
    _cause(
        ExitCode.GPU_MEMORY_TAKEN,
        r"Free memory on device .*? is less than",
        "Another process has a part of the GPU's memory ({line}): end it, or lower engine.gpuMemoryUtilization.",
    ),
    _cause(
        ExitCode.GPU_MEMORY,
        r"OutOfMemoryError|(?:CUDA|HIP) out of memory|CUDA error: out of memory|CUDA_ERROR_OUT_OF_MEMORY"
        r"|CUBLAS_STATUS_ALLOC_FAILED",
        "The GPU ran out of memory ({line}): lower engine.maxNumSeqs, engine.maxNumBatchedTokens or "
        "engine.gpuMemoryUtilization, which leaves more beside the KV cache, or give the model more gpus.",
    ),
    _cause(
        ExitCode.SHARED_MEMORY,
        r"Insufficient space in /dev/shm|unable to (?:open|allocate|mmap|resize).*shared memory"
        r"|No space left on device.*(?:/dev/shm|torch_|psm_|nccl-)|(?:/dev/shm|nccl-).*No space left on device",
        "The shared memory is full ({line}): raise the model's sharedMemory.",
    ),
    _cause(
        ExitCode.DISK,
        r"No space left on device|\[Errno 28\]|Not enough free disk space",
        "The disk is full ({line}): give the weights more room, or remove others from it.",
    ),
    _cause(
        ExitCode.TOKEN,
        r"GatedRepoError|[Aa]ccess to model .* is restricted|gated repo|401 Client Error",
        "Hugging Face does not give these weights to whoever asks ({line}): accept the model's terms, and put a token "
        "of that account into the Secret that HF_TOKEN comes from.",
    ),
    _cause(
        ExitCode.WEIGHTS,
        r"is not a local folder and is not a valid model identifier|RepositoryNotFoundError|RevisionNotFoundError"
        r"|Invalid repository ID or local directory|Cannot find any model weights|SafetensorError"
        r"|[Ee]rror while deserializing header|LocalEntryNotFoundError|does not appear to have a file named"
        r"|couldn't connect to 'https://huggingface\.co'|HFValidationError",
        "The weights are not where source says, or are not whole ({line}): correct source and revision, or fetch them "
        "again.",
    ),
    _cause(
        ExitCode.DRIVER,
        r"driver version is insufficient|NVIDIA driver on your system is too old|no CUDA-capable device"
        r"|Found no NVIDIA driver|no kernel image is available|forward compatibility was attempted"
        r"|Failed to infer device type|system not yet initialized|libcuda\.so\.1: cannot open",
        "The GPU's driver and this image do not go together ({line}): take an image for the driver's CUDA, or a node "
        "with a newer driver.",
    ),
    _cause(
        ExitCode.CUDA,
        r"CUDA error: .+|CUDA_ERROR_\w+|NCCL error|nccl(?:System|UnhandledCuda|Internal|Remote)Error|CUBLAS_STATUS_\w+"
        r"|cuDNN error|HIP error: .+|device-side assert",
        "The GPU failed ({line}): look for Xid in the node's kernel log. If it comes again on this node only, take the "
        "node out; if on all, it is the model with these engine settings: try engine.enforceEager.",
    ),
    _cause(
        ExitCode.PORT,
        r"[Aa]ddress already in use",
        "The port is taken ({line}): nothing else may listen on it in this pod.",
    ),
    _cause(
        ExitCode.MODEL_CONFIG,
        r"Model architectures .* (?:are not supported|failed to be inspected)|does not recognize this architecture",
        "This vLLM does not know the model ({line}): take an image with a newer one (serving.image).",
    ),
    _cause(
        ExitCode.ARGUMENTS,
        r"^.*error: (?:unrecognized arguments|argument |ambiguous option|the following arguments).*"
        r"|validation errors? for \w+(?:\n.*?){1,3}?\[type=|^(?:ValueError|KeyError|NotImplementedError|TypeError): .*",
        "vLLM does not take its settings ({line}): correct engine or extraArgs.",
        only_at_start=True,
    ),
)

_SIGNALS = {
    signal.SIGBUS: (ExitCode.SHARED_MEMORY, "vLLM could not use its shared memory (SIGBUS): raise sharedMemory."),
    signal.SIGILL: (
        ExitCode.CRASHED,
        "The CPU does not know an instruction of this vLLM (SIGILL): take an image that is built for this CPU.",
    ),
}

_LINE_START = re.compile(
    r"^(?:\x1b\[[\d;]*m)*(?:\(\w+(?: \w+)* pid=\d+\) ?)?(?:\x1b\[[\d;]*m)*"
    r"(?:(?:DEBUG|INFO|WARNING|ERROR|CRITICAL) \d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)? \[[^\]]*\] ?)?"
)
_LAST_ERROR = re.compile(r"^[\w.]*(?:Error|Exception|Interrupt)\b.*", re.MULTILINE)
# What a process writes because another one died.
_CONSEQUENCE = re.compile(r"Engine core initialization failed|EngineDeadError|KeyboardInterrupt|CancelledError")
_KILLED_WORKER = re.compile(r"exit code: -9\b|Signal 9\b|SIGKILL")
_LINE_LENGTH = 300


def explained(death: Death) -> Reason:
    """The reason of a death."""
    if death.killed_for_memory:
        return Reason(ExitCode.HOST_MEMORY, _HOST_MEMORY)
    written = "\n".join(_plain_lines(death.end))
    for cause in _CAUSES:
        found = None if cause.only_at_start and death.was_ready else cause.pattern.search(written)
        if found:
            return Reason(cause.code, _filled(cause.sentence, found, written))
    if death.status is not None and death.status < 0 and -death.status in _SIGNALS:
        return Reason(*_SIGNALS[signal.Signals(-death.status)])
    if death.killed_for_memory is None and (death.status == -signal.SIGKILL or _KILLED_WORKER.search(written)):
        return Reason(ExitCode.HOST_MEMORY, _HOST_MEMORY)
    return Reason(ExitCode.CRASHED, f"{_how(death.status)}{_last_error(written)}: the container's log says more.")


def _plain_lines(end: str) -> Iterator[str]:
    """Lines without what vLLM writes before each: its process, the time, the place in its code."""
    for line in re.split(r"[\r\n]+", end):
        yield _LINE_START.sub("", line)


def _filled(sentence: str, found: re.Match[str], written: str) -> str:
    begin = written.rfind("\n", 0, found.start()) + 1
    end = written.find("\n", found.end())
    line = " ".join(written[begin : end if end >= 0 else None].split())
    # By hand: the line may hold braces.
    for number, group in enumerate(found.groups(), start=1):
        sentence = sentence.replace(f"{{{number}}}", group)
    return sentence.replace("{line}", _short(line))


def _how(status: int | None) -> str:
    if status is None:
        return "vLLM's engine died"
    if status >= 0:
        return f"vLLM ended by itself with exit code {status}"
    try:
        name = signal.Signals(-status).name
    except ValueError:
        name = f"signal {-status}"
    return f"vLLM was ended from outside or crashed ({name})"


def _last_error(written: str) -> str:
    errors = [line for line in _LAST_ERROR.findall(written) if not _CONSEQUENCE.search(line)]
    return f" ({_short(errors[-1])})" if errors else ""


def _short(line: str) -> str:
    return line if len(line) <= _LINE_LENGTH else f"{line[:_LINE_LENGTH]}..."

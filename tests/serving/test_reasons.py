"""What a dead vLLM wrote, as vLLM 0.32 and torch write it, and the sentence that it becomes."""

import signal

import pytest

from serving.exits import ExitCode
from serving.reasons import Death, explained


def death(end: str = "", status: int | None = 1, *, ready: bool = False, killed: bool | None = False) -> Death:
    return Death(status=status, end=end, was_ready=ready, killed_for_memory=killed)


ENGINE = "(EngineCore pid=99) ERROR 11-23 03:00:00 [core.py:1510] "
LATER = (
    "(APIServer pid=1) RuntimeError: Engine core initialization failed. See root cause above. Failed core proc(s): {}"
)


@pytest.mark.parametrize(
    ("line", "code", "sentence"),
    [
        (
            "ValueError: To serve at least one request with the model's max seq len (32768), (3.5 GiB KV cache is "
            "needed, which is larger than the available KV cache memory (1.25 GiB).",
            ExitCode.GPU_MEMORY,
            "A context of 32768 tokens does not fit into the GPU memory that the weights leave (ValueError: To serve "
            "at least one request with the model's max seq len (32768), (3.5 GiB KV cache is needed, which is larger "
            "than the available KV cache memory (1.25 GiB).): lower engine.maxModelLen, raise "
            "engine.gpuMemoryUtilization, or give the model more gpus.",
        ),
        (
            "ValueError: No available memory for the cache blocks. Try increasing `gpu_memory_utilization`",
            ExitCode.GPU_MEMORY,
            "The weights leave no GPU memory for a KV cache: raise engine.gpuMemoryUtilization, quantize the weights "
            "(engine.quantization), or give the model more gpus.",
        ),
        (
            "ValueError: Free memory on device cuda:0 (9.1/23.7 GiB) on startup is less than desired GPU memory",
            ExitCode.GPU_MEMORY_TAKEN,
            "Another process has a part of the GPU's memory (ValueError: Free memory on device cuda:0 (9.1/23.7 GiB) "
            "on startup is less than desired GPU memory): end it, or lower engine.gpuMemoryUtilization.",
        ),
        (
            "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has",
            ExitCode.GPU_MEMORY,
            "The GPU ran out of memory (torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 "
            "has): lower engine.maxNumSeqs, engine.maxNumBatchedTokens or engine.gpuMemoryUtilization, which leaves "
            "more beside the KV cache, or give the model more gpus.",
        ),
        (
            "RuntimeError: Insufficient space in /dev/shm for shm_broadcast: 160 MiB required, 64 MiB free.",
            ExitCode.SHARED_MEMORY,
            "The shared memory is full (RuntimeError: Insufficient space in /dev/shm for shm_broadcast: 160 MiB "
            "required, 64 MiB free.): raise the model's sharedMemory.",
        ),
        (
            "OSError: [Errno 28] No space left on device: '/cache/hub/x'",
            ExitCode.DISK,
            "The disk is full (OSError: [Errno 28] No space left on device: '/cache/hub/x'): give the weights more "
            "room, or remove others from it.",
        ),
        (
            "huggingface_hub.errors.GatedRepoError: 401 Client Error.",
            ExitCode.TOKEN,
            "Hugging Face does not give these weights to whoever asks (huggingface_hub.errors.GatedRepoError: 401 "
            "Client Error.): accept the model's terms, and put a token of that account into the Secret that HF_TOKEN "
            "comes from.",
        ),
        (
            "OSError: org/modle is not a local folder and is not a valid model identifier listed on 'https://x'",
            ExitCode.WEIGHTS,
            "The weights are not where source says, or are not whole (OSError: org/modle is not a local folder and is "
            "not a valid model identifier listed on 'https://x'): correct source and revision, or fetch them again.",
        ),
        (
            "RuntimeError: CUDA driver version is insufficient for CUDA runtime version",
            ExitCode.DRIVER,
            "The GPU's driver and this image do not go together (RuntimeError: CUDA driver version is insufficient "
            "for CUDA runtime version): take an image for the driver's CUDA, or a node with a newer driver.",
        ),
        (
            "torch.AcceleratorError: CUDA error: an illegal memory access was encountered",
            ExitCode.CUDA,
            "The GPU failed (torch.AcceleratorError: CUDA error: an illegal memory access was encountered): look for "
            "Xid in the node's kernel log. If it comes again on this node only, take the node out; if on all, it is "
            "the model with these engine settings: try engine.enforceEager.",
        ),
        (
            "OSError: [Errno 98] Address already in use",
            ExitCode.PORT,
            "The port is taken (OSError: [Errno 98] Address already in use): nothing else may listen on it in this "
            "pod.",
        ),
        (
            "ValueError: Model architectures ['NewForCausalLM'] are not supported for now.",
            ExitCode.MODEL_CONFIG,
            "This vLLM does not know the model (ValueError: Model architectures ['NewForCausalLM'] are not supported "
            "for now.): take an image with a newer one (serving.image).",
        ),
        (
            "vllm serve: error: argument --max-model-len: invalid parse value: 'many'",
            ExitCode.ARGUMENTS,
            "vLLM does not take its settings (vllm serve: error: argument --max-model-len: invalid parse value: "
            "'many'): correct engine or extraArgs.",
        ),
        (
            "pydantic_core._pydantic_core.ValidationError: 1 validation error for ModelConfig\n  Value error, User-"
            "specified max_model_len (9) is greater than the derived one [type=value_error]",
            ExitCode.ARGUMENTS,
            "vLLM does not take its settings (pydantic_core._pydantic_core.ValidationError: 1 validation error for "
            "ModelConfig Value error, User-specified max_model_len (9) is greater than the derived one "
            "[type=value_error]): correct engine or extraArgs.",
        ),
    ],
)
def test_the_cause_is_named_with_what_to_change(line: str, code: ExitCode, sentence: str) -> None:
    written = "\n".join(["INFO begun", *(ENGINE + part for part in line.split("\n")), LATER])
    reason = explained(death(written))
    assert (reason.code, reason.sentence) == (code, sentence)


def test_the_kernels_count_says_more_than_the_log() -> None:
    reason = explained(death("RuntimeError: CUDA error: unknown", killed=True))
    assert reason.code == ExitCode.HOST_MEMORY
    assert reason.sentence == (
        "The container used up its memory, and the kernel ended a process of vLLM: raise the model's memory, of which "
        "sharedMemory is a part."
    )


@pytest.mark.parametrize(
    ("found", "code"),
    [
        (death(status=-signal.SIGKILL, killed=None), ExitCode.HOST_MEMORY),
        (death("Worker proc VllmWorker-1 died unexpectedly (exit code: -9)", killed=None), ExitCode.HOST_MEMORY),
        (death(status=-signal.SIGKILL, killed=False), ExitCode.CRASHED),
        (death(status=-signal.SIGBUS), ExitCode.SHARED_MEMORY),
        (death(status=-signal.SIGILL), ExitCode.CRASHED),
    ],
)
def test_signals_tell_what_the_log_does_not(found: Death, code: ExitCode) -> None:
    assert explained(found).code == code


@pytest.mark.parametrize(
    ("found", "sentence"),
    [
        (death(status=3), "vLLM ended by itself with exit code 3: the container's log says more."),
        (death(status=None), "vLLM's engine died: the container's log says more."),
        (
            death(f"{ENGINE}AssertionError: no such block\n{LATER}", None),
            "vLLM's engine died (AssertionError: no such block): the container's log says more.",
        ),
        (
            death(status=-signal.SIGSEGV),
            "vLLM was ended from outside or crashed (SIGSEGV): the container's log says more.",
        ),
        (
            death("ValueError: of a request", ready=True),
            "vLLM ended by itself with exit code 1 (ValueError: of a request): the container's log says more.",
        ),
    ],
)
def test_what_is_not_known_is_told_as_it_is(found: Death, sentence: str) -> None:
    assert explained(found).sentence == sentence


def test_a_long_line_is_shortened() -> None:
    reason = explained(death("CUDA error: " + "x" * 10_000))
    assert len(reason.sentence) < 1000
    assert "xxx...)" in reason.sentence

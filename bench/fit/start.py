"""Starts vLLM with random weights for one shape after the other, and writes what it says of its memory.

It runs where vLLM and a GPU are, and needs nothing of this repository: ``python start.py cases.json results.jsonl``.
A case has ``name``, ``config`` (a whole ``config.json``) and ``arguments`` of ``vllm.LLM``. Each is a process of its
own, which ends as soon as the engine has decided on its KV cache.
"""

import contextlib
import json
import os
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

LIMIT_SECONDS = 240
"""The longest that a case may take."""
GIB = 1024**3


def main() -> None:
    """Run every case of the file, for as many seconds as there are."""
    cases, results = Path(sys.argv[1]), Path(sys.argv[2])
    until = time.monotonic() + float(sys.argv[3]) if len(sys.argv) > 3 else float("inf")
    import vllm

    for case in json.loads(cases.read_text()):
        if time.monotonic() > until:
            print("no time for", case["name"], flush=True)
            continue
        began = time.monotonic()
        found = {"name": case["name"], "vllm": vllm.__version__, **_process(case)}
        found["seconds"] = round(time.monotonic() - began, 1)
        with results.open("a") as file:
            file.write(json.dumps(found) + "\n")
        print(json.dumps(found)[:600], flush=True)


def _process(case: dict[str, Any]) -> dict[str, Any]:
    """One case in a child that has vLLM imported already."""
    with tempfile.TemporaryDirectory() as folder:
        answer, log = Path(folder) / "answer.json", Path(folder) / "log"
        child = os.fork()
        if child == 0:
            os.setsid()
            with log.open("w") as file:
                os.dup2(file.fileno(), 1)
                os.dup2(file.fileno(), 2)
            try:
                _start(case, Path(folder), answer)
            except BaseException as error:
                if not answer.exists():
                    answer.write_text(json.dumps({"error": f"{type(error).__name__}: {error}"[:600]}))
            os._exit(0)
        until = time.monotonic() + LIMIT_SECONDS
        while time.monotonic() < until and os.waitpid(child, os.WNOHANG) == (0, 0):
            time.sleep(0.2)
        with contextlib.suppress(ProcessLookupError):
            # The compiler's processes are of the child's group, and outlive it.
            os.killpg(child, signal.SIGKILL)
        found: dict[str, Any] = json.loads(answer.read_text()) if answer.exists() else {"error": "no answer in time"}
        if "error" in found:
            found["log"] = log.read_text(errors="replace")[-3000:]
        return found


def _start(case: dict[str, Any], folder: Path, answer: Path) -> None:
    from vllm import LLM
    from vllm.v1.core import kv_cache_utils
    from vllm.v1.engine import core
    from vllm.v1.worker import gpu_worker

    (folder / "config.json").write_text(json.dumps(case["config"]))
    seen: dict[str, Any] = {}
    profile, decide = gpu_worker.Worker.determine_available_memory, core.get_kv_cache_configs

    def profiled(self: Any) -> int:
        available: int = profile(self)
        import torch

        runner = self.model_runner
        seen.update(
            gpu=torch.cuda.get_device_name(),
            total_gib=self.init_snapshot.total_memory / GIB,
            requested_gib=self.requested_memory / GIB,
            weights_gib=runner.model_memory_usage / GIB,
            parameters=sum(p.numel() for p in runner.model.parameters()),
            tensors_gib=sum(t.nbytes for t in [*runner.model.parameters(), *runner.model.buffers()]) / GIB,
            activations_gib=self.peak_activation_memory / GIB,
            other_gib=getattr(self, "non_torch_memory", 0) / GIB,
            graphs_gib=self.cudagraph_memory_estimate / GIB,
            kv_cache_gib=available / GIB,
            runner=type(runner).__module__,
        )
        return available

    def decided(config: Any, *arguments: Any, **named: Any) -> Any:
        scheduler = config.scheduler_config
        seen.update(
            max_model_len=config.model_config.max_model_len,
            max_num_batched_tokens=scheduler.max_num_batched_tokens,
            max_num_seqs=scheduler.max_num_seqs,
            in_flight_tokens=config.max_in_flight_tokens,
            graph_sizes=len(config.compilation_config.cudagraph_capture_sizes or []),
            largest_graph=max(config.compilation_config.cudagraph_capture_sizes or [0]),
        )
        try:
            found = decide(config, *arguments, **named)
        except ValueError as error:
            answer.write_text(json.dumps({**seen, "error": str(error)[:400]}))
            raise
        tokens, concurrency = kv_cache_utils.get_kv_cache_capacity(config, found[0])
        seen.update(
            blocks=found[0].num_blocks,
            groups=len(found[0].kv_cache_groups),
            block_size=config.cache_config.block_size,
            page_bytes=found[0].kv_cache_groups[0].kv_cache_spec.page_size_bytes,
            kv_cache_tokens=tokens,
            concurrency=concurrency,
        )
        answer.write_text(json.dumps(seen))
        os._exit(0)

    gpu_worker.Worker.determine_available_memory = profiled
    core.get_kv_cache_configs = decided
    LLM(model=str(folder), load_format="dummy", skip_tokenizer_init=True, **case["arguments"])


if __name__ == "__main__":
    os.environ.update(
        HF_HUB_OFFLINE="1", VLLM_NO_USAGE_STATS="1", VLLM_ENABLE_V1_MULTIPROCESSING="0", VLLM_LOGGING_LEVEL="INFO"
    )
    main()

"""What a pod does, by what Kubernetes and its log say."""

from typing import Any

import pytest

from stacks.cli.platform.engine_log import EngineProgress, engine_progress
from stacks.cli.platform.pods import is_starting, pod_state
from tests.cli.conftest import condition, container, event, pod

WAITING = [condition("PodScheduled", True), condition("Ready", False)]


def doing(
    made: dict[str, Any], events: list[dict[str, Any]] | None = None, log: list[str] | None = None
) -> tuple[str, str]:
    state = pod_state(made, events or [], log or [])
    return state.stage, state.detail


def starting(**status: Any) -> dict[str, Any]:
    return pod("qwen-0", conditions=WAITING, **status)


def test_a_pod_that_is_ready() -> None:
    assert doing(pod("qwen-0")) == ("ready", "")


def test_a_pod_that_goes() -> None:
    made = pod("qwen-0")
    made["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert doing(made) == ("stopping", "")


@pytest.mark.parametrize(
    "conditions", [[condition("PodScheduled", False, "0/3 nodes are available:\n 3 Insufficient nvidia.com/gpu.")], []]
)
def test_a_pod_without_a_node_says_what_the_scheduler_says(conditions: list[dict[str, Any]]) -> None:
    made = pod("qwen-0", phase="Pending", conditions=conditions, containerStatuses=[])
    said = "0/3 nodes are available: 3 Insufficient nvidia.com/gpu." if conditions else ""
    assert doing(made) == ("scheduling", said)


def test_an_image_that_is_pulled() -> None:
    made = starting(containerStatuses=[container({"waiting": {"reason": "ContainerCreating"}})])
    events = [event("qwen-0", "Scheduled"), event("qwen-0", "Pulling", 'Pulling image "docker.io/vllm/vllm-openai:v1"')]
    assert doing(made, events) == ("pulling", "docker.io/vllm/vllm-openai:v1")
    assert doing(made, [*events, event("qwen-0", "Pulled")]) == ("starting", "")


def test_a_volume_that_cannot_be_mounted() -> None:
    made = starting(containerStatuses=[container({"waiting": {"reason": "ContainerCreating"}})])
    assert doing(made, [event("qwen-0", "FailedMount", "secret not found")]) == ("preparing", "secret not found")


def test_what_runs_before_the_model() -> None:
    made = starting(
        initContainerStatuses=[container({"running": {}}, name="cache-owner", started=False)],
        containerStatuses=[container({"waiting": {"reason": "PodInitializing"}})],
    )
    assert doing(made) == ("preparing", "container cache-owner")


@pytest.mark.parametrize("place", ["initContainerStatuses", "containerStatuses"])
def test_an_image_that_is_not_there(place: str) -> None:
    failed = container({"waiting": {"reason": "ImagePullBackOff", "message": 'Back-off pulling "nowhere"'}})
    made = starting(**{"containerStatuses": [], place: [failed]})
    assert doing(made) == ("failing", 'ImagePullBackOff: Back-off pulling "nowhere"')


def test_a_container_that_ends_again_and_again_says_why() -> None:
    ended = {"terminated": {"exitCode": 21, "reason": "Error", "message": "The GPU ran out of memory: lower it.\n"}}
    waiting = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 40s restarting failed container"}}
    made = starting(containerStatuses=[container(waiting, restarts=3, lastState=ended)])
    state = pod_state(made)
    assert (state.stage, state.detail, state.restarts) == (
        "failing",
        "ended before with code 21: The GPU ran out of memory: lower it.",
        3,
    )


def test_a_pod_that_was_evicted() -> None:
    made = pod("qwen-0", phase="Failed", reason="Evicted", message="The node was low on resource: memory.")
    assert doing(made) == ("ended", "The node was low on resource: memory.")


def test_an_engine_that_starts_says_how_far_it_is() -> None:
    made = starting(containerStatuses=[container({"running": {}})])
    assert is_starting(made)
    assert doing(made, log=["Starting to load model Qwen/Qwen3-8B..."]) == ("loading", "")


def test_an_engine_that_starts_again_says_why_it_ended() -> None:
    ended = {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}
    made = starting(containerStatuses=[container({"running": {}}, restarts=1, lastState=ended)])
    assert doing(made) == ("starting", "ended before with code 137: OOMKilled")


def test_only_an_engine_that_starts_has_its_log_read() -> None:
    assert not is_starting(pod("qwen-0"))
    assert not is_starting(starting(containerStatuses=[container({"waiting": {"reason": "ContainerCreating"}})]))


START = [
    "modelyard: gpus: ok: 1 of NVIDIA-L4",
    "modelyard: weights: ok: 5 files, 15.26 GiB",
    "modelyard: starting: python3 -m vllm.entrypoints.cli.main serve Qwen/Qwen3-8B",
    "(APIServer pid=8) WARNING 11-23 06:58:11 [vllm.py:1703] Enforce eager set, disabling torch.compile, CUDAGraphs",
    "(EngineCore pid=22) INFO 11-23 06:58:12 [core.py:134] Initializing a V1 LLM engine (v0.32.0) with config: model=",
    "(EngineCore pid=22) INFO 11-23 06:58:13 [gpu_model_runner.py:5040] Starting to load model Qwen/Qwen3-8B...",
    "Loading safetensors checkpoint shards:   0% Completed | 0/5 [00:00<?, ?it/s]\r"
    "Loading safetensors checkpoint shards:  40% Completed | 2/5 [00:02<00:03,  1.01s/it]",
    "(EngineCore pid=22) INFO 11-23 06:58:20 [default_loader.py:1] Loading weights took 6.91 seconds",
    "(EngineCore pid=22) INFO [gpu_model_runner.py:5150] Model loading took 15.27 GiB memory and 7.1 seconds",
    "(EngineCore pid=22) INFO 11-23 06:58:21 [backends.py:1] Dynamo bytecode transform time: 3.93 s",
    "(EngineCore pid=22) INFO 11-23 06:58:31 [gpu_worker.py:760] Available KV cache memory: 3.5 GiB",
    "\x1b[36m(EngineCore pid=22)\x1b[0m Capturing CUDA graphs (mixed, PIECEWISE):  52%|#####2    | 27/51",
    "(EngineCore pid=22) INFO [core.py:396] init engine (profile, create kv cache, warmup model) took 19 s",
    "(APIServer pid=8) INFO 11-23 06:58:41 [entry.py:140] Starting vLLM server on http://0.0.0.0:8080",
    "(APIServer pid=8) INFO:     Application startup complete.",
    "modelyard: warm: 2 requests in 0.4 s",
]
"""What vLLM and the entrypoint write during a start, shortened."""


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        (0, EngineProgress("starting")),
        (4, EngineProgress("starting", "vLLM starts")),
        (5, EngineProgress("starting", "the engine is made")),
        (6, EngineProgress("loading")),
        (7, EngineProgress("loading", "40 %, 2 of 5 files")),
        (8, EngineProgress("loading", "read")),
        (9, EngineProgress("compiling", "15.27 GiB of weights are loaded")),
        (10, EngineProgress("compiling", "torch.compile")),
        (11, EngineProgress("compiling", "3.5 GiB are left for the KV cache")),
        (12, EngineProgress("compiling", "CUDA graphs, 52 %")),
        (13, EngineProgress("warming", "the server starts")),
        (15, EngineProgress("warming", "first requests")),
        (16, EngineProgress("warming", "first requests are answered")),
    ],
)
def test_how_far_a_start_is_by_the_log(lines: int, found: EngineProgress) -> None:
    assert engine_progress(START[:lines]) == found


def test_a_download_by_the_entrypoint() -> None:
    lines = ["modelyard: weights: 3.20 of 16.00 GiB, 512 MB/s, 27 s left"]
    assert engine_progress(lines) == EngineProgress("downloading", "3.20 of 16.00 GiB, 512 MB/s, 27 s left")


def test_a_download_by_its_progress_bar() -> None:
    assert engine_progress(["Fetching 12 files:  33%|###3      | 4/12 [00:10<00:20,  2.5s/it]"]) == EngineProgress(
        "downloading", "33 %"
    )

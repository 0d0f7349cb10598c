"""The phases of a start, from what the API told, and the arguments of the bare vLLM beside it."""

from typing import Any

import pytest

from bench.first_token import PHASES, Seen, bare_arguments, phases
from local.errors import LocalError


def pod(*conditions: str, running: bool = False) -> dict[str, Any]:
    return {
        "status": {
            "conditions": [
                *({"type": one, "status": "True"} for one in conditions),
                {"type": "Initialized", "status": "False"},
            ],
            "containerStatuses": [{"state": {"running": {}} if running else {"waiting": {}}}],
        }
    }


SEEN = [
    Seen(5, {"status": {}}),
    Seen(6, pod("PodScheduled")),
    Seen(8, pod("PodScheduled", running=True)),
    Seen(38, pod("PodScheduled", "Ready", running=True)),
    # It stays ready: the first time counts.
    Seen(60, pod("PodScheduled", "Ready", running=True)),
]


def test_each_phase_begins_where_the_last_one_ended() -> None:
    found = phases(1, SEEN, 40)
    assert found == {"pod made": 4, "scheduled": 1, "container started": 2, "ready": 30, "first token": 2}
    assert tuple(found) == PHASES


def test_a_token_before_the_api_tells_that_the_pod_is_ready() -> None:
    found = phases(1, SEEN, 37)
    assert (found["ready"], found["first token"]) == (29, 0)


def test_a_pod_that_was_never_ready() -> None:
    with pytest.raises(LocalError, match="was not seen ready"):
        phases(1, SEEN[:3], 40)


def test_bare_vllm_has_the_models_arguments_at_another_port() -> None:
    argv = ["python", "-m", "vllm", "serve", "weights", "--host", "0.0.0.0", "--port", "8080", "--dtype", "bfloat16"]
    assert bare_arguments([*argv, "--shutdown-timeout", "0", "--middleware", "serving.gate.Gate"], 7) == [
        *("python", "-m", "vllm", "serve", "weights"),
        *("--host", "127.0.0.1", "--port", "7", "--dtype", "bfloat16"),
    ]

"""How long a replica may take to start and to stop."""

from pathlib import Path
from typing import Any

import pytest

from stacks import startup
from stacks.fit import estimated_weights_gib
from stacks.settings import ModelSettings
from tests.unit.test_workload import model, pod

CHECKOUT = Path(__file__).parents[2]


def sized(gib: float | None, monkeypatch: pytest.MonkeyPatch, **changes: Any) -> int:
    monkeypatch.setattr(startup, "estimated_weights_gib", lambda _: gib)
    return startup.startup_seconds(model(**changes))


@pytest.mark.parametrize(
    ("gib", "seconds"), [(None, 1800), (0.25, 360), (2.9, 420), (15.3, 780), (61, 2220), (131.4, 4320), (641, 19920)]
)
def test_a_start_may_take_twice_what_its_weights_are_expected_to(
    gib: float | None, seconds: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert sized(gib, monkeypatch) == seconds


def test_what_the_settings_say_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    assert sized(100, monkeypatch, probes={"startupSeconds": 90}) == 90


@pytest.mark.parametrize("source", ["file:///m", "pvc://claim/m"])
def test_weights_that_are_there_are_not_waited_for(source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert sized(100, monkeypatch, source=source) == sized(100, monkeypatch) - 2040


def test_a_faster_network_and_disk_make_it_shorter(monkeypatch: pytest.MonkeyPatch) -> None:
    slow, fast = sized(100, monkeypatch), sized(100, monkeypatch, probes={"downloadMibPerSecond": 1000})
    assert fast < slow
    assert sized(100, monkeypatch, probes={"downloadMibPerSecond": 1000, "loadMibPerSecond": 5000}) < fast


def test_the_size_is_that_of_the_fit_check() -> None:
    known = model(source="hf://Qwen/Qwen2.5-1.5B-Instruct")
    gib = estimated_weights_gib(known)
    assert gib
    assert 2.8 < gib < 3
    assert startup.startup_seconds(known) == 420
    assert startup.startup_seconds(model(source="hf://nobody/knows-it")) == 1800


@pytest.mark.parametrize(
    ("name", "repository"),
    [
        ("Qwen2.5-1.5B", "Qwen/Qwen2.5-1.5B-Instruct"),
        ("Qwen3-32B", "Qwen/Qwen3-32B"),
        ("Llama-3.3-70B", "meta-llama/Llama-3.3-70B-Instruct"),
        ("DeepSeek-V3, FP8", "deepseek-ai/DeepSeek-V3"),
    ],
)
def test_the_limits_that_the_documentation_lists(name: str, repository: str, monkeypatch: pytest.MonkeyPatch) -> None:
    gib = estimated_weights_gib(model(source=f"hf://{repository}"))
    downloaded, on_a_volume = (sized(gib, monkeypatch, source=source) for source in (f"hf://{repository}", "pvc://a/b"))
    text = (CHECKOUT / "docs" / "models.md").read_text(encoding="utf-8")
    assert f"| {name} | {gib:.1f} | {downloaded} | {on_a_volume} |" in text


def test_what_a_start_may_take_is_what_the_probe_waits() -> None:
    probe = pod(probes={"startupSeconds": 601})["containers"][0]["startupProbe"]
    assert probe["periodSeconds"] * probe["failureThreshold"] == 602


@pytest.mark.parametrize(
    "changes", [{"gpus": 2, "engine": {"dataParallelSize": 2}}, {"extraArgs": ["--api-server-count", "2"]}]
)
@pytest.mark.parametrize("entrypoint", ["vllm", "modelyard"])
def test_several_api_servers_wait_as_long_for_the_engine(changes: dict[str, Any], entrypoint: str) -> None:
    patience = {"name": "VLLM_ENGINE_READY_TIMEOUT_S", "value": "1200"}
    probes = {"startupSeconds": 1200}
    assert patience in pod({"entrypoint": entrypoint}, probes=probes, **changes)["containers"][0]["env"]
    # One API server waits for ever.
    assert patience not in pod({"entrypoint": entrypoint}, probes=probes)["containers"][0]["env"]


def test_a_busy_server_is_not_restarted_for_answering_late() -> None:
    probe = pod()["containers"][0]["livenessProbe"]
    assert probe["timeoutSeconds"] == 10
    assert probe["periodSeconds"] * probe["failureThreshold"] == 60


def test_a_pod_is_killed_later_than_its_last_request_ends() -> None:
    drained = ModelSettings.model_validate({**model().model_dump(), "probes": {"drainSeconds": 500}})
    assert pod(probes={"drainSeconds": 500})["terminationGracePeriodSeconds"] > drained.probes.drain_seconds

import sys
from collections.abc import Iterator
from types import ModuleType, SimpleNamespace

import pytest

from serving.progress import Engine, Engines, Progress, vllm_engines


class Reported:
    def __init__(self) -> None:
        self.now: dict[str, Engine] = {}

    def read(self) -> Engines:
        return dict(self.now)

    def did(self, name: str, steps: int, *, busy: bool = True) -> None:
        self.now[name] = Engine((("vllm:generation_tokens_total", steps),), busy)


def watched(*names: str) -> tuple[Reported, Progress]:
    engines = Reported()
    for name in names:
        engines.did(name, 0)
    return engines, Progress(10, engines.read)


def test_an_engine_that_makes_no_step_with_requests_is_hung() -> None:
    engines, progress = watched("0")
    assert [progress.hung(now, 1) for now in (0, 5, 9.9, 10, 30)] == [False, False, False, True, True]
    engines.did("0", 1)
    assert not progress.hung(31, 1)


def test_an_idle_engine_is_not() -> None:
    _, progress = watched("0")
    assert not any(progress.hung(now, 0) for now in range(0, 1000, 100))


def test_the_time_counts_from_the_first_request_on() -> None:
    _, progress = watched("0")
    assert [progress.hung(now, 1) for now in (0, 9)] == [False, False]
    assert not progress.hung(20, 0)
    assert [progress.hung(now, 1) for now in (21, 30, 31)] == [False, False, True]


def test_every_step_begins_it_anew() -> None:
    engines, progress = watched("0")
    for now in range(0, 100, 9):
        engines.did("0", now)
        assert not progress.hung(now, 5)


def test_one_engine_of_several_counts_if_it_said_that_it_was_busy() -> None:
    engines, progress = watched("0", "1")
    engines.did("1", 0, busy=False)
    progress.hung(0, 1)
    engines.did("0", 1)
    assert not progress.hung(10, 1)
    engines.did("1", 1)
    progress.hung(11, 1)
    engines.did("0", 2)
    assert progress.hung(21, 1)


def test_an_engine_of_which_nothing_is_known_is_not_hung() -> None:
    _, progress = watched()
    assert not any(progress.hung(now, 1) for now in range(0, 1000, 100))


class Registry:
    """What several API servers have written together: it gives everything, and nothing by name."""

    def restricted_registry(self, _: object) -> "Registry":
        return Registry(named=True)

    def __init__(self, *, named: bool = False) -> None:
        self._named = named

    def collect(self) -> Iterator[SimpleNamespace]:
        for name in () if self._named else ("vllm:num_requests_running", "vllm:something_else"):
            yield SimpleNamespace(samples=[SimpleNamespace(name=name, value=3.0, labels={"engine": "0"})])


def test_several_api_servers_say_what_their_engine_does_together(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("vllm.v1.metrics.prometheus")
    vars(module)["get_prometheus_registry"] = Registry
    for name in ("vllm", "vllm.v1", "vllm.v1.metrics"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    monkeypatch.setitem(sys.modules, module.__name__, module)
    assert vllm_engines() == {"0": Engine((("vllm:num_requests_running", 3.0),), busy=True)}

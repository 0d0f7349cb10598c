"""Whether an engine that has requests makes steps, by what vLLM itself counts."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

_COUNTED = ("vllm:prompt_tokens_total", "vllm:generation_tokens_total", "vllm:prefix_cache_queries_total")
_STATES = ("vllm:num_requests_running", "vllm:num_requests_waiting", "vllm:kv_cache_usage_perc")
_READ = (*_COUNTED, *_STATES)
_BUSY = ("vllm:num_requests_running", "vllm:num_requests_waiting")


@dataclass(frozen=True)
class Engine:
    """What an engine had done when it last reported."""

    figures: tuple[tuple[str, float], ...]
    """Its counters and gauges. Every step with requests changes one of them: a piece of a long prompt fills cache."""
    busy: bool
    """Whether it said that it had requests."""


Engines = Mapping[str, Engine]
"""Engines by vLLM's label ``engine``."""


class Progress:
    """Notices an engine that has requests and makes no step."""

    def __init__(self, hung_seconds: float, read: Callable[[], Engines]) -> None:
        """Begin with nothing seen.

        Args:
            hung_seconds: how long an engine with requests may make no step.
            read: reads what the engines last reported.
        """
        self._hung_seconds = hung_seconds
        self._read = read
        self._seen: dict[str, tuple[tuple[tuple[str, float], ...], float]] = {}

    def hung(self, now: float, unfinished: int) -> bool:
        """Whether an engine is hung.

        Args:
            now: seconds on a clock that only goes forward.
            unfinished: requests that were given to the engines and are not answered.
        """
        if unfinished == 0:
            self._seen.clear()
            return False
        engines = self._read()
        for name, engine in engines.items():
            if name not in self._seen or self._seen[name][0] != engine.figures:
                self._seen[name] = engine.figures, now
        # Of several engines only those count that said they had requests: others may be idle.
        return any(
            now - self._seen[name][1] >= self._hung_seconds
            for name, engine in engines.items()
            if engine.busy or len(engines) == 1
        )


def vllm_engines() -> Engines:
    """What vLLM's engines last reported. Nothing with ``--disable-log-stats``, and then none is ever found hung."""
    # Here, for this module is also loaded where there is no vLLM.
    from vllm.v1.metrics.prometheus import get_prometheus_registry

    figures: dict[str, list[tuple[str, float]]] = {}
    busy: set[str] = set()
    registry = get_prometheus_registry()
    # Where there are several API servers, the registry reads what all of them have written, and names nothing of it.
    for metric in list(registry.restricted_registry(_READ).collect()) or registry.collect():
        for sample in metric.samples:
            if sample.name not in _READ:
                continue
            engine = sample.labels.get("engine", "")
            figures.setdefault(engine, []).append((sample.name, sample.value))
            if sample.name in _BUSY and sample.value > 0:
                busy.add(engine)
    return {name: Engine(tuple(sorted(found)), name in busy) for name, found in figures.items()}

"""The metrics of the stand-in, in the form of prometheus_client."""

import sys
from types import SimpleNamespace
from typing import Any


class Registry:
    def restricted_registry(self, names: tuple[str, ...]) -> "Registry":
        assert "vllm:generation_tokens_total" in names
        return self

    def collect(self) -> list[Any]:
        engine = sys.modules["__main__"].ENGINE
        sample = SimpleNamespace(name="vllm:generation_tokens_total", labels={"engine": "0"}, value=engine.steps)
        return [SimpleNamespace(samples=[sample])]


def get_prometheus_registry() -> Registry:
    return Registry()

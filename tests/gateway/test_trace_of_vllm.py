"""One trace from the client through a real Envoy to a real vLLM."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.gateway.conftest import Start
from tests.gateway.harness import eventually, stack
from tests.gateway.test_tracing import PARENT, SAMPLED, TRACE, Collector, attributes
from tests.serving.servers import Server
from tests.serving.test_real_vllm import START_SECONDS, serve

pytestmark = [pytest.mark.gateway, pytest.mark.vllm]

PROMPT = "The secret of the prompt"


@dataclass(frozen=True)
class Traced:
    """A vLLM, and the collector that it is told of."""

    vllm: Server
    collector: Collector

    @property
    def address(self) -> tuple[str, int]:
        """Where Envoy finds it."""
        return ("127.0.0.1", self.vllm.port)


@pytest.fixture
def traced(tmp_path: Path) -> Iterator[Traced]:
    with Collector() as collector:
        told = f'["--otlp-traces-endpoint=grpc://127.0.0.1:{collector.port}"]'
        server = serve(tmp_path, extra_args=told)
        try:
            yield Traced(server.await_ready(START_SECONDS), collector)
        finally:
            server.close()


@pytest.mark.timeout(600)
def test_vllm_goes_on_with_the_trace_of_the_gateway(traced: Traced, start: Start) -> None:
    collector = traced.collector
    settings = stack(["small"], tracing={"service": "127.0.0.1", "port": collector.port})
    gateway = start(settings, small=traced)

    body = {"model": "small", "prompt": PROMPT, "max_tokens": 3, "ignore_eos": True}
    answer = gateway.client.post("/v1/completions", json=body, headers=SAMPLED, timeout=httpx.Timeout(60))

    assert answer.status_code == 200

    def own() -> dict[str, Span]:
        """The spans of the request, by the spans that they are below."""
        return {span.parent_span_id.hex(): span for span in collector.spans if span.trace_id.hex() == TRACE}

    eventually(lambda: len(own()) == 3, "two spans of the gateway and one of vLLM are exported")
    spans = own()
    asked = spans[PARENT]
    tried = spans[asked.span_id.hex()]
    generated = spans[tried.span_id.hex()]
    assert generated.name == "llm_request"
    counted = {each.key: each.value.int_value for each in generated.attributes}
    usage = answer.json()["usage"]
    assert attributes(asked)["gen_ai.usage.output_tokens"] == str(usage["completion_tokens"])
    assert counted["gen_ai.usage.completion_tokens"] == usage["completion_tokens"]
    assert PROMPT not in str(collector.spans)
    eventually(lambda: [line["trace_id"] for line in gateway.log()] == [TRACE], "the log has the same trace")

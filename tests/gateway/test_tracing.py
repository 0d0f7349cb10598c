"""One trace from the client through the gateway to the model that answers."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.gateway.conftest import Pods, Start
from tests.gateway.fakes import Pod, status
from tests.gateway.harness import Gateway, eventually, question, stack

pytestmark = pytest.mark.gateway

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
SAMPLED = {"traceparent": f"00-{TRACE}-{PARENT}-01"}


class Collector(trace_service_pb2_grpc.TraceServiceServicer):
    """Keeps every span that it is sent."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self._server = grpc.server(ThreadPoolExecutor(2))
        trace_service_pb2_grpc.add_TraceServiceServicer_to_server(self, self._server)  # type: ignore[no-untyped-call]
        self.port = self._server.add_insecure_port("127.0.0.1:0")

    def Export(self, request: Any, _: Any) -> Any:  # noqa: N802 - the service's name for it
        for resource in request.resource_spans:
            for scope in resource.scope_spans:
                self.spans.extend(scope.spans)
        return trace_service_pb2.ExportTraceServiceResponse()

    def __enter__(self) -> "Collector":
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stop(None).wait()


def attributes(span: Span) -> dict[str, str]:
    return {each.key: each.value.string_value for each in span.attributes}


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as running:
        yield running


@pytest.fixture
def qwen(pods: Pods) -> Pod:
    return pods("qwen")


@pytest.fixture
def gemma(pods: Pods) -> Pod:
    return pods("gemma")


def begin(start: Start, collector: Collector, qwen: Pod, gemma: Pod, **tracing: Any) -> Gateway:
    settings = stack(
        ["qwen", "gemma"],
        [{"model": "qwen", "fallback": ["gemma"]}],
        tracing={"service": "127.0.0.1", "port": collector.port, **tracing},
    )
    return start(settings, qwen=qwen, gemma=gemma)


@pytest.mark.parametrize("headers", [SAMPLED, {}], ids=["of the client", "of the gateway"])
@pytest.mark.parametrize("stream", [False, True])
def test_one_trace_goes_through_a_fallback(
    start: Start, collector: Collector, qwen: Pod, gemma: Pod, headers: dict[str, str], stream: bool
) -> None:
    gateway = begin(start, collector, qwen, gemma)
    qwen.answer = status(503)

    assert gateway.post(question("qwen", stream=stream), headers=headers).status_code == 200
    eventually(lambda: len(collector.spans) == 3, "the request and two tries are exported")

    (trace,) = {span.trace_id.hex() for span in collector.spans}
    assert trace == (TRACE if headers else trace)
    (root,) = [span for span in collector.spans if span.kind == Span.SPAN_KIND_SERVER]
    assert root.parent_span_id.hex() == (PARENT if headers else "")
    tries = {span.span_id.hex() for span in collector.spans if span.parent_span_id == root.span_id}
    seen = [pod.received[-1].headers["traceparent"].split("-") for pod in (qwen, gemma)]
    assert [each[1] for each in seen] == [trace, trace]
    assert {each[2] for each in seen} == tries
    told = attributes(root)
    assert told["gen_ai.request.model"] == "qwen"
    assert told["modelyard.served_by"] == "gemma"
    assert (told["gen_ai.usage.input_tokens"], told["gen_ai.usage.output_tokens"]) == ("3", "3" if stream else "5")
    assert "Italy" not in str(collector.spans)
    eventually(lambda: len(gateway.log()) == 1, "the request is logged")
    assert gateway.log()[0]["trace_id"] == trace


@pytest.mark.parametrize("percent", [0, 100])
def test_what_is_not_sampled_is_not_exported(
    start: Start, collector: Collector, qwen: Pod, gemma: Pod, percent: int
) -> None:
    gateway = begin(start, collector, qwen, gemma, samplingPercent=percent)
    unsampled = {"traceparent": f"00-{TRACE}-{PARENT}-00"}

    gateway.post(question("qwen"), headers=unsampled)
    gateway.post(question("qwen"), headers=SAMPLED)
    expected = 2 if percent else 0
    eventually(lambda: len(collector.spans) >= expected, "what is sampled is exported")
    eventually(lambda: len(gateway.log()) == 2, "both are logged")

    assert len(collector.spans) == expected
    passed_on = [received.headers["traceparent"].split("-") for received in qwen.received]
    assert [each[1] for each in passed_on] == [TRACE, TRACE]
    assert [each[3] for each in passed_on] == ["00", "01" if percent else "00"]


MALFORMED = [
    "",
    "00",
    f"00-{'0' * 32}-{PARENT}-01",
    f"00-{TRACE}-{'0' * 16}-01",
    f"00-{TRACE.upper()}-{PARENT}-01",
    f"00-{TRACE}-{PARENT}-1",
    f"00-{TRACE}-{PARENT}-zz",
    f"00-{TRACE}-{PARENT}-01-more",
    f"00-{TRACE[1:]}-{PARENT}0-01",
    f"00-{TRACE}{PARENT}--01",
    f"00 {TRACE} {PARENT} 01",
    "x" * 5000,
]


def test_a_request_whose_traceparent_is_none_begins_a_trace(
    start: Start, collector: Collector, qwen: Pod, gemma: Pod
) -> None:
    gateway = begin(start, collector, qwen, gemma)

    for malformed in MALFORMED:
        gateway.post(question("qwen"), headers={"traceparent": malformed, "tracestate": "vendor=1"})

    eventually(lambda: len(collector.spans) == 2 * len(MALFORMED), "each request and its try are exported")
    traces = {span.trace_id.hex() for span in collector.spans}
    assert len(traces) == len(MALFORMED)
    assert TRACE not in traces
    assert {received.headers["traceparent"].split("-")[1] for received in qwen.received} == traces
    # It belongs to the trace that was not taken up.
    assert {received.headers["tracestate"] for received in qwen.received} == {""}
    eventually(lambda: {line["trace_id"] for line in gateway.log()} == traces, "the log has the same traces")


def test_a_collector_that_is_gone_costs_nothing(start: Start, collector: Collector, qwen: Pod, gemma: Pod) -> None:
    gateway = begin(start, collector, qwen, gemma)
    collector.__exit__()

    assert [gateway.chat("qwen").status_code for _ in range(20)] == [200] * 20


def test_without_a_collector_a_trace_is_passed_on(pods: Pods, start: Start, tmp_path: Path) -> None:
    qwen = pods("qwen")
    gateway = start(stack(["qwen"]), qwen=qwen)

    gateway.post(question("qwen"), headers=SAMPLED)

    assert qwen.received[-1].headers["traceparent"] == SAMPLED["traceparent"]
    assert "tracing" not in json.dumps(json.loads((tmp_path / "bootstrap.json").read_text()))

"""The reference experiment tells a good gateway from a bad one."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import openai
import pytest

from local import experiment as experiment_of
from local.experiment import Verdict, run
from stacks.drill import losing
from stacks.settings import load

STACK = load(
    {
        "serving": {"image": "registry.example/serving:1"},
        "pools": [{"name": "gpus"}],
        "models": [{"name": name, "source": "hf://organisation/weights", "pool": "gpus"} for name in ("a", "b")],
        "routes": [{"model": "a", "fallback": ["b"]}, {"model": "b"}],
    }
)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(losing, "BEFORE_SECONDS", 0.5)
    monkeypatch.setattr(losing, "AFTER_SECONDS", 0.5)
    monkeypatch.setattr(experiment_of, "PER_SECOND", 10.0)


class Gateway(BaseHTTPRequestHandler):
    """A gateway of two models, with faults that a test can switch on."""

    protocol_version = "HTTP/1.1"
    down: ClassVar[set[str]] = set()
    fallback: ClassVar[bool] = True
    answers_while_down: ClassVar[int] = 0

    def do_GET(self) -> None:
        self._send(200, {"object": "list", "data": [{"id": name, "object": "model"} for name in ("a", "b")]})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        model = body["model"]
        if model not in ("a", "b"):
            self._send(404, {"error": {"message": f"The model '{model}' does not exist."}})
            return
        server = type(self)
        if model in server.down:
            if not server.fallback:
                self._send(503, {"error": {"message": "no model of the chain answers"}})
                return
            server.answers_while_down += 1
            if server.answers_while_down == 5:
                server.down.clear()
            self._complete("b", body["stream"], {"x-modelyard-fallback-from": model})
        else:
            self._complete(model, body["stream"], {})

    def _complete(self, served: str, stream: bool, headers: dict[str, str]) -> None:
        headers = {"x-modelyard-served-by": served, **headers}
        choice = {"index": 0, "finish_reason": "stop"}
        content = {"role": "assistant", "content": "Paris."}
        if stream:
            event = {"object": "chat.completion.chunk", "choices": [{**choice, "delta": content}]}
            text = f"data: {json.dumps(event)}\n\ndata: [DONE]\n\n"
            self._send_text(200, text, {"content-type": "text/event-stream", **headers})
        else:
            self._send(200, {"object": "chat.completion", "choices": [{**choice, "message": content}]}, headers)

    def _send(self, code: int, body: object, headers: dict[str, str] | None = None) -> None:
        self._send_text(code, json.dumps(body), {"content-type": "application/json", **(headers or {})})

    def _send_text(self, code: int, text: str, headers: dict[str, str]) -> None:
        self.send_response(code)
        for name, value in {**headers, "content-length": str(len(text))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *arguments: object) -> None:
        """Keep the test's output clean."""


@pytest.fixture
def client() -> Iterator[openai.OpenAI]:
    Gateway.down, Gateway.fallback, Gateway.answers_while_down = set(), True, 0
    with ThreadingHTTPServer(("127.0.0.1", 0), Gateway) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        with openai.OpenAI(base_url=f"http://127.0.0.1:{server.server_port}/v1", api_key="k", max_retries=0) as made:
            yield made
        server.shutdown()
        thread.join()


def experiment(client: openai.OpenAI) -> tuple[bool, list[Verdict]]:
    verdicts: list[Verdict] = []

    def kill() -> list[str]:
        Gateway.down.add("a")
        return ["a-0"]

    passed = run(client, STACK, STACK.all_routes[0], kill=kill, observe=verdicts.append, recovery_seconds=10)
    return passed, verdicts


def test_a_gateway_that_keeps_its_promises_passes(client: openai.OpenAI) -> None:
    passed, verdicts = experiment(client)
    assert passed, verdicts
    assert [verdict.what for verdict in verdicts] == [
        "/v1/models lists both",
        "a answers, plain",
        "a answers, streamed",
        "b answers, plain",
        "b answers, streamed",
        "an unknown model gets 404",
        "a's pod deleted: every request is 200",
    ]
    assert " 5 by b" in verdicts[-1].seen


def test_a_gateway_without_fallback_fails_at_the_lost_pod(client: openai.OpenAI) -> None:
    Gateway.fallback = False
    passed, verdicts = experiment(client)
    assert not passed
    assert [verdict.passed for verdict in verdicts] == [True] * 6 + [False]
    assert "no model of the chain answers" in verdicts[-1].seen


def test_an_answer_by_the_wrong_model_fails(client: openai.OpenAI) -> None:
    Gateway.down.add("a")
    passed, verdicts = experiment(client)
    assert not passed
    assert not verdicts[1].passed

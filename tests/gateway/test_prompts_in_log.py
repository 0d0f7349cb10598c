"""What the log has of prompts where the stack asks for it."""

import json
from pathlib import Path

import pytest

from tests.gateway.conftest import Pods, Start
from tests.gateway.harness import eventually, question, stack

pytestmark = pytest.mark.gateway

KEY = {"x-api-key": "key-of-alice"}
AUTH = {"consumers": [{"name": "alice", "keys": ["key-of-alice"]}]}
JSON = {"content-type": "application/json"}


def test_the_log_has_what_the_client_sent(tmp_path: Path, pods: Pods, start: Start) -> None:
    qwen = pods("qwen")
    gateway = start(stack(["qwen"], auth=AUTH, accessLog={"promptBytes": 1000}), qwen=qwen)
    asked = [question("qwen"), question("qwen", stream=True), question("nobody")]
    for each in asked:
        gateway.post(each, headers=KEY)
    # Neither what is refused before it is read, nor what asks nothing.
    gateway.post(question("qwen"), headers={"x-api-key": "wrong"})
    gateway.client.get("/v1/models", headers=KEY)
    eventually(lambda: len(gateway.log()) == 5, "five lines are logged")

    prompts = [line["prompt"] for line in gateway.log()]
    assert [prompt and json.loads(prompt) for prompt in prompts] == [*asked, None, None]
    # The gateway asks the model for a count of tokens at a stream's end, which the client did not.
    assert b"include_usage" in qwen.received[1].body
    written = (tmp_path / "log").read_text()
    assert "from qwen" not in written
    assert "key-of-alice" not in written
    assert "Italy" not in gateway.metrics.get("/stats/prometheus").text


def test_it_has_as_much_as_the_stack_says_and_no_half_characters(pods: Pods, start: Start) -> None:
    gateway = start(stack(["qwen"], accessLog={"promptBytes": 40}), qwen=pods("qwen"))
    bodies = [f'{{"model":"qwen","messages":"{"a" * shift}{"ü€😀" * 20}"}}' for shift in range(9)]
    for body in bodies:
        gateway.client.post("/v1/chat/completions", content=body.encode(), headers=JSON)
    eventually(lambda: len(gateway.log()) == len(bodies), "all are logged")

    for body, line in zip(bodies, gateway.log(), strict=True):
        assert body.startswith(line["prompt"])
        assert 35 < len(line["prompt"].encode()) <= 40


def test_what_is_no_text_spoils_no_line(pods: Pods, start: Start) -> None:
    gateway = start(stack(["qwen"], accessLog={"promptBytes": 1000}), qwen=pods("qwen"))
    for body in (b'{"model":"nobody","user":"\xff\xc3"}', b'{"model":"nobody\n","a":"\x00"}', b"\x80", b""):
        gateway.client.post("/v1/chat/completions", content=body, headers=JSON)
    eventually(lambda: len(gateway.log()) == 4, "all are logged")

    prompts = [line["prompt"] for line in gateway.log()]
    assert prompts[0].startswith('{"model":"nobody","user":"')
    assert prompts[1].startswith('{"model":"nobody\n","a":"')

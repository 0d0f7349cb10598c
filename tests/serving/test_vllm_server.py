"""A real vLLM, on the CPU, does what engine settings promise: adapters by name, templates, guesses, a bounded queue."""

import json
import os
import signal
import socket
import struct
import subprocess
import time
from array import array
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from components.manifests.extra_weights import extra_weights
from components.manifests.workload_pod import NO_USAGE_STATS
from local.paths import Paths
from serving.argv import server_command
from serving.settings import of
from stacks.settings import ModelSettings
from tests.observability.series import asked_of, exposed, missing
from tests.observability.stacks import observed

pytestmark = pytest.mark.vllm

START_SECONDS = 300
QUEUE = 4
TEMPLATE = """{% for message in messages %}<|im_start|>{{ message['role'] }}
{{ prefix }}{{ message['content'] }}<|im_end|>
{% endfor %}<|im_start|>assistant
"""


def write_adapter(folder: Path, config: dict[str, Any]) -> None:
    """Writes an adapter that turns every answer of the model into another one."""
    rank, width = 8, config["hidden_size"]
    key_width = config["head_dim"] * config["num_key_value_heads"]
    header: dict[str, Any] = {}
    data = b""
    for layer in range(config["num_hidden_layers"]):
        for name, out in (("q_proj", width), ("v_proj", key_width)):
            place = f"base_model.model.model.layers.{layer}.self_attn.{name}"
            for end, shape in (("lora_A", (rank, width)), ("lora_B", (out, rank))):
                values = array("f", [0.3 if index % 3 else -0.4 for index in range(shape[0] * shape[1])]).tobytes()
                offsets = [len(data), len(data) + len(values)]
                header[f"{place}.{end}.weight"] = {"dtype": "F32", "shape": shape, "data_offsets": offsets}
                data += values
    written = json.dumps(header).encode()
    folder.joinpath("adapter_model.safetensors").write_bytes(struct.pack("<Q", len(written)) + written + data)
    adapter = {"peft_type": "LORA", "r": rank, "lora_alpha": 16, "target_modules": ["q_proj", "v_proj"]}
    folder.joinpath("adapter_config.json").write_text(json.dumps(adapter))


def command(weights: Path, adapter: Path, port: int) -> list[str]:
    """The command line of a model of a stack, whose weights are where this test has them."""
    model = ModelSettings.model_validate(
        {
            "name": "smol",
            "source": f"file://{weights}",
            "pool": "gpu",
            "engine": {
                "preset": "qwen2.5",
                "dtype": "bfloat16",
                "enforceEager": True,
                "maxModelLen": 512,
                "kvCacheMemoryBytes": 2**27,
                "maxNumQueuedReqs": QUEUE,
                "chatTemplate": TEMPLATE,
                "defaultChatTemplateKwargs": {"prefix": "Please: "},
                "speculativeConfig": {"method": "ngram", "numSpeculativeTokens": 2, "promptLookupMax": 3},
            },
            "lora": {"adapters": [{"name": "other", "source": "hf://o/other", "rank": 8}]},
        }
    )
    values = {
        **model.filled_engine.model_dump(exclude_defaults=True, exclude={"preset", "tuned", "speculative_config"}),
        **extra_weights(model).arguments,
        "lora_modules": [{"name": "other", "path": str(adapter)}],
        "model": str(weights),
        "served_names": model.names,
        "host": "127.0.0.1",
        "port": port,
        "drain_seconds": 0,
    }
    return server_command(of(values), str(Paths.from_environment().vllm / "bin" / "python"))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A client of the server, once it is healthy."""
    folder = tmp_path_factory.mktemp("server")
    weights = Paths.from_environment().models / "smollm2-135m-instruct"
    write_adapter(folder, json.loads((weights / "config.json").read_text()))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    log = folder / "log"
    with log.open("w") as output:
        process = subprocess.Popen(
            command(weights, folder, port),
            env={**os.environ, **NO_USAGE_STATS},
            stdout=output,
            stderr=output,
            cwd=folder,
        )
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=120) as client:
        try:
            wait_until_healthy(client, process, log)
            yield client
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)


def wait_until_healthy(client: httpx.Client, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        assert process.poll() is None, log.read_text()[-4000:]
        assert time.monotonic() < deadline, log.read_text()[-4000:]
        try:
            if client.get("/health").status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.5)


def chat(server: httpx.Client, model: str, **changes: Any) -> httpx.Response:
    body = {
        "model": model,
        "messages": [{"role": "user", "content": "Say: one two three four five"}],
        "max_tokens": 16,
        "temperature": 0,
        **changes,
    }
    return server.post("/v1/chat/completions", json=body)


def answer(response: httpx.Response) -> str:
    assert response.status_code == 200, response.text
    return str(response.json()["choices"][0]["message"]["content"])


def test_an_adapter_answers_to_its_name(server: httpx.Client) -> None:
    listed = {model["id"]: model["parent"] for model in server.get("/v1/models").json()["data"]}
    assert listed == {"smol": None, "other": "smol"}
    assert answer(chat(server, "other")) != answer(chat(server, "smol"))
    assert chat(server, "another").status_code == 404


def test_the_template_and_its_variables_are_the_settings(server: httpx.Client) -> None:
    def tokens(**changes: Any) -> int:
        return int(chat(server, "smol", max_tokens=1, **changes).json()["usage"]["prompt_tokens"])

    assert tokens() > tokens(chat_template_kwargs={"prefix": ""})


def test_tools_are_taken_with_the_presets_parser(server: httpx.Client) -> None:
    tool = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}}}
    assert chat(server, "smol", tools=[tool]).status_code == 200


def test_guesses_are_made(server: httpx.Client) -> None:
    answer(chat(server, "smol", messages=[{"role": "user", "content": "a b c d " * 20}], max_tokens=64))
    metrics = server.get("/metrics").text
    (drafts,) = (line for line in metrics.splitlines() if line.startswith("vllm:spec_decode_num_drafts_total{"))
    assert float(drafts.split()[-1]) > 0


def test_what_rules_and_dashboards_read_is_told(server: httpx.Client) -> None:
    answer(chat(server, "smol"))
    asked = asked_of(observed(), "vllm:")
    assert len(asked) > 10
    there = exposed(server.get("/metrics").text)
    assert sorted(missing(asked, there)) == []
    assert "finished_reason" in there["vllm:request_success_total"]


def test_more_requests_than_the_queue_takes_get_503(server: httpx.Client) -> None:
    with ThreadPoolExecutor(3 * QUEUE) as pool:
        asked = [pool.submit(chat, server, "smol", max_tokens=200, ignore_eos=True) for _ in range(3 * QUEUE)]
        statuses = Counter(one.result().status_code for one in asked)
    assert statuses.keys() == {200, 503}
    assert statuses[200] >= QUEUE

"""Who is taken for whom, and what a caller gets whose consumer may use some models only, on a real Envoy."""

import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.gateway.fakes import Loop, Pod
from tests.gateway.harness import Gateway, eventually, stack

pytestmark = pytest.mark.gateway

KEYS = {"alice": "key-of-alice", "bob": "key-of-bob"}
BOB = f"authorization: Bearer {KEYS['bob']}"
TO_QWEN = json.dumps({"model": "qwen", "messages": []}).encode()


@dataclass(frozen=True)
class Place:
    """A gateway whose consumer bob may use ``qwen``, and neither its adapter ``legal`` nor ``gemma``."""

    gateway: Gateway
    qwen: Pod
    gemma: Pod
    folder: Path

    def status(self, body: bytes, *headers: str, path: str = "/v1/chat/completions") -> int:
        """The status of the answer to a request that is sent as it is written."""
        head = [f"POST {path} HTTP/1.1", "host: a", "connection: close", *headers, f"content-length: {len(body)}"]
        with socket.create_connection(("127.0.0.1", self.gateway.site.port), timeout=20) as connection:
            connection.sendall("\r\n".join([*head, "", ""]).encode() + body)
            answer = connection.recv(65536)
        return int(answer.split(b" ", 2)[1])

    def written(self) -> str:
        """What Envoy has written on both streams."""
        return "".join((self.folder / name).read_text() for name in ("log", "errors"))

    def asked(self) -> list[str]:
        """The models that pods were asked for, by vLLM's reading of the bodies."""
        return [one.json["model"] for pod in (self.qwen, self.gemma) for one in pod.received]


@pytest.fixture(scope="module")
def running(loop: Loop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    qwen, gemma = Pod(loop, "qwen", "legal"), Pod(loop, "gemma")
    settings = stack(
        {"qwen": {"lora": {"adapters": [{"name": "legal", "source": "hf://o/legal"}]}}, "gemma": {}},
        [
            {"model": "qwen"},
            {"model": "legal", "upstreams": [{"model": "qwen", "adapter": "legal"}], "consumers": ["alice"]},
            {"model": "gemma", "consumers": ["alice"]},
        ],
        auth={"consumers": [{"name": name, "keys": [key]} for name, key in KEYS.items()]},
    )
    folder = tmp_path_factory.mktemp("callers")
    with Gateway(folder, {"qwen": [qwen], "gemma": [gemma]}) as gateway:
        for pod in (qwen, gemma):
            pod.start()
        gateway.start(settings)
        yield Place(gateway, qwen, gemma, folder)
    for pod in (qwen, gemma):
        pod.kill()


@pytest.fixture
def place(running: Place) -> Place:
    for pod in (running.qwen, running.gemma):
        pod.received.clear()
    return running


JSON = "content-type: application/json"
WRONG = (
    ("authorization: Bearer KEY-OF-BOB",),
    ("authorization: Bearer key-of-bo",),
    ("authorization: Bearer key-of-bobb",),
    ("authorization: Bearer key-of-b\u043eb",),
    ("authorization: Bearer key-of-b\uff4fb",),
    ("authorization: Bearer  key-of-bob",),
    ("authorization: Bearer key-of-bob, Bearer key-of-alice",),
    ("authorization: Basic a2V5LW9mLWJvYg==",),
    ("authorization: Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJib2IifQ.",),
    (BOB, "authorization: Bearer key-of-alice"),
    ("authorization: Bearer wrong", BOB),
    (BOB, "authorization: Bearer wrong"),
    ("authorization: Bearer wrong", "x-api-key: key-of-bob"),
    ("x_api_key: key-of-bob",),
    ("proxy-authorization: Bearer key-of-bob",),
    ("cookie: x-api-key=key-of-bob; authorization=key-of-bob",),
    ("x-modelyard-consumer: bob",),
    (BOB, "connection: close, authorization"),
)
"""Headers by which nobody is known for bob, nor for anybody else."""


@pytest.mark.parametrize("headers", WRONG)
def test_nobody_is_known_by_what_is_no_key(place: Place, headers: tuple[str, ...]) -> None:
    assert place.status(TO_QWEN, JSON, *headers) == 401
    assert place.asked() == []


def test_no_key_is_taken_from_the_query(place: Place) -> None:
    query = "?x-api-key=key-of-bob&api_key=key-of-bob&authorization=Bearer%20key-of-bob"
    assert place.status(TO_QWEN, JSON, path=f"/v1/chat/completions{query}") == 401
    assert place.asked() == []


REFUSED = {
    "gemma": b'{"model":"gemma"}',
    "escaped": b'{"m\\u006fdel":"gemm\\u0061"}',
    "an adapter": b'{"model":"legal"}',
    "case": b'{"model":"Legal"}',
    "spaces": b'{"model":" legal"}',
    "a NUL behind what is allowed": b'{"model":"qwen\\u0000legal"}',
    "a NUL behind what is not": b'{"model":"legal\\u0000"}',
    "a NUL as it is": b'{"model":"qwen\0"}',
    "a line's end": b'{"model":"qwen\\r\\nx-modelyard-consumer: alice"}',
    "full width": '{"model":"\uff4cegal"}'.encode(),
    "two": b'{"model":"qwen","model":"legal"}',
    "two, one of them escaped": b'{"model":"qwen","mod\\u0065l":"legal"}',
    "two, by case of the escape": b'{"mod\\u0065l":"qwen","\\u006Dodel":"legal"}',
    "a list": b'[{"model":"legal"}]',
    "lists": b'{"model":["qwen","legal"]}',
    "an object": b'{"model":{"model":"qwen"}}',
    "two documents": b'{"model":"qwen"}{"model":"legal"}',
    "two lines": b'{"model":"qwen"}\n{"model":"legal"}',
    "a mark of byte order": b'\xef\xbb\xbf{"model":"legal"}',
    "UTF-16": '{"model":"legal"}'.encode("utf-16"),
    "UTF-16 with no mark": '{"model":"legal"}'.encode("utf-16-le"),
    "UTF-32": '{"model":"legal"}'.encode("utf-32-be"),
    "a comment": b'{"model":"qwen"/*,"model":"legal"*/}',
    "quotes": b"{'model':'qwen'}",
    "depth": b'{"model":"qwen","x":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "a form": b"model=qwen",
    "nothing": b"",
}
"""Bodies by which bob gets no model."""


@pytest.mark.parametrize("body", REFUSED.values(), ids=REFUSED.keys())
def test_no_body_leads_to_a_model_that_the_caller_may_not_use(place: Place, body: bytes) -> None:
    assert place.status(body, JSON, BOB) in (400, 403, 404)
    assert place.asked() == []


HARMLESS = {
    "another case": b'{"model":"qwen","MODEL":"legal"}',
    "inside": b'{"x":{"model":"legal"},"model":"qwen","messages":[{"model":"legal"}]}',
    "a key with a NUL": b'{"model":"qwen","model\\u0000":"legal"}',
    "in a text": b'{"x":"\\",\\"model\\":\\"legal","model":"qwen"}',
}


@pytest.mark.parametrize("body", HARMLESS.values(), ids=HARMLESS.keys())
def test_gateway_and_model_read_the_same_name(place: Place, body: bytes) -> None:
    assert place.status(body, JSON, BOB) == 200
    assert place.asked() == ["qwen"]


@pytest.mark.parametrize(
    "kind",
    [
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "text/plain",
        "application/json, text/plain",
        "application/vnd.api+json",
        "application/JSON",
    ],
)
def test_other_kinds_of_bodies_are_not_read_and_reach_nothing(place: Place, kind: str) -> None:
    assert place.status(TO_QWEN, f"content-type: {kind}", BOB) == 400
    assert place.status(TO_QWEN, BOB) == 400
    assert place.status(TO_QWEN, JSON, f"content-type: {kind}", BOB) == 400
    assert place.asked() == []


def test_no_key_is_in_what_envoy_shows_or_writes(place: Place) -> None:
    for headers in ((BOB,), ("authorization: Bearer key-of-alice-with-a-typo",), ("x-api-key: key-of-alice",)):
        place.status(TO_QWEN, JSON, *headers)
    eventually(lambda: '"consumer":"alice"' in place.written(), "the requests are in the log")
    pages = ("/config_dump", "/stats", "/clusters", "/server_info", "/listeners")
    shown = [place.gateway.admin.get(page).text for page in pages]
    for text in (place.written(), *shown, place.gateway.metrics.get("/stats/prometheus").text):
        assert not [key for key in KEYS.values() if key in text]

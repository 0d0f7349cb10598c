"""Talking to a model through a gateway that is played."""

import json
from collections.abc import Iterator

import pytest

from stacks.cli.exits import ExitCode
from tests.cli.conftest import Cluster, Stacks, run
from tests.cli.fake_gateway import FakeGateway, serving, words
from tests.gateway.fakes import free_port


@pytest.fixture
def gateway(stacks: Stacks) -> Iterator[FakeGateway]:
    """The gateway of the stack ``mine``."""
    with serving() as made:
        stacks.write(gateway={"kind": "envoy", "baseUrl": made.url})
        yield made


def test_the_answer_alone_is_on_standard_output(gateway: FakeGateway) -> None:
    gateway.streams(*words("Hel", "lo.", thought=["Let me see."]))
    gateway.headers = {"x-modelyard-served-by": "gemma", "x-modelyard-fallback-from": "qwen"}
    shown = run("chat", "qwen", "Hello?", "--system", "Be kind.", "--max-tokens", "9", "--temperature", "0.5")
    assert shown.exit_code == ExitCode.OK
    assert shown.stdout == "Hello.\n"
    assert shown.stderr.startswith("Let me see.")
    assert "gemma in place of qwen: 2 tokens, first after" in shown.stderr
    assert gateway.requests == [
        {
            "model": "qwen",
            "messages": [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Hello?"}],
            "stream": True,
            "stream_options": {"include_usage": True},
            "max_tokens": 9,
            "temperature": 0.5,
        }
    ]


def test_an_answer_for_programs(gateway: FakeGateway) -> None:
    gateway.streams(*words("Hello."))
    gateway.headers = {"x-modelyard-served-by": "qwen"}
    shown = run("chat", "qwen", "Hello?", "--json")
    assert shown.stderr == ""
    answer = json.loads(shown.stdout)
    assert 0 < answer.pop("first_token_seconds") <= answer.pop("seconds")
    assert answer == {
        "model": "qwen",
        "text": "Hello.",
        "served_by": "qwen",
        "fallback_from": None,
        "finish_reason": "stop",
        "usage": {"prompt_tokens": 5, "completion_tokens": 1},
    }


def test_a_question_through_a_pipe(gateway: FakeGateway) -> None:
    gateway.streams(*words("Yes."))
    assert run("chat", "qwen", stdin="Is it?\n").stdout == "Yes.\n"
    assert gateway.requests[0]["messages"] == [{"role": "user", "content": "Is it?"}]


def test_no_question(gateway: FakeGateway) -> None:
    shown = run("chat", "qwen", stdin=" \n")
    assert shown.exit_code == ExitCode.USAGE
    assert "write it behind the model, or pipe it in" in shown.stderr
    assert gateway.requests == []


def test_the_callers_key(gateway: FakeGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    gateway.streams(*words("Yes."))
    run("chat", "qwen", "Hello?")
    run("chat", "qwen", "Hello?", "--api-key", "of the option")
    monkeypatch.setenv("MODELYARD_API_KEY", "of the environment")
    run("chat", "qwen", "Hello?")
    seen = [headers.get("authorization") for headers in gateway.seen_headers]
    assert seen == [None, "Bearer of the option", "Bearer of the environment"]


@pytest.mark.parametrize("key", ["canary-of-a-key\n", "canary-of-a-key\r", "canary-of-a-kéy"])
def test_a_key_that_no_header_carries_is_not_shown(
    stacks: Stacks, cluster: Cluster, gateway: FakeGateway, key: str
) -> None:
    port = gateway.url.removesuffix("/v1").rpartition(":")[2]
    cluster.says(["port-forward"], out=f"Forwarding from 127.0.0.1:{port} -> 8080\n", seconds=60)
    for way in ([], ["--port-forward"], ["--json", "--port-forward"]):
        shown = run("chat", "qwen", "Hello?", "--api-key", key, *way)
        assert shown.exit_code == ExitCode.USAGE
        assert "A header cannot be sent as it is" in shown.stdout + shown.stderr
        assert "canary" not in shown.stdout + shown.stderr
    assert gateway.requests == []


def test_a_key_is_sent_as_its_consumer_sends_it(stacks: Stacks, gateway: FakeGateway) -> None:
    jwks = '{"keys": [{"kty": "RSA", "n": "AQAB", "e": "AQAB", "kid": "a"}]}'
    jwt = {"jwks": jwks, "issuer": "https://id.example.com", "header": "x-token", "prefix": "Token "}
    auth = {"consumers": [{"name": "team", "jwt": jwt}]}
    stacks.write(gateway={"kind": "higress", "baseUrl": gateway.url, "auth": auth})
    gateway.streams(*words("Yes."))
    assert run("chat", "qwen", "Hello?", "--api-key", "a.b.c").exit_code == ExitCode.OK
    for (headers,) in (gateway.probed, gateway.seen_headers):
        assert headers["x-token"] == "Token a.b.c"
        assert "authorization" not in headers


def test_headers_that_a_route_asks_for(gateway: FakeGateway) -> None:
    gateway.streams(*words("Yes."))
    run("chat", "qwen", "Hello?", "--header", "X-Group: b", "--header", "x-day:  monday ")
    assert gateway.seen_headers[0].items() >= {"x-group": "b", "x-day": "monday"}.items()
    for wrong in ("x-group", "x-group:", ": b", "x-group: \u00fc"):
        shown = run("chat", "qwen", "Hello?", "--header", wrong)
        assert shown.exit_code == ExitCode.USAGE
        assert f"{wrong!r} is no header: write it as 'name: value', in ASCII" in shown.stderr


def test_a_line_separator_within_an_answer_ends_no_line(gateway: FakeGateway) -> None:
    gateway.streams(*words("one\u2028two\x85three"))
    shown = run("chat", "qwen", "Hello?")
    assert shown.exit_code == ExitCode.OK
    assert shown.stdout == "one\u2028two\x85three\n"


@pytest.mark.parametrize(
    ("status", "exit_code", "said"),
    [
        (401, ExitCode.CREDENTIALS, "The gateway does not know the caller: because\nGive a key of one of the stack's"),
        (403, ExitCode.CREDENTIALS, "The caller may not use this route: because\n"),
        (404, ExitCode.NOT_FOUND, "because\nAsk for one of these; `modelyard models` lists them.\n"),
        (429, ExitCode.FAILED, "The gateway answered with status 429: because\n"),
        (503, ExitCode.FAILED, "The gateway answered with status 503: because\n`modelyard status` says"),
    ],
)
def test_a_request_that_is_refused(gateway: FakeGateway, status: int, exit_code: ExitCode, said: str) -> None:
    gateway.refuses(status, "because")
    shown = run("chat", "qwen", "Hello?")
    assert shown.exit_code == exit_code
    assert shown.stderr.startswith(said)
    assert json.loads(run("chat", "qwen", "Hello?", "--json").stdout)["error"]["exit_code"] == exit_code


def test_an_error_that_is_not_in_openais_form(gateway: FakeGateway) -> None:
    gateway.status, gateway.body = 502, "<html>bad gateway</html>"
    assert "status 502: <html>bad gateway</html>" in run("chat", "qwen", "Hello?").stderr


def test_an_answer_that_breaks_off(gateway: FakeGateway) -> None:
    gateway.streams(*words("Hel")[:1], done=False)
    shown = run("chat", "qwen", "Hello?")
    assert shown.exit_code == ExitCode.FAILED
    assert "The answer broke off" in shown.stderr


def test_an_error_within_an_answer(gateway: FakeGateway) -> None:
    gateway.streams(*words("Hel")[:1], {"error": {"message": "out of memory"}})
    shown = run("chat", "qwen", "Hello?")
    assert shown.exit_code == ExitCode.FAILED
    assert "The model ended its answer with an error: out of memory." in shown.stderr


def test_an_answer_that_is_no_stream_of_events(gateway: FakeGateway) -> None:
    gateway.status, gateway.body = 200, "data: no json\n\n"
    shown = run("chat", "qwen", "Hello?")
    assert shown.exit_code == ExitCode.FAILED
    assert "The answer is no stream of a chat: 'no json' came where an event belongs." in shown.stderr


def test_a_gateway_that_is_not_there(mine: Stacks) -> None:
    shown = run("chat", "qwen", "Hello?", "--url", f"http://127.0.0.1:{free_port()}/v1")
    assert shown.exit_code == ExitCode.UNREACHABLE
    assert "is not reached from here: there was no answer ([Errno 111] Connection refused)." in shown.stderr


def test_where_the_url_does_not_answer_the_way_leads_through_the_cluster(
    stacks: Stacks, cluster: Cluster, gateway: FakeGateway
) -> None:
    away = {"kind": "envoy", "baseUrl": f"http://127.0.0.1:{free_port()}/v1"}
    stacks.write(gateway=away)
    port = gateway.url.removesuffix("/v1").rpartition(":")[2]
    cluster.says(["port-forward"], out=f"Forwarding from 127.0.0.1:{port} -> 8080\n", seconds=60)
    gateway.streams(*words("Yes."))
    assert run("chat", "qwen", "Hello?").stdout == "Yes.\n"
    assert run("chat", "qwen", "Hello?", "--port-forward").stdout == "Yes.\n"
    with serving() as another:
        another.listing = 404
        stacks.write(gateway={"kind": "envoy", "baseUrl": another.url})
        shown = run("chat", "qwen", "Hello?")
    assert shown.stdout == "Yes.\n"
    assert f"{another.url} answers with status 404, and not as the gateway does: look where" in shown.stderr
    stacks.write(gateway=away, verify={"through": "base_url"})
    assert run("chat", "qwen", "Hello?").exit_code == ExitCode.UNREACHABLE


@pytest.mark.parametrize(
    "url", ["nowhere", "ftp://host/v1", "http://[/v1", "http://host:x/v1", "http://host", "http:///v1"]
)
def test_a_url_that_is_none(mine: Stacks, url: str) -> None:
    shown = run("chat", "qwen", "Hello?", "--url", url)
    assert shown.exit_code == ExitCode.USAGE
    assert shown.stderr.startswith(f"{url!r} is no URL of an API like OpenAI's.\n")


def test_a_gateway_inside_the_cluster_is_asked_through_a_port_forward(stacks: Stacks, cluster: Cluster) -> None:
    stacks.write(gateway={"kind": "envoy"})
    cluster.says(["port-forward"], err='Error from server (NotFound): services "gateway" not found', code=1)
    assert run("chat", "qwen", "Hello?").exit_code == ExitCode.NOT_FOUND
    assert cluster.asked[0][:4] == ["port-forward", "service/gateway", ":8080", "--namespace=default"]

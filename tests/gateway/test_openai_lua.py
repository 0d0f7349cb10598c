"""What the Lua program makes of requests and answers, wherever their bytes are cut."""

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from tests.gateway.lua import EVENTS, JSON, Program

PROGRAM = Program()
USAGE = {"prompt_tokens": 11, "completion_tokens": 4, "total_tokens": 15}
HIDE = {"begun": 0, "hidden": True}


def event(choices: list[Any], end: str = "\n\n", **fields: Any) -> bytes:
    body = json.dumps({"id": "chatcmpl-1", "choices": choices, **fields}, ensure_ascii=False)
    return f"data: {body}{end}".encode()


def delta(text: str) -> list[Any]:
    return [{"index": 0, "delta": {"content": text}, "finish_reason": None}]


def pieces(data: bytes, *cuts: int) -> list[bytes]:
    edges = [0, *sorted(cuts), len(data)]
    return [data[start:stop] for start, stop in pairwise(edges)]


class TestRequests:
    @pytest.mark.parametrize(
        ("body", "becomes"),
        [
            (b'{"model":"q","stream":true}', b'{"stream_options":{"include_usage":true},"model":"q","stream":true}'),
            (
                b' {"seed": 9007199254740993, "model":"q", "stream" : true}\n',
                b' {"stream_options":{"include_usage":true},"seed": 9007199254740993, "model":"q", "stream" : true}\n',
            ),
            (
                b'{"model":"q","stream":true,"stream_options":null}',
                b'{"model":"q","stream":true,"stream_options":{"include_usage":true}}',
            ),
            (
                b'{"model":"q","stream_options":{ },"stream":true}',
                b'{"model":"q","stream_options":{"include_usage":true },"stream":true}',
            ),
            (
                b'{"model":"q","stream_options":{"a":[1,"}"]},"stream":true}',
                b'{"model":"q","stream_options":{"include_usage":true,"a":[1,"}"]},"stream":true}',
            ),
            (
                b'{"model":"q","stream_options":{"include_usage":false,"a":1},"stream":true}',
                b'{"model":"q","stream_options":{"include_usage":true,"a":1},"stream":true}',
            ),
            (
                b'{"model":"q","stream_options":{"include_usage": null},"stream":true}',
                b'{"model":"q","stream_options":{"include_usage": true},"stream":true}',
            ),
            (
                b'{"model":"q","stream":1,"stream_options":{"include_usage":"off"}}',
                b'{"model":"q","stream":1,"stream_options":{"include_usage":true}}',
            ),
            (
                b'{"model":"q","stream":"true","stream_options":{"include_usage":0.0}}',
                b'{"model":"q","stream":"true","stream_options":{"include_usage":true}}',
            ),
        ],
    )
    def test_a_stream_is_counted_although_the_client_did_not_ask(self, body: bytes, becomes: bytes) -> None:
        done = PROGRAM.request(body)

        assert done.body == becomes
        assert done.metadata["stream"]["hidden"] is True
        assert done.headers["x-modelyard-stream"] == "true"

    @pytest.mark.parametrize(
        "body",
        [
            b'{"model":"q"}',
            b'{"model":"q","stream":false}',
            b'{"model":"q","stream":null}',
            b'{"model":"q","stream":0}',
            b'{"model":"q","stream":"No"}',
            b'{"model":"q","stream":false,"stream_options":{"include_usage":false}}',
            b'{"model":"q","stream":true,"stream_options":{"include_usage":true}}',
            b'{"model":"q","stream":true,"stream_options":{"include_usage":1}}',
            b'{"model":"q","stream":true,"stream_options":"include_usage"}',
            b'{"model":"q","messages":[{"stream":true,"content":"\\"stream\\":true"}]}',
        ],
    )
    def test_all_other_bodies_are_left_alone(self, body: bytes) -> None:
        done = PROGRAM.request(body)

        assert done.body == body
        assert not done.metadata.get("stream", {}).get("hidden")

    @pytest.mark.parametrize("field", ["stream", "include_usage"])
    @pytest.mark.parametrize(
        "written",
        [
            *(
                "true",
                "false",
                "null",
                "1",
                "0",
                "1.0",
                "0.0",
                "-0",
                "-0.0",
                "1e0",
                "10e-1",
                "0e5",
                "1e-400",
                "2",
                "-1",
            ),
            *(
                "0.5",
                "NaN",
                "[]",
                "{}",
                "[false]",
                '{"a":false}',
                '""',
                '"0"',
                '"1"',
                '"t"',
                '"F"',
                '"f"',
                '"y"',
                '"n"',
            ),
            *('"on"', '"ON"', '"off"', '"Off"', '"yes"', '"no"', '"true"', '"True"', '"false"', '" false"', '"FALSE "'),
            *('"fals\\u0065"', '"tru\\u0065"', '"null"', '"0.0"', '"\\u0000"'),
        ],
    )
    def test_what_vllm_takes_for_true_is_counted(self, field: str, written: str) -> None:
        try:
            taken = TypeAdapter(bool | None).validate_python(json.loads(written))
        except ValidationError:
            taken = True  # vLLM refuses it, so that nothing goes uncounted
        stream, asked = (written, "null") if field == "stream" else ("true", written)

        done = PROGRAM.request(
            f'{{"model":"q","stream":{stream},"stream_options":{{"include_usage":{asked}}}}}'.encode()
        )

        if field == "stream":
            assert ("x-modelyard-stream" in done.headers) is bool(taken)
            assert done.metadata.get("stream", {}).get("hidden", False) is bool(taken)
        else:
            assert done.metadata["stream"]["hidden"] is not bool(taken)
            sent = json.loads(done.body)["stream_options"]["include_usage"]
            assert taken is True or sent is True

    def test_only_completions_have_such_an_option(self) -> None:
        body = b'{"model":"q","stream":true}'

        assert PROGRAM.request(body, "/v1/completions?x=1").body != body
        assert PROGRAM.request(body, "/v1/responses").body == body

    @pytest.mark.parametrize(
        ("body", "problem"),
        [
            ("", "missing"),
            ("[]", "missing"),
            ("null", "missing"),
            ("{}", "missing"),
            ('{"model":null}', "missing"),
            ('{"model":""}', "missing"),
            ('{"model":"a","model":"a"}', "missing"),
            ('{"model":"a","mod\\u0065l":"b"}', "missing"),
            ('{"messages":[{"model":"a"}]}', "missing"),
            ('{"model":1}', "no string"),
            ('{"model":{"model":"a"}}', "no string"),
            ('{"model":"' + "a" * 9000 + '"}', "no string"),
            ('{"model":"a","stream":true,"stream":false}', "twice"),
            ('{"model":"a","stream":false,"str\\u0065am":true}', "twice"),
            ('{"model":"a","stream":true,"stream_options":{},"stream_options":null}', "twice"),
            ('{"model":"a","stream":1,"stream_options":{"include_usage":true,"include_usage":false}}', "twice"),
            ('{"model":"a"', "no JSON"),
            ('{"model":"a"} x', "no JSON"),
            ('{"model":"a"}{"model":"b"}', "no JSON"),
            ('{"model":"a",}', "no JSON"),
            ('{"model" "a"}', "no JSON"),
            ('{"a":[[[,"model":"a"}', "no JSON"),
            ('{"a":"\\\\\\","model":"a"}', "no JSON"),
            ('\ufeff{"model":"a"}', "no JSON"),
            ('{"a":' + "[" * 5000 + "]" * 5000 + ',"model":"a"}', "no JSON"),
            ("model=a", "no JSON"),
        ],
    )
    def test_a_body_that_is_refused(self, body: str, problem: str) -> None:
        done = PROGRAM.request(body.encode())

        assert done.headers.get("x-modelyard-problem") == problem
        assert "x-modelyard-model" not in done.headers

    @pytest.mark.parametrize("written", ["\\u0000", "\0"])
    def test_a_name_does_not_end_where_a_header_would(self, written: str) -> None:
        done = PROGRAM.request(f'{{"model":"qwen{written}x"}}'.encode())

        assert done.headers["x-modelyard-model"] == "qwen\ufffdx"

    @pytest.mark.parametrize("kind", ["text/json", "application/jsonl", "application/json-seq", "APPLICATION/JSON", ""])
    def test_what_is_not_sent_as_json_is_not_read(self, kind: str) -> None:
        assert PROGRAM.request(b'{"model":"q"}', kind=kind).headers.keys() == {":method", ":path", "content-type"}

    @given(
        st.dictionaries(st.text(max_size=5), st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
            lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
            max_leaves=12,
        ), max_size=5),
        st.text(min_size=1, max_size=20),
        st.booleans(),
        st.sampled_from([None, 1]),
    )  # fmt: skip
    def test_any_json_is_read_as_json_is(
        self, fields: dict[str, Any], model: str, ascii_only: bool, indent: int | None
    ) -> None:
        fields = {**fields, "model": model, "stream": True}
        fields.pop("stream_options", None)
        try:
            body = json.dumps(fields, ensure_ascii=ascii_only, indent=indent).encode()
        except UnicodeEncodeError:
            return

        done = PROGRAM.request(body)

        assert done.headers.get("x-modelyard-model") == json.loads(body)["model"]
        assert json.loads(done.body) == {**json.loads(body), "stream_options": {"include_usage": True}}


WHOLE = (
    event(delta("ü模型 \U0001f600"), created=1)
    + b": a comment\n\n"
    + event(delta('he said "usage": {"prompt_tokens": 99}'))
    + event(delta("x"), usage=None)
    + b"event: message\n"
    + event([], usage=USAGE)
    + b"data: [DONE]\n\n"
)
USAGE_EVENT = b"event: message\n" + event([], usage=USAGE)


class TestStreams:
    @pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"])
    @pytest.mark.parametrize("hidden", [True, False])
    def test_cut_at_every_byte(self, hidden: bool, line_end: bytes) -> None:
        sent, dropped = (data.replace(b"\n", line_end) for data in (WHOLE, USAGE_EVENT))
        expected = sent.replace(dropped, b"") if hidden else sent

        for cut in range(1, len(sent)):
            done = PROGRAM.answer(pieces(sent, cut), EVENTS, {"begun": 0, "hidden": hidden})

            # A line's end of two bytes may be cut: its second byte is then an empty line, which means nothing.
            assert done.body.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n\n\n", b"\n\n") == (
                expected.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
            )
            assert done.metadata["usage"] == {"input": 11, "output": 4}
            assert done.metadata["first_token"] == 7

    @given(st.data(), st.booleans())
    def test_cut_anywhere(self, data: st.DataObject, hidden: bool) -> None:
        texts = data.draw(st.lists(st.text(), max_size=5))
        try:
            sent = b"".join(event(delta(text)) for text in texts)
        except UnicodeEncodeError:
            return
        expected = sent + b"data: [DONE]\n\n"
        sent += event([], usage=USAGE) + b"data: [DONE]\n\n"
        cuts = data.draw(st.lists(st.integers(1, len(sent) - 1), max_size=6, unique=True))

        done = PROGRAM.answer(pieces(sent, *cuts), EVENTS, {"begun": 0, "hidden": hidden})

        assert done.body == (expected if hidden else sent)
        assert done.metadata["usage"] == {"input": 11, "output": 4}

    def test_each_event_goes_out_as_soon_as_it_is_whole(self) -> None:
        first, second = event(delta("a")), event(delta("b"))

        done = PROGRAM.answer([first + second[:10], second[10:-1], b"\n"], EVENTS, HIDE)

        assert done.pieces == [first, b"", second]

    def test_an_event_of_text_and_count_is_kept(self) -> None:
        sent = event(delta("a"), usage=USAGE) + event(delta("b"), usage={**USAGE, "completion_tokens": 5})

        done = PROGRAM.answer([sent], EVENTS, HIDE)

        assert done.body == sent
        assert done.metadata["usage"]["output"] == 5

    def test_an_error_that_ends_a_stream_is_noted(self) -> None:
        failed = b'data: {"error": {"message": "EngineCore", "type": "InternalServerError", "code": 500}}\n\n'
        sent = event(delta("a")) + failed + b"data: [DONE]\n\n"

        for cut in range(1, len(sent)):
            done = PROGRAM.answer(pieces(sent, cut), EVENTS, HIDE)
            assert done.body == sent
            assert done.metadata["failed"] is True

    @pytest.mark.parametrize(
        "sent",
        [b'data: {"error": {"message": "too long", "code": 400}}\n\n', event(delta('data: {"error": {"code": 500}}'))],
    )
    def test_no_other_event_is_such_an_error(self, sent: bytes) -> None:
        assert "failed" not in PROGRAM.answer([sent, b"data: [DONE]\n\n"], EVENTS, HIDE).metadata

    def test_what_is_behind_the_last_event_is_kept(self) -> None:
        sent = event(delta("a")) + b'data: {"choices": [], "usage": {'

        for cut in range(1, len(sent)):
            assert PROGRAM.answer(pieces(sent, cut), EVENTS, HIDE).body == sent

    def test_events_of_the_responses_api(self) -> None:
        usage = {"input_tokens": 7, "output_tokens": 2, "input_tokens_details": {"cached_tokens": 5}}
        tools = [{"parameters": {"usage": {"input_tokens": 1, "output_tokens": 1}}}]
        body = {"type": "response.completed", "response": {"tools": tools, "usage": usage}}
        sent = f"event: response.completed\ndata: {json.dumps(body)}\n\n".encode()

        done = PROGRAM.answer([sent], EVENTS, {"begun": 0, "hidden": False})

        assert done.body == sent
        assert done.metadata["usage"] == {"input": 7, "output": 2, "cached": 5}

    def test_the_first_token_of_the_responses_api_is_behind_events_that_announce_it(self) -> None:
        asked = PROGRAM.request(b'{"model":"q","stream":true}', "/v1/responses").metadata["stream"]
        echoed = {"instructions": "response.output_text.delta", "metadata": {"a": "response.output_text.delta"}}
        announced = b"".join(
            f"event: {kind}\ndata: {json.dumps({'type': kind, 'response': echoed})}\n\n".encode()
            for kind in ("response.created", "response.in_progress")
        )
        body = {"type": "response.output_text.delta", "delta": "Ro"}
        sent = announced + f"event: response.output_text.delta\ndata: {json.dumps(body)}\n\n".encode()

        assert "first_token" not in PROGRAM.answer([announced], EVENTS, asked).metadata
        for cut in range(1, len(sent)):
            assert "first_token" in PROGRAM.answer(pieces(sent, cut), EVENTS, asked).metadata

    def test_an_event_of_any_size_passes_and_is_not_held_whole(self) -> None:
        large = event(delta("x" * 5_000_000)) + event([], usage=USAGE)

        done = PROGRAM.answer([large[at : at + 16_384] for at in range(0, len(large), 16_384)], EVENTS, HIDE)

        assert done.body == large.replace(event([], usage=USAGE), b"")
        assert max(map(len, done.pieces)) < 1_100_000

    def test_a_long_stream_takes_no_memory(self) -> None:
        PROGRAM.answer([event(delta("a"))] * 10, EVENTS, HIDE)
        before = PROGRAM.used_bytes()

        PROGRAM.answer([event(delta("a"))[:-1], b"\n"] * 20_000, EVENTS, HIDE)

        assert PROGRAM.used_bytes() - before < 1_000_000

    @pytest.mark.parametrize("headers", [{**EVENTS, "content-encoding": "gzip"}, {"content-type": "audio/mpeg"}])
    def test_what_is_no_stream_of_events_passes(self, headers: dict[str, str]) -> None:
        done = PROGRAM.answer([WHOLE], headers, HIDE)

        assert "usage" not in done.metadata


class TestPlainAnswers:
    @pytest.mark.parametrize("length", [True, False])
    def test_count(self, length: bool) -> None:
        answer = {"choices": [{"text": '"usage": {"prompt_tokens": 99}'}], "usage": {**USAGE, "details": None}}
        body = json.dumps(answer).encode()
        headers = {**JSON, "content-length": str(len(body))} if length else JSON

        for cut in range(1, len(body)):
            done = PROGRAM.answer(pieces(body, cut), headers)
            assert done.body == body
            assert done.metadata["usage"] == {"input": 11, "output": 4}

    def test_count_of_embeddings_and_of_cached_tokens(self) -> None:
        usage = {"prompt_tokens": 9, "total_tokens": 9, "prompt_tokens_details": {"cached_tokens": 4}}
        small = {"data": [{"embedding": [0.25, -1e-7] * 10}], "usage": usage}
        large = {"data": [{"embedding": [0.25, -1e-7] * 100_000}], "usage": usage}

        for answer in (small, large):
            body = json.dumps(answer).encode()
            done = PROGRAM.answer(pieces(body, len(body) - 20), {**JSON, "content-length": str(len(body))})
            assert done.body == body
            assert done.metadata["usage"] == {"input": 9, "output": 0, "cached": 4}

    def test_what_a_client_put_into_the_answer_is_not_counted(self) -> None:
        echoed = {"usage": {"input_tokens": 0, "output_tokens": 0}}
        body = json.dumps({"metadata": echoed, "usage": {"input_tokens": 5, "output_tokens": 6}, "tools": [echoed]})

        done = PROGRAM.answer([body.encode()], {**JSON, "content-length": str(len(body))})

        assert done.metadata["usage"] == {"input": 5, "output": 6}

    @pytest.mark.parametrize("body", [b"", b"{", b"null", b'{"usage":{}}', b'{"usage":null}', b'"usage"', b"\xff"])
    def test_an_answer_without_a_count(self, body: bytes) -> None:
        done = PROGRAM.answer([body], {**JSON, "content-length": str(len(body))})

        assert done.body == body
        assert "usage" not in done.metadata


def test_what_no_model_could_answer() -> None:
    headers = {":status": "500", "x-modelyard-served-by": "b", "x-modelyard-hop": "1", "content-type": "text/html"}

    done = PROGRAM.answer([b"<html>"], {**headers, "x-modelyard-fallback-from": 'a"\\\n'})

    error = json.loads(done.body)["error"]
    assert error["message"] == "No model could answer for 'a\"\\\n': try again in 5 seconds."
    assert done.headers == {":status": "503", "content-type": "application/json", "retry-after": "5"}

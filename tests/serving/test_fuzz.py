"""Whatever stands in variables, the file or flags: vLLM takes the command line, or a sentence says why not."""

import json
import os
import re
import sys
from collections.abc import Iterator
from contextlib import ExitStack, redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from serving import __main__ as program
from serving import engine_arguments, entrypoint, fetching
from serving.check import EVERYTHING
from serving.exits import ExitCode, Reason
from serving.reasons import Death, explained
from serving.settings import ServingSettings, environment, flag, variable
from serving.vllm_arguments import table, version
from serving.weights import Fetched, Remote
from serving.weights.lock import Lock
from tests.serving.servers import free_port
from tests.serving.vllm_process import Ask

pytestmark = pytest.mark.vllm

SECRET = "sk-that-nobody-may-read"
NASTY = [
    *("", " ", "-", "--", "--port", "-1", "0", "1", "1e400", "nan", "inf", "-Infinity", "9" * 20, "9" * 5000, "1_0"),
    *("\n", "ü", "\U0001f600", "\udcff", "true", "null", "[]", "{}", "[[]]", '"x"', "{", "[NaN]", "[" * 20_000),
    *('["\\u0000"]', '["\\ud800"]', '["--x"]', '{"a": 1, "a": 2}', '{"a": 1e999}', "[" * 50 + "]" * 50, "x" * 200_000),
    *('[{"name": "", "path": ""}]', '[{"name": "a", "path": "b", "c": 1}]', "{{ x", "%", "$(X)", "/dev/null", "."),
]
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)
# A secret is known by the argument that it is given to.
FURTHER = st.lists(
    st.sampled_from([[name] for name in (*table(), "--api-key", "--no-such", "1", "auto", "{}", "-O3")])
    | st.just(["--api-key", SECRET]),
    max_size=3,
).map(lambda parts: [word for part in parts for word in part])
SAFE = {**EVERYTHING, "handover_seconds": 1, "hung_seconds": 1, "warm_up_tokens": [8], "preflight": "warn"}
SAFE |= {"weights_cache": "/cache/weights", "weights_cache_gib": 100}
SAFE |= {"gpu_model": "H200", "token_required": False, "weights_gib": 1, "extra_args": ["--api-key", SECRET]}
# What this machine listens on is nothing that these tests are about.
SAFE |= {"port": free_port()}
FITTING = environment(SAFE)


def mostly(fitting: st.SearchStrategy[Any], other: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.integers(min_value=0, max_value=9).flatmap(lambda number: other if number == 9 else fitting)


def text_of(field: str) -> st.SearchStrategy[str]:
    """Texts for a variable or a flag: mostly what fits."""
    if field == "extra_args":
        return mostly(FURTHER.map(json.dumps), st.sampled_from(NASTY))
    if field == "termination_log":
        # Never a file that is there: it would be written.
        return st.sampled_from(["", ".", "/no/such/folder/log", "x" * 5000, "\n"])
    fitting = st.just(FITTING[variable(field)])
    return mostly(fitting, st.sampled_from(NASTY) | TEXT)


def value_of(field: str) -> st.SearchStrategy[object]:
    """Values for the file."""
    if field == "termination_log":
        return text_of(field)
    fitting = st.just(SAFE[field]).map(lambda value: list(value) if isinstance(value, tuple) else value)
    other = st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | TEXT | st.dates() | st.binary(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT | st.integers(), inner, max_size=3),
        max_leaves=5,
    )
    return mostly(fitting, other)


def some(values: Any, *always: str) -> st.SearchStrategy[dict[str, Any]]:
    """A few of the fields with what ``values`` draws for them, and those that are always wanted."""
    fields = st.lists(st.sampled_from([*ServingSettings.model_fields]), max_size=4, unique=True)
    return fields.flatmap(lambda names: st.fixed_dictionaries({name: values(name) for name in {*names, *always}}))


VARIABLES = some(text_of, "model", "preflight", "extra_args").map(
    lambda values: {variable(name): value for name, value in values.items()}
)
FLAGS = some(text_of).map(lambda values: [f"{flag(name)}={value}" for name, value in values.items()])
WORDS = st.lists(st.sampled_from(["--", "-h", "x", f"--api-key={SECRET}", "--seed", "--mod", "-1"]) | TEXT, max_size=2)
BAD_FILE = st.one_of(
    some(value_of).map(lambda values: yaml.safe_dump({**values, "api_key": SECRET})),
    st.sampled_from(
        [f"model: {SECRET}: x", f"{SECRET}", "a: &a [*a]", "? [a]\n: b", "!!python/name:os.system x", "\t"]
    ),
    st.sampled_from(
        ["seed: 0x" + "f" * 5000, "{" * 5000, "model: 2024-99-99", "port: 1\nport: 2", "- 1", "--- a\n--- b"]
    ),
    TEXT,
)
FILE = mostly(some(value_of).map(lambda values: yaml.safe_dump(values, allow_unicode=True)), BAD_FILE)


def fetched(remote: Remote, root: Path, *_: object) -> Fetched:
    """Stands for a download, and brings nothing."""
    return Fetched(root / remote.folder, Lock(Path(os.devnull)))


class Started:
    """The supervisor's place, which keeps the command that it would start."""

    commands: list[list[str]]

    def __init__(self, command: list[str], *_: object) -> None:
        self.commands.append(command)

    def run(self) -> Reason:
        return Reason(ExitCode.STOPPED, "It ran.")


@pytest.fixture(scope="module")
def outcomes() -> Iterator[dict[str, int]]:
    """How often each thing happened: a test in which all of it is refused would prove nothing."""
    found = {"started": 0, "refused": 0, "refused by vLLM": 0}
    yield found
    assert found["started"] > 60, found
    assert found["refused"] > 60, found


@given(
    variables=VARIABLES,
    flags=FLAGS,
    words=mostly(st.just([]), WORDS),
    file=FILE,
    there=mostly(st.just(True), st.just(False)),
)
@hypothesis_settings(max_examples=300)
def test_a_command_line_or_a_sentence(
    ask: Ask,
    outcomes: dict[str, int],
    tmp_path_factory: pytest.TempPathFactory,
    variables: dict[str, str],
    flags: list[str],
    words: list[str],
    file: str,
    there: bool,
) -> None:
    folder = tmp_path_factory.getbasetemp()
    path = folder / "settings.yaml"
    path.write_text(file, encoding="utf-8", errors="surrogateescape")
    Started.commands = []
    log = StringIO()
    with pytest.MonkeyPatch.context() as patch, ExitStack() as streams:
        patch.chdir(folder)
        # This process goes on, and is told to stop by others.
        patch.setattr(program, "end_at_stop", lambda code: None)
        patch.setattr(entrypoint, "Supervisor", Started)
        patch.setattr(entrypoint, "write", lambda _, text: log.write(text.decode()))
        patch.setattr(fetching, "fetch", fetched)
        patch.setattr(engine_arguments, "installed", version)
        patch.setattr(sys, "argv", ["serving", *flags, *words])
        patch.setenv("MODELYARD_SETTINGS_FILE", str(path) if there else f"{folder}/none")
        for name, value in {variable("port"): FITTING[variable("port")], **variables}.items():
            patch.setenv(name, value)
        streams.enter_context(redirect_stderr(log))
        streams.enter_context(redirect_stdout(log))
        before = {**os.environ}
        try:
            code = int(program.main())
        except SystemExit:
            # Help was asked for, and nothing else ends it so.
            assert "usage: serving" in log.getvalue()
            return
        assert {**os.environ} == before
    said = log.getvalue()
    assert "Traceback" not in said
    assert SECRET not in said, said
    if not Started.commands:
        outcomes["refused"] += 1
        assert code == ExitCode.SETTINGS or 10 <= code < 20
        assert said.strip()
        assert all(re.search(r": .", line) for line in said.splitlines()), said
        return
    outcomes["started"] += 1
    argv = Started.commands[0][3:]
    assert all("\0" not in word and word.encode() for word in argv if word)
    answer = ask(argv)
    if "error" in answer:
        # Only for what goes to vLLM as it is: it says itself what is wrong, and the container's end names it.
        outcomes["refused by vLLM"] += 1
        assert "error" not in ask(without_extra_args(argv))
        death = Death(status=2, end=answer["error"], was_ready=False, killed_for_memory=None)
        assert explained(death).code == ExitCode.ARGUMENTS, answer


def without_extra_args(argv: list[str]) -> list[str]:
    """What the settings make, which ends with the time that vLLM has to drain, and the supervisor's 0 for it."""
    return argv[: argv.index("--shutdown-timeout") + 2]

"""Environment, YAML file and flags: which one wins, and what is said of what cannot be used."""

from pathlib import Path

import pytest

from serving.sources import InvalidSettingsError, load

MODEL = "Qwen/Qwen2.5-1.5B-Instruct"


def problems(*arguments: str) -> list[str]:
    with pytest.raises(InvalidSettingsError) as caught:
        load(arguments)
    return str(caught.value).splitlines()


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The mounted file, which a test has yet to write."""
    path = tmp_path / "settings.yaml"
    monkeypatch.setenv("MODELYARD_SETTINGS_FILE", str(path))
    return path


def test_flags_win_over_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODELYARD_MODEL", MODEL)
    monkeypatch.setenv("MODELYARD_PORT", "9000")
    monkeypatch.setenv("MODELYARD_SEED", "1")
    settings = load(["--port=9001", "--served-names", '["a", "b"]', "--enforce-eager=true"])
    assert (settings.port, settings.seed) == (9001, 1)
    assert settings.served_names == ("a", "b")
    assert settings.enforce_eager is True


def test_flags_take_json_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODELYARD_SPECULATIVE_CONFIG", '{"method": "mtp", "num_speculative_tokens": 1}')
    settings = load(
        [
            f"--model={MODEL}",
            '--speculative-config={"method": "ngram", "model": "a=b,c"}',
            "--lora-modules",
            '[{"name": "sql", "path": "/sql"}]',
        ]
    )
    assert settings.speculative_config == {"method": "ngram", "model": "a=b,c"}
    assert settings.lora_modules == ({"name": "sql", "path": "/sql"},)


def test_a_missing_model_is_named() -> None:
    assert problems() == ["MODELYARD_MODEL: nothing is given, and there is no default: set it, or pass --model"]


def test_the_variable_that_is_wrong_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODELYARD_MODEL", MODEL)
    monkeypatch.setenv("MODELYARD_PORT", "http")
    assert problems() == [
        "MODELYARD_PORT: 'http' cannot be used: input should be a valid integer, unable to parse string as an integer"
    ]


def test_the_flag_that_is_wrong_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODELYARD_DTYPE", "bfloat16")
    assert problems("--model", MODEL, "--dtype", "int1") == [
        "--dtype: 'int1' cannot be used: input should be 'auto', 'bfloat16', 'float16' or 'float32'"
    ]


def test_all_problems_are_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODELYARD_MAX_NUM_SEQS", "0")
    monkeypatch.setenv("MODELYARD_MODLE", MODEL)
    found = problems("--port=70000")
    assert [line.split(":")[0] for line in found] == [
        "MODELYARD_MODLE",
        "MODELYARD_MODEL",
        "--port",
        "MODELYARD_MAX_NUM_SEQS",
    ]


@pytest.mark.parametrize("value", ["a,b", "{}", '"a"', "[1]", '["a", null]', '[""]', ""])
def test_a_list_is_json_and_is_never_quoted(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("MODELYARD_MODEL", MODEL)
    monkeypatch.setenv("MODELYARD_EXTRA_ARGS", value)
    assert problems() == [
        "MODELYARD_EXTRA_ARGS: the value cannot be used, it is no JSON list of texts: "
        'write one like ["first", "second"]'
    ]


@pytest.mark.parametrize(
    ("name", "value", "like"),
    [
        ("SPECULATIVE_CONFIG", "ngram", 'object: write one like {"key": "value"}'),
        ("LIMIT_MM_PER_PROMPT", "[1]", 'object: write one like {"key": "value"}'),
        (
            "LORA_MODULES",
            '[{"name": "sql"}]',
            'list of adapters: write one like [{"name": "sql", "path": "/adapters/sql"}]',
        ),
    ],
)
def test_a_mapping_is_json(monkeypatch: pytest.MonkeyPatch, name: str, value: str, like: str) -> None:
    monkeypatch.setenv("MODELYARD_MODEL", MODEL)
    monkeypatch.setenv(f"MODELYARD_{name}", value)
    assert problems() == [f"MODELYARD_{name}: the value cannot be used, it is no JSON {like}"]


@pytest.mark.parametrize("arguments", [["--hf-token", "hf_secret"], ["--hf-token=hf_secret"]])
def test_an_unknown_flag_is_named_without_its_value(arguments: list[str]) -> None:
    assert problems("--model", MODEL, *arguments) == [
        "--hf-token: the server has no such setting: correct it, or put vLLM's own arguments into --extra-args"
    ]


def test_a_flag_is_never_abbreviated() -> None:
    assert problems("--mod", MODEL)[0].startswith("--mod: ")


def test_a_flag_without_a_value() -> None:
    assert problems("--model", MODEL, "--seed") == ["--seed: expected one argument: write flags as --name=value"]


def test_a_flag_that_is_nearly_one_is_corrected() -> None:
    assert problems("--max-model-length=1")[0] == (
        "--max-model-length: the server has no such setting: write --max-model-len, or put vLLM's own arguments into "
        "--extra-args"
    )


def test_a_word_that_belongs_to_no_flag_is_not_quoted() -> None:
    assert problems("--model=m", "secret") == [
        "a word that belongs to no flag: the server has no such setting: correct it, or put vLLM's own arguments into "
        "--extra-args"
    ]


def test_a_variable_that_is_nearly_one_is_corrected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODELYARD_SERVED_NAME", '["m"]')
    assert problems("--model=m") == [
        "MODELYARD_SERVED_NAME: there is no such setting, and nothing would read it: write MODELYARD_SERVED_NAMES, or "
        "remove it"
    ]


def test_the_file_wins_over_variables_and_flags_over_the_file(monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    for name, value in {"MODEL": "m", "PORT": "1", "SEED": "1", "HF_OVERRIDES": '{"a": 1}'}.items():
        monkeypatch.setenv(f"MODELYARD_{name}", value)
    file.write_text("seed: 2\nport: 2\nhf_overrides: {b: 2}\n")
    settings = load(["--port=3"])
    assert (settings.model, settings.seed, settings.port) == ("m", 2, 3)
    # A mapping is one value: it is replaced, and not merged.
    assert settings.hf_overrides == {"b": 2}


def test_the_file_holds_values_of_every_type(file: Path) -> None:
    file.write_text(
        """
        model: org/m
        served_names: [a, b]
        gpu_memory_utilization: 0.5
        enable_prefix_caching: false
        speculative_config: {method: ngram, num_speculative_tokens: 3}
        lora_modules: '[{"name": "sql", "path": "/sql"}]'
        chat_template: |
          {{ x }}
        revision: null
        """
    )
    assert load([]).model_dump(exclude_unset=True) == {
        "model": "org/m",
        "served_names": ("a", "b"),
        "gpu_memory_utilization": 0.5,
        "enable_prefix_caching": False,
        "speculative_config": {"method": "ngram", "num_speculative_tokens": 3},
        "lora_modules": ({"name": "sql", "path": "/sql"},),
        "chat_template": "{{ x }}\n",
        "revision": None,
    }


def test_a_flag_names_another_file(file: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.yaml"
    other.write_text("# Nothing is set here.\n")
    file.write_text("seed: 1\n")
    assert load(["--model=m", f"--settings-file={other}"]).seed is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("max_num_seqs: [1]\nmodel: m", "max_num_seqs: [1] cannot be used: input should be a valid integer"),
        ("port: true\nmodel: m", "port: True cannot be used: a number is needed"),
        ("model: -x", "model: the value cannot be used, it begins with '-', and vLLM would take it for an argument: "
         "write one that does not"),
        ("max_model_length: 1\nmodel: m", "'max_model_length' is no setting, and nothing would read it: write "
         "max_model_len"),
        ("1: 2\nmodel: m", "1 is no setting, and nothing would read it: correct or remove it"),
        ("model: m\nmodel: n", "line 2, column 1 has a key that is there already: keep one of them"),
        ("model: m\nhf_overrides: {a: 1, a: 2}", "line 2, column 22 has a key that is there already: keep one of them"),
        ("model: [hidden", "line 1, column 15 is no YAML that can be read: correct it"),
        ("model: *hidden", "line 1, column 8 is no YAML that can be read: correct it"),
        ("model: 2024-99-99", "what is in it is no YAML that can be read: correct it"),
        ("[" * 5000, "what is in it is no YAML that can be read: correct it"),
        ("hidden", "it has no settings: write a mapping, a line like 'max_model_len: 8192' each"),
        ("model: m\nextra_args: hidden", "extra_args: the value cannot be used, it is no JSON list of texts: write one "
         'like ["first", "second"]'),
        ("model: m\nextra_args: [--api-key, 123]", "extra_args: the value cannot be used, it is no JSON list of texts: "
         'write one like ["first", "second"]'),
        ("model: m\nhf_overrides: {since: 2024-01-01}", "hf_overrides: the value cannot be used, it is no JSON object: "
         'write one like {"key": "value"}'),
        ("model: m\nhf_overrides: {a: .nan}", "hf_overrides: the value cannot be used, it is no JSON object: write one "
         'like {"key": "value"}'),
        ("model: m\nhf_overrides: &a {a: *a}", "hf_overrides: the value cannot be used, it is no JSON object: write "
         'one like {"key": "value"}'),
        ("model: m\nmax_model_len: 0x" + "f" * 5000, "max_model_len: what is given cannot be used: input should be "
         "less than or equal to 9223372036854775807"),
        ('model: "m\\0"', "model: the value cannot be used, it has a NUL character, which no command line can carry: "
         "remove it"),
    ],
)  # fmt: skip
def test_what_the_file_cannot_hold(file: Path, text: str, said: str) -> None:
    file.write_text(text)
    (problem,) = problems()
    assert problem == f"{file}: {said}"
    assert "hidden" not in problem


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    assert problems(f"--settings-file={tmp_path}/none", "--model=m") == [
        f"'{tmp_path}/none' cannot be read (No such file or directory): mount the file there, or correct the path"
    ]
    assert problems(f"--settings-file={tmp_path}", "--model=m")[0].startswith(f"'{tmp_path}' cannot be read (Is a dir")


@pytest.mark.parametrize("text", [b"\xff\xfe\x00", b"a: \xff"])
def test_a_file_that_is_no_text(file: Path, text: bytes) -> None:
    file.write_bytes(text)
    assert problems() == [
        f"'{file}' cannot be read (it is no text in UTF-8): mount the file there, or correct the path"
    ]


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("EXTRA_ARGS", '["--x", "\\u0000"]', "[1]: the value cannot be used, it has a NUL character, which no command "
         "line can carry: remove it"),
        ("EXTRA_ARGS", '["\\ud800"]', "[0]: the value cannot be used, input should be a valid string, unable to parse "
         "raw data as a unicode string"),
        ("SERVED_NAMES", '["a", "-b"]', "[1]: the value cannot be used, it begins with '-', and vLLM would take it for "
         "an argument: write one that does not"),
        ("HF_OVERRIDES", '{"a": 1, "a": 2}', ": the value cannot be used, an object in it has the same key twice: keep "
         "one of them"),
        ("CHAT_TEMPLATE", "{}" * 100_000, ": the value cannot be used, it has 200000 bytes, and Linux starts no "
         "program with a word of more than 131071: shorten it, or put it into a file where vLLM takes the path of one"),
        ("KV_OFFLOADING_SIZE", "inf", ": 'inf' cannot be used: input should be a finite number"),
        ("REVISION", "", ": '' cannot be used: string should have at least 1 character"),
        ("SEED", "x" * 5000, f": '{'x' * 99}... cannot be used: input should be a valid integer, unable to parse "
         "string as an integer"),
        ("CHAT_TEMPLATE", "/none.jinja", ": there is no such file, and it is no template either: mount the file, or "
         "correct its path"),
        ("CHAT_TEMPLATE", "x" * 5000, ": there is no such file, and it is no template either: mount the file, or "
         "correct its path"),
    ],
)  # fmt: skip
def test_values_that_no_command_line_can_carry(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    monkeypatch.setenv(f"MODELYARD_{name}", value)
    assert problems("--model=m") == [f"MODELYARD_{name}{said}"]


def test_a_command_line_that_is_too_long_in_all(monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    file.write_text(f"model: m\nextra_args: [{', '.join(['--x', *['x' * 100_000] * 11])}]\n")
    (problem,) = problems()
    assert problem == (
        "the settings make a command line of 1100073 bytes, and Linux takes about 1048576 of a program's arguments: "
        "put long values into files where vLLM takes the path of one"
    )


def test_help_names_every_flag(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        load(["--help"])
    assert ended.value.code == 0
    assert "--settings-file PATH" in capsys.readouterr().out

"""Reading stack files without Pulumi."""

from pathlib import Path

import pytest

from stacks import stack_file
from stacks.settings import SettingsError
from stacks.stack_file import UnknownValuesError, model_names, read, read_named, route_names

ENCRYPTED = """\
encryptionsalt: v1:x
config:
  other:key: 1
  modelyard:huggingFaceToken: {secure: v1:a}
  modelyard:gateway:
    kind: higress
    console: {adminPassword: {secure: v1:b}}
    auth: {consumers: [{name: a, keys: [{secure: v1:c}, {secure: v1:d}]}]}
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(stack_file, "FOLDER", tmp_path)
    return tmp_path / "Pulumi.mine.yaml"


def test_a_key_without_a_namespace_is_of_the_program(file: Path) -> None:
    file.write_text("config: {fit: {check: 'off'}, 'kubernetes:context': prod}")
    assert read(file).fit.check == "off"


def test_encrypted_values_are_no_hindrance(file: Path) -> None:
    file.write_text(ENCRYPTED)
    (consumer,) = read(file).gateway.auth.consumers
    assert len({key.get_secret_value() for key in consumer.keys}) == 2


@pytest.mark.parametrize("text", ["", "config:\n", "config: {}\n"])
def test_a_file_that_says_nothing_is_all_defaults(file: Path, text: str) -> None:
    file.write_text(text)
    assert read(file).models == ()


def test_changes_are_laid_over_what_is_there(file: Path) -> None:
    file.write_text("config: {'modelyard:fit': {check: 'off', prices: {NVIDIA-L4: 0.7}}}")
    assert read(file, fit={"check": "warn"}).fit.model_dump() == {"check": "warn", "prices": {"NVIDIA-L4": 0.7}}
    file.write_text("config: {}")
    assert read(file, fit={"check": "warn"}).fit.check == "warn"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            b"config:\n  modelyard:models: [\n    - name: x\n",
            "Pulumi.mine.yaml: it is no YAML: expected the node content, but found '-' in line 3, column 5: correct it "
            "there",
        ),
        (b"a: \x01", "Pulumi.mine.yaml: it is no YAML: "),
        (b"config: {a: 2026-13-01}", "Pulumi.mine.yaml: a date or number in it cannot be (month must be in 1..12)"),
        (b"config: {a: " + b"9" * 5000 + b"}", "Pulumi.mine.yaml: a date or number in it cannot be (Exceeds the limit"),
        (b"\xff\xfe", "Pulumi.mine.yaml: it is no text in UTF-8: save it as such"),
        (
            b"hello",
            "Pulumi.mine.yaml: 'hello' stands where a mapping belongs: write `config:`, and below it keys with their "
            "values",
        ),
        (
            b"config: [a]",
            "Pulumi.mine.yaml, config: ['a'] stands where a mapping belongs: write `config:`, and below it keys with "
            "their values",
        ),
        (
            b"modelyard:pools: []",
            "Pulumi.mine.yaml, modelyard:pools: it stands beside `config:`, where nothing reads it: write it below",
        ),
        (
            b"config: {5: a number}",
            "modelyard:5: there is no such setting here; stacks/schema.json lists them all: correct or remove it",
        ),
        (
            b"config: {'modelyard:fit': warn}",
            "modelyard:fit: 'warn' stands where a mapping belongs: write keys with their values below it",
        ),
        (
            b"config: {'modelyard:models': null}",
            "modelyard:models: an empty value stands where a list belongs: write its entries below it, after '-'",
        ),
    ],
)
def test_a_file_that_cannot_work_is_named(file: Path, text: bytes, sentence: str) -> None:
    file.write_bytes(text)
    with pytest.raises(SettingsError) as caught:
        read(file, fit={"check": "warn"})
    assert str(caught.value).startswith(sentence)
    with pytest.raises(SettingsError) as named:
        read_named("mine", fit={"check": "warn"})
    assert str(named.value) == str(caught.value)


def test_a_setting_that_is_encrypted_as_a_whole_is_known_to_pulumi_alone(file: Path) -> None:
    file.write_text("config: {modelyard:gateway: {secure: v1:a}, modelyard:imageMirror: {secure: v1:b}}")
    with pytest.raises(UnknownValuesError) as caught:
        read(file)
    assert str(caught.value) == (
        "modelyard:gateway: it is encrypted as a whole, so Pulumi alone knows what it says, and this command reads "
        "files: look at what `pulumi preview` says, or write it here and encrypt its secrets alone, by `pulumi config "
        "set --secret --path 'modelyard:gateway...'`"
    )


def test_names_are_read_of_stacks_that_cannot_be_read_whole(file: Path) -> None:
    file.write_text(
        "config: {modelyard:cluster: {stackReference: a/b/c}, modelyard:gateway: {secure: v1:a}, modelyard:models: "
        "[{name: one, lora: {adapters: [{name: fine}, 5]}}, {name: two, lora: 3}, {source: none}, 7]}"
    )
    assert model_names("mine") == ["one", "two"]
    assert route_names("mine") == ["one", "fine", "two"]
    file.write_text("config: {modelyard:models: {secure: v1:a}, modelyard:routes: [{model: chat}, {model: chat}]}")
    assert model_names("mine") == []
    assert route_names("mine") == ["chat", "chat"]


@pytest.mark.parametrize("name", ["other", "../Pulumi.mine", ""])
def test_a_stack_that_there_is_not(file: Path, name: str) -> None:
    file.write_text("")
    with pytest.raises(SettingsError) as caught:
        read_named(name)
    assert str(caught.value) == (
        f"{name!r} is no stack: there is no file Pulumi.{name}.yaml in stacks: write one of mine"
    )

"""How Pulumi's configuration becomes settings."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pulumi
import pytest

from stacks import configuration
from stacks.settings import SettingsError


@pytest.fixture(autouse=True)
def _no_configuration(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("PULUMI_CONFIG", raising=False)
    pulumi.runtime.set_all_config({})
    yield
    pulumi.runtime.set_all_config({})


@pytest.fixture(params=["command", "inline"])
def give(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Sets configuration as the ``pulumi`` command does, or as the Automation API does for an inline program."""

    def configure(values: Mapping[str, Any]) -> None:
        config = {key: value if isinstance(value, str) else json.dumps(value) for key, value in values.items()}
        if request.param == "command":
            monkeypatch.setenv("PULUMI_CONFIG", json.dumps(config))
        pulumi.runtime.set_all_config(config)

    return configure


def test_structured_values_and_texts_are_read(give: Any) -> None:
    give(
        {
            "modelyard:serving": {"image": "i"},
            "modelyard:pools": [{"name": "gpu"}],
            "modelyard:models": [{"name": "qwen", "source": "file:///m", "pool": "gpu", "replicas": 2}],
            "modelyard:gateway": {"auth": {"consumers": [{"name": "alice", "keys": ["sk-1"]}]}},
            "modelyard:huggingFaceToken": "hf_x",
            "kubernetes:context": "elsewhere",
        }
    )
    settings = configuration.read()
    assert settings.models[0].replicas == 2
    assert settings.gateway.auth.consumers[0].keys[0].get_secret_value() == "sk-1"
    assert settings.hugging_face_token is not None
    assert settings.hugging_face_token.get_secret_value() == "hf_x"


def test_a_token_that_looks_like_json_stays_a_text(give: Any) -> None:
    give({"modelyard:huggingFaceToken": "123"})
    token = configuration.read().hugging_face_token
    assert token is not None
    assert token.get_secret_value() == "123"


def test_a_text_for_a_list_is_named(give: Any) -> None:
    give({"modelyard:models": "qwen"})
    with pytest.raises(
        SettingsError,
        match=r"^modelyard:models: 'qwen' stands where a list belongs: write its entries below it, after '-'$",
    ):
        configuration.read()


def test_an_unknown_key_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    config = {"modelyard:modles": "[]", "other:modles": "[]"}
    monkeypatch.setenv("PULUMI_CONFIG", json.dumps(config))
    pulumi.runtime.set_all_config(config)
    with pytest.raises(SettingsError, match=r"^modelyard:modles: there is no such setting here; .*$") as caught:
        configuration.read()
    assert len(caught.value.problems) == 1


class Backend:
    """The outputs of a stack, read by ``readStackOutputs``, which fails in these ways before it succeeds."""

    def __init__(self, *failures: str) -> None:
        self.failures = list(failures)
        self.asked: list[str] = []

    def __call__(self, token: str, arguments: Mapping[str, Any]) -> Any:
        self.asked.append(arguments["name"])
        if self.failures:
            raise Exception(self.failures.pop(0))
        outputs = {"namespace": "shared"}
        return type("Result", (), {"value": {"outputs": outputs}})


@pytest.fixture
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(configuration, "READ_PAUSES", (0.0,) * 3)


@pytest.mark.usefixtures("_impatient")
def test_a_state_that_is_being_written_is_read_again(give: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    backend = Backend(*["readStackOutputs returned an error: failed to load checkpoint: EOF"] * 3)
    monkeypatch.setattr(configuration, "invoke", backend)
    give({"modelyard:cluster": {"stackReference": "org/cluster/prod"}})
    assert configuration.read().cluster.namespace == "shared"
    assert backend.asked == ["org/cluster/prod"] * 4


@pytest.mark.usefixtures("_impatient")
@pytest.mark.parametrize(
    ("failure", "times"), [("failed to load checkpoint: EOF", 4), ("no stack named 'org/cluster/prod' found", 1)]
)
def test_a_state_that_stays_unread_is_named(
    give: Any, monkeypatch: pytest.MonkeyPatch, failure: str, times: int
) -> None:
    backend = Backend(*[failure] * 9)
    monkeypatch.setattr(configuration, "invoke", backend)
    give({"modelyard:cluster": {"stackReference": "org/cluster/prod"}})
    with pytest.raises(SettingsError, match="the outputs of 'org/cluster/prod' can't be read"):
        configuration.read()
    assert len(backend.asked) == times

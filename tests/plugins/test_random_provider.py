"""The provider for RandomPassword over gRPC, as the engine calls it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bcrypt
import grpc
import pytest
from google.protobuf.empty_pb2 import Empty
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from local.plugins.properties import SECRET_SIGNATURE, SIGNATURE_KEY, UNKNOWN, plain, struct

PASSWORD = "urn:pulumi:dev::sample::sample:index:Group$random:index/randomPassword:RandomPassword::key"
PET = "urn:pulumi:dev::sample::random:index/randomPet:RandomPet::pet"
NO_SECRETS: frozenset[str] = frozenset()


@pytest.fixture
def provider(start_plugin: Callable[..., Any], launchers: Path) -> Any:
    channel, _ = start_plugin(launchers / "pulumi-resource-random")
    return provider_pb2_grpc.ResourceProviderStub(channel)


def test_it_says_what_it_understands(provider: Any) -> None:
    answer = provider.Configure(provider_pb2.ConfigureRequest(acceptSecrets=True))
    assert (answer.acceptSecrets, answer.supportsPreview) == (True, True)


def test_its_version_is_that_of_the_sdk(provider: Any) -> None:
    import pulumi_random

    plugin = json.loads((Path(pulumi_random.__file__).parent / "pulumi-plugin.json").read_text())
    assert provider.GetPluginInfo(Empty()).version == plugin["version"]


def test_check_gives_the_inputs_back(provider: Any) -> None:
    inputs = struct({"length": 12, "special": False}, NO_SECRETS)
    answer = provider.Check(provider_pb2.CheckRequest(urn=PASSWORD, news=inputs))
    assert answer.inputs == inputs
    assert not answer.failures


def test_check_refuses_a_bad_length(provider: Any) -> None:
    answer = provider.Check(provider_pb2.CheckRequest(urn=PASSWORD, news=struct({"length": 0}, NO_SECRETS)))
    assert [(each.property, each.reason) for each in answer.failures] == [
        ("length", "length is 0: a password has at least one character. Write 1 or more")
    ]


def test_another_resource_type_is_refused_by_name(provider: Any) -> None:
    with pytest.raises(grpc.RpcError) as refused:
        provider.Check(provider_pb2.CheckRequest(urn=PET, news=struct({}, NO_SECRETS)))
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert refused.value.details() == (
        "random:index/randomPet:RandomPet is not offered here: this provider makes only "
        "random:index/randomPassword:RandomPassword. Use that, or install the official plugin with: "
        "pulumi plugin install resource random"
    )


def test_a_preview_leaves_the_password_unknown(provider: Any) -> None:
    answer = provider.Create(
        provider_pb2.CreateRequest(urn=PASSWORD, properties=struct({"length": 12}, NO_SECRETS), preview=True)
    )
    outputs = plain(answer.properties)
    assert answer.id == ""
    assert (outputs["result"], outputs["bcryptHash"], outputs["length"]) == (UNKNOWN, UNKNOWN, 12)


def test_create_makes_a_secret_password_and_its_hash(provider: Any) -> None:
    answer = provider.Create(provider_pb2.CreateRequest(urn=PASSWORD, properties=struct({"length": 12}, NO_SECRETS)))
    outputs = plain(answer.properties)
    assert answer.id == "none"
    assert len(outputs["result"]) == 12
    assert bcrypt.checkpw(outputs["result"].encode(), outputs["bcryptHash"].encode())
    for name in ("result", "bcryptHash"):
        assert answer.properties[name][SIGNATURE_KEY] == SECRET_SIGNATURE


def test_a_secret_input_is_read(provider: Any) -> None:
    inputs = struct({"length": 12}, frozenset({"length"}))
    answer = provider.Create(provider_pb2.CreateRequest(urn=PASSWORD, properties=inputs))
    assert len(plain(answer.properties)["result"]) == 12


def test_diff_replaces_on_another_length_and_not_on_the_same(provider: Any) -> None:
    made = provider.Create(provider_pb2.CreateRequest(urn=PASSWORD, properties=struct({"length": 12}, NO_SECRETS)))

    def diff(length: int) -> Any:
        news = struct({"length": length}, NO_SECRETS)
        return provider.Diff(provider_pb2.DiffRequest(id=made.id, urn=PASSWORD, olds=made.properties, news=news))

    assert diff(12).changes == provider_pb2.DiffResponse.DIFF_NONE
    assert diff(13).changes == provider_pb2.DiffResponse.DIFF_SOME
    assert (list(diff(13).replaces), list(diff(13).diffs)) == (["length"], ["length"])


def test_read_gives_the_state_back_and_delete_leaves_nothing_to_do(provider: Any) -> None:
    inputs = struct({"length": 12}, NO_SECRETS)
    made = provider.Create(provider_pb2.CreateRequest(urn=PASSWORD, properties=inputs))
    read = provider.Read(provider_pb2.ReadRequest(id=made.id, urn=PASSWORD, properties=made.properties, inputs=inputs))
    assert (read.id, read.properties, read.inputs) == (made.id, made.properties, inputs)
    assert provider.Delete(provider_pb2.DeleteRequest(id=made.id, urn=PASSWORD)) == Empty()


def test_an_import_takes_the_password_from_the_id(provider: Any) -> None:
    read = provider.Read(provider_pb2.ReadRequest(id="hunter22", urn=PASSWORD))
    assert read.id == "none"
    assert plain(read.inputs) == {"length": 8}
    assert plain(read.properties)["result"] == "hunter22"
    assert read.properties["result"][SIGNATURE_KEY] == SECRET_SIGNATURE


def test_another_version_of_the_provider_is_no_change(provider: Any) -> None:
    news = struct({"version": "4.99.0"}, NO_SECRETS)
    assert provider.CheckConfig(provider_pb2.CheckRequest(news=news)).inputs == news
    assert provider.DiffConfig(provider_pb2.DiffRequest(news=news)).changes == provider_pb2.DiffResponse.DIFF_NONE


def test_the_schema_has_the_properties_of_the_sdk(provider: Any) -> None:
    import pulumi_random

    schema = json.loads(provider.GetSchema(provider_pb2.GetSchemaRequest()).schema)
    resource = schema["resources"]["random:index/randomPassword:RandomPassword"]
    inputs = {name for name in vars(pulumi_random.RandomPasswordArgs) if not name.startswith("_")}
    snake = {
        "".join(f"_{each.lower()}" if each.isupper() else each for each in name) for name in resource["inputProperties"]
    }
    assert snake == inputs
    assert resource["requiredInputs"] == ["length"]
    assert resource["properties"]["result"] == {"type": "string", "secret": True}

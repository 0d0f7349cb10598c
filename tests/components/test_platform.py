"""The whole program: what it registers, under what, with what, and what changes when a setting does."""

import base64
import json
from typing import Any

import pytest

from components.platform import Platform
from stacks.settings import StackSettings
from tests.components.conftest import Program, Run
from tests.components.stacks import GEMMA, QWEN, stack

KUBERNETES = "kubernetes:"


def deploy(run: Run, settings: StackSettings, *, preview: bool = False) -> Program:
    return run(lambda: Platform("platform", settings), preview=preview)


@pytest.mark.parametrize("preview", [False, True])
def test_everything_that_two_models_and_a_gateway_need(run: Run, preview: bool) -> None:
    program = deploy(run, stack(), preview=preview)
    assert {(found.token, found.name, found.parent) for found in program.resources if found.parent} == {
        ("modelyard:index:Platform", "platform", "modelyard-test"),
        ("pulumi:providers:kubernetes", "platform-cluster", "platform"),
        ("modelyard:index:ExistingGpuNodePool", "platform-gpu", "platform"),
        ("modelyard:index:NativeModelService", "platform-qwen", "platform"),
        ("kubernetes:apps/v1:StatefulSet", "platform-qwen-replicas", "platform-qwen"),
        ("kubernetes:core/v1:Service", "platform-qwen-service", "platform-qwen"),
        ("kubernetes:core/v1:Service", "platform-qwen-lb-service", "platform-qwen"),
        ("modelyard:index:NativeModelService", "platform-gemma", "platform"),
        ("kubernetes:apps/v1:StatefulSet", "platform-gemma-replicas", "platform-gemma"),
        ("kubernetes:core/v1:Service", "platform-gemma-service", "platform-gemma"),
        ("kubernetes:core/v1:Service", "platform-gemma-lb-service", "platform-gemma"),
        ("modelyard:index:EnvoyGateway", "platform-gateway", "platform"),
        ("kubernetes:core/v1:ConfigMap", "platform-gateway-routes", "platform-gateway"),
        ("kubernetes:core/v1:Secret", "platform-gateway-bootstrap", "platform-gateway"),
        ("kubernetes:apps/v1:Deployment", "platform-gateway-deployment", "platform-gateway"),
        ("kubernetes:core/v1:Service", "platform-gateway-service", "platform-gateway"),
        ("kubernetes:policy/v1:PodDisruptionBudget", "platform-gateway-budget", "platform-gateway"),
        ("kubernetes:networking.k8s.io/v1:NetworkPolicy", "platform-gateway-models-policy", "platform-gateway"),
    }


@pytest.mark.parametrize("preview", [False, True])
def test_every_component_registers_its_outputs(run: Run, preview: bool) -> None:
    program = deploy(run, stack(), preview=preview)
    components = {found.name for found in program.resources if found.token.startswith("modelyard:")}
    assert components <= set(program.outputs)
    assert program.outputs["platform"] == {"baseUrl": "http://gateway.default.svc.cluster.local:8080/v1"}
    assert program.outputs["platform-qwen"] == {
        "baseUrl": "http://qwen-lb.default.svc.cluster.local:8080/v1",
        "servedNames": ["qwen"],
        "metricsPort": 8080,
        "ready": True,
    }


def test_no_two_resources_share_a_urn_or_an_object(run: Run) -> None:
    scaled = [{**QWEN, "replicas": 2}, {**GEMMA, "autoscaling": {"maxReplicas": 3}}]
    program = deploy(run, stack(models=scaled, huggingFaceToken="hf_x"))
    assert len({found.urn for found in program.resources}) == len(program.resources)
    objects = [
        (found.token, found.inputs["metadata"]["name"])
        for found in program.resources
        if found.token.startswith(KUBERNETES)
    ]
    assert len(set(objects)) == len(objects)


def test_every_object_is_put_on_the_stacks_cluster_by_its_own_provider(run: Run) -> None:
    program = deploy(run, stack(huggingFaceToken="hf_x"))
    assert {found.provider for found in program.resources if found.token.startswith(KUBERNETES)} == {"platform-cluster"}
    assert [found.name for found in program.of("pulumi:providers:kubernetes")] == ["platform-cluster"]


@pytest.mark.parametrize(
    ("cluster", "given"),
    [
        ({"kind": "embedded"}, {"kubeconfig": "/var/lib/modelyard/kubeconfig"}),
        ({"kubeconfig": "/etc/k", "context": "prod"}, {"kubeconfig": "/etc/k", "context": "prod"}),
        ({}, {}),
    ],
)
def test_the_provider_reaches_the_cluster_that_the_stack_names(
    run: Run, cluster: dict[str, str], given: dict[str, str]
) -> None:
    provider = deploy(run, stack(cluster=cluster)).named("platform-cluster")
    assert provider.inputs == {
        **given,
        "enableServerSideApply": "true",
        "enableConfigMapMutable": "true",
        "enableSecretMutable": "true",
    }


def test_every_object_is_in_the_stacks_namespace(run: Run) -> None:
    program = deploy(run, stack(cluster={"namespace": "llm"}, huggingFaceToken="hf_x"))
    objects = [found for found in program.resources if found.token.startswith(KUBERNETES)]
    assert {found.inputs["metadata"]["namespace"] for found in objects} == {"llm"}


def test_nothing_waits_for_a_model(run: Run) -> None:
    program = deploy(run, stack(huggingFaceToken="hf_x"))
    assert {found.name: found.dependencies for found in program.resources if found.dependencies} == {
        "platform-qwen": {"platform-modelhub"},
        "platform-gateway-deployment": {"platform-gateway-routes", "platform-gateway-bootstrap"},
    }


def test_a_model_that_is_updated_apart_waits_until_its_fallback_is_ready(run: Run) -> None:
    routes = [{"model": "qwen", "fallback": ["gemma"]}, {"model": "gemma"}]
    program = deploy(run, stack(routes=routes, modelUpdates="apart"))
    # What a component waits for, its parts wait for.
    assert "platform-gemma-replicas" in program.named("platform-qwen").dependencies
    assert program.named("platform-gemma").dependencies == set()


def test_the_token_is_a_secret(run: Run) -> None:
    program = deploy(run, stack(huggingFaceToken="hf_token"))
    secret = program.named("platform-modelhub")
    assert secret.inputs["metadata"]["name"] == "modelhub-secret"
    assert secret.secrets == {"data"}
    assert json.loads(json.dumps(secret.inputs["data"]))["value"] == {"HF_TOKEN": "aGZfdG9rZW4="}


def test_there_is_no_secret_without_a_token(run: Run) -> None:
    assert [found.name for found in deploy(run, stack()).of("kubernetes:core/v1:Secret")] == [
        "platform-gateway-bootstrap"
    ]


def test_keys_stand_in_secret_inputs_only(run: Run) -> None:
    consumers = [{"name": "alice", "keys": ["sk-alice-1234"]}]
    program = deploy(run, stack(gateway={"auth": {"consumers": consumers}}, huggingFaceToken="hf_token_1234"))
    holders = {found.name for found in program.resources if holds(found.inputs, "sk-alice-1234", "hf_token_1234")}
    assert holders == {"platform-gateway-bootstrap", "platform-modelhub"}
    for name in holders:
        found = program.named(name)
        assert found.secrets == {"data"}
        assert not holds({key: value for key, value in found.inputs.items() if key != "data"}, "sk-alice", "hf_token")
    assert not holds(program.outputs, "sk-alice", "hf_token")


def holds(value: Any, *texts: str) -> bool:
    """Whether one of the texts stands somewhere in a value, plain or in base64."""
    if isinstance(value, dict):
        return any(holds(item, *texts) for item in value.values())
    if isinstance(value, list):
        return any(holds(item, *texts) for item in value)
    return isinstance(value, str) and any(text in value or text in decoded(value) for text in texts)


def decoded(value: str) -> str:
    try:
        return base64.b64decode(value, validate=True).decode()
    except ValueError:
        return ""


def changed(run: Run, before: StackSettings, after: StackSettings) -> set[str]:
    """The names of the resources whose inputs differ, and of those that only one of the two has."""
    first, second = (
        {found.name: found.inputs for found in deploy(run, settings).resources} for settings in (before, after)
    )
    return {name for name in {*first, *second} if first.get(name) != second.get(name)}


def test_an_engine_argument_changes_one_stateful_set_and_nothing_else(run: Run) -> None:
    longer = stack(models=[{**QWEN, "engine": {"maxModelLen": 4096}}, GEMMA])
    assert changed(run, stack(), longer) == {"platform-qwen-replicas"}


def test_a_fallback_changes_the_gateways_config_map_and_touches_no_pod(run: Run) -> None:
    chained = stack(routes=[{"model": "qwen", "fallback": ["gemma"]}, {"model": "gemma"}])
    assert changed(run, stack(), chained) == {"platform-gateway-routes"}


def test_a_model_more_adds_its_own_objects_and_a_route(run: Run) -> None:
    third = {"name": "llama", "source": "hf://meta/llama", "pool": "gpu"}
    assert changed(run, stack(), stack(models=[QWEN, GEMMA, third])) == {
        "platform-llama",
        "platform-llama-replicas",
        "platform-llama-service",
        "platform-llama-lb-service",
        "platform-gateway-routes",
    }


def test_a_pool_that_is_too_small_is_told_and_stops_nothing(run: Run) -> None:
    small = deploy(run, stack(pools=[{"name": "gpu"}]), preview=True)
    assert [message for message in small.messages if "GPUs" in message] == [
        "modelyard:pools[0]: 2 GPUs are asked for (qwen for 1 and gemma for 1), but maxNodes 1 times gpusPerNode 1 is "
        "1, so replicas will stay Pending without a node: write a larger maxNodes where the pool has more nodes, or "
        "fewer replicas"
    ]
    large = deploy(run, stack(), preview=True)
    assert {found.name for found in small.resources} == {found.name for found in large.resources}
    assert not [message for message in large.messages if "GPUs" in message]


def test_an_empty_stack_has_a_gateway(run: Run) -> None:
    program = deploy(run, StackSettings())
    assert program.of("modelyard:index:EnvoyGateway")
    assert not program.of("modelyard:index:NativeModelService")


def test_defaults_that_were_measured_come_to_the_pods_and_into_the_preview(run: Run) -> None:
    program = deploy(run, stack(pools=[{"name": "gpu", "gpuModel": "NVIDIA-H200", "gpusPerNode": 2}]), preview=True)
    (said,) = [message for message in program.messages if "filled in" in message]
    assert said.startswith("modelyard:models[0].engine: apiServerCount: 4 is filled in for 'qwen'")
    replicas = {name: program.named(f"platform-{name}-replicas").inputs["spec"] for name in ("qwen", "gemma")}
    commands = {name: spec["template"]["spec"]["containers"][0]["command"] for name, spec in replicas.items()}
    assert "--api-server-count" in commands["qwen"]
    assert "--api-server-count" not in commands["gemma"]

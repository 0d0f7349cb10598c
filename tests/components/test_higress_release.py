"""Higress's release: its children, and the order in which they come."""

from typing import Any

import pulumi
import pytest

from components.gateway.higress_release import HigressRelease
from components.manifests.higress.chart import chart_values
from tests.components.conftest import RANDOM_PASSWORD, SECRET_SIGNATURE, Program, Registered, Run
from tests.components.stacks import stack

DEFINITIONS = {"edge-wasmplugins", "edge-mcpbridges", "edge-http2rpcs", "edge-envoyfilters"}


def settings(**gateway: Any) -> Any:
    return stack(gateway={"kind": "higress", **gateway})


def deploy(run: Run, **gateway: Any) -> Program:
    return run(lambda: HigressRelease("edge", settings(**gateway)))


def release(program: Program) -> Registered:
    return program.named("edge-chart")


def children(program: Program) -> set[str]:
    return {found.name for found in program.resources if found.parent == "edge"}


def test_its_children(run: Run) -> None:
    assert children(deploy(run)) == {
        *DEFINITIONS,
        "edge-namespace",
        "edge-console-password",
        "edge-console-key",
        "edge-console-iv",
        "edge-console",
        "edge-chart",
        "edge-config",
        "edge-drain",
        "edge-higress-gateway-budget",
        "edge-models-policy",
        "edge-higress-console-policy",
    }


def test_the_release(run: Run) -> None:
    program = deploy(run, autoscaling={"maxReplicas": 4})
    found = release(program)
    inputs = {key: value for key, value in found.inputs.items() if key != "compat"}
    assert inputs == {
        "name": "higress",
        "namespace": "higress-system",
        "chart": "higress",
        "version": "2.2.4",
        "repositoryOpts": {"repo": "https://higress.io/helm-charts"},
        "values": chart_values(settings(autoscaling={"maxReplicas": 4})),
        "skipCrds": True,
        "timeout": 900,
        "atomic": False,
        "cleanupOnFail": True,
    }


def test_the_release_comes_after_what_it_needs(run: Run) -> None:
    program = deploy(run)
    assert release(program).dependencies == {*DEFINITIONS, "edge-namespace", "edge-console"}
    assert program.named("edge-console").dependencies >= {"edge-namespace"}
    assert program.named("edge-config").dependencies == {"edge-chart"}
    assert program.named("edge-drain").dependencies == {"edge-chart"}
    assert program.named("edge-higress-gateway-budget").dependencies == {"edge-namespace"}


def test_what_outlives_the_stack_or_goes_with_the_release(run: Run) -> None:
    program = deploy(run)
    kept = {found.name for found in program.resources if found.request.retainOnDelete}
    assert kept == {*DEFINITIONS, "edge-config", "edge-drain"}


def test_custom_resources_wait_for_definitions_and_release(run: Run) -> None:
    seen: list[str] = []

    def build() -> None:
        seen.extend(resource._name for resource in HigressRelease("edge", settings()).ready)

    run(build)
    assert set(seen) == {*DEFINITIONS, "edge-chart"}


def test_definitions_and_namespace_of_others(run: Run) -> None:
    program = deploy(run, manageCrds=False, createNamespace=False)
    assert not children(program) & {*DEFINITIONS, "edge-namespace"}
    # Neither the program nor Helm leaves a cluster without definitions.
    assert release(program).inputs["skipCrds"] is False
    assert release(program).dependencies == {"edge-console"}


def test_a_chart_from_a_folder(run: Run) -> None:
    inputs = release(deploy(run, chart={"source": "/srv/higress"})).inputs
    assert inputs["chart"] == "/srv/higress"
    assert not inputs.keys() & {"version", "repositoryOpts"}


def test_a_random_password_of_letters_and_digits(run: Run) -> None:
    program = deploy(run)
    made = {found.name: found.inputs for found in program.of(RANDOM_PASSWORD)}
    assert made == {
        "edge-console-password": {"length": 24, "special": False},
        "edge-console-key": {"length": 32, "special": False},
        "edge-console-iv": {"length": 16, "special": False},
    }


def test_a_password_of_ones_own_is_a_secret_everywhere(run: Run) -> None:
    password = "correct horse battery"
    program = deploy(run, console={"adminPassword": password})
    assert "edge-console-password" not in children(program)
    assert "Y29ycmVjdCBob3JzZSBiYXR0ZXJ5" in repr(program.named("edge-console").inputs["data"])
    assert program.named("edge-console").secrets == {"data"}
    others = [found for found in program.resources if found.name != "edge-console"]
    assert password not in repr([found.inputs for found in others])


def test_the_password_is_a_secret_output(run: Run) -> None:
    def build() -> None:
        pulumi.export(
            "password", HigressRelease("edge", settings(console={"adminPassword": "p" * 8 + "qwer"})).console_password
        )

    (exported,) = [outputs for name, outputs in run(build).outputs.items() if name != "edge"]
    assert SECRET_SIGNATURE in exported["password"]


@pytest.mark.parametrize(
    ("gateway", "url"),
    [
        ({}, "http://192.0.2.7/v1"),
        ({"service": {"type": "ClusterIP"}}, "http://higress-gateway.higress-system.svc.cluster.local/v1"),
        ({"baseUrl": "https://llm.example/v1"}, "https://llm.example/v1"),
    ],
)
def test_clients_reach_the_load_balancer_where_nothing_else_is_said(
    run: Run, gateway: dict[str, Any], url: str
) -> None:
    assert deploy(run, **gateway).outputs["edge"]["baseUrl"] == url


def test_urls(run: Run) -> None:
    program = deploy(run, domain="llm.example.com", console={"domain": "console.example.com"})
    assert program.outputs["edge"] == {
        "baseUrl": "http://llm.example.com/v1",
        "consoleUrl": "http://console.example.com",
    }


@pytest.mark.parametrize(
    ("gateway", "seconds"),
    [
        ({}, 900),
        ({"replicas": 3, "drainSeconds": 100, "hostNetwork": True}, 3000),
        ({"autoscaling": {"maxReplicas": 4}, "drainSeconds": 100, "hostNetwork": True}, 4000),
    ],
)
def test_a_rollout_gets_the_time_that_it_takes(run: Run, gateway: dict[str, Any], seconds: int) -> None:
    program = deploy(run, networkPolicy=False, service={"type": "ClusterIP"}, **gateway)
    assert release(program).inputs["timeout"] == seconds
    assert program.named("edge-drain").request.customTimeouts.update == f"{seconds}s"


def test_the_charts_redis_is_for_the_gateway_only(run: Run) -> None:
    assert "edge-redis-stack-server-policy" in children(deploy(run, redis={}))

"""The Envoy gateway: its children, and the order in which they come."""

from typing import Any

from components.gateway.envoy import EnvoyGateway
from tests.components.conftest import Program, Run
from tests.components.stacks import stack


def deploy(run: Run, **gateway: Any) -> Program:
    return run(lambda: EnvoyGateway("gateway", stack(gateway=gateway)))


def test_a_single_pod_has_no_budget(run: Run) -> None:
    names = {found.name for found in deploy(run, replicas=1).resources if found.parent == "gateway"}
    assert names == {
        "gateway-routes",
        "gateway-bootstrap",
        "gateway-deployment",
        "gateway-service",
        "gateway-models-policy",
    }


def test_the_pods_come_after_what_they_read(run: Run) -> None:
    assert deploy(run).named("gateway-deployment").dependencies == {"gateway-routes", "gateway-bootstrap"}


def test_pulumi_waits_for_every_pod_and_for_its_requests_to_end(run: Run) -> None:
    timeouts = deploy(run, replicas=3, drainSeconds=900).named("gateway-deployment").request.customTimeouts
    assert (timeouts.create, timeouts.update, timeouts.delete) == ("1800s", "1800s", "1500s")


def test_the_base_url_is_the_stacks_own_or_the_services(run: Run) -> None:
    given = {"baseUrl": "https://llm.example/v1"}
    assert deploy(run, **given).outputs["gateway"] == given
    assert deploy(run, name="edge").outputs["gateway"] == {"baseUrl": "http://edge.default.svc.cluster.local:8080/v1"}

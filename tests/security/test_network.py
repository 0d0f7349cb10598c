"""Who reaches whom in the cluster, by the NetworkPolicies that a stack makes.

What is looked at are the policies, and not packets: those are sent in tests/live/test_network_policies.py.
"""

from typing import Any

import pytest

from components.manifests.envoy_gateway import gateway_deployment, gateway_network_policies
from components.manifests.higress import operations
from components.manifests.workload_pod import PORT, pod_metadata
from stacks.settings import StackSettings, load
from tests.security.network import Pod, reaches

MODELS, ELSEWHERE, HIGRESS = "models", "shop", "higress-system"
PROMETHEUS = {"app.kubernetes.io/name": "prometheus"}
OF_CHART = {
    "higress-gateway": {"app": "higress-gateway", "higress": f"{HIGRESS}-higress-gateway"},
    "higress-console": {"app.kubernetes.io/name": "higress-console", "app.kubernetes.io/instance": "higress"},
    "redis-stack-server": {"app.kubernetes.io/name": "redis-stack-server", "app.kubernetes.io/instance": "higress"},
}
"""The labels that Higress's charts give their pods in the release ``higress``: ``selectorLabels`` of helm/core, of its
redis and of the console's chart. Written here, since the policies must choose these and not what the program thinks."""


def stack(kind: str, **gateway: Any) -> StackSettings:
    return load(
        {
            "cluster": {"kind": "existing", "namespace": MODELS},
            "pools": [{"name": "gpu", "gpusPerNode": 8, "minNodes": 0, "maxNodes": 4}],
            "models": [
                {"name": "qwen", "source": "hf://o/qwen", "pool": "gpu"},
                {"name": "big", "source": "hf://o/big", "pool": "gpu", "gpus": 16},
            ],
            "gateway": {"kind": kind, **gateway},
        }
    )


def model_pod(settings: StackSettings, index: int) -> Pod:
    return Pod(MODELS, pod_metadata(settings.models[index], settings.serving)["labels"])


def gateway_pod(settings: StackSettings) -> Pod:
    if settings.gateway.kind == "higress":
        return Pod(HIGRESS, OF_CHART["higress-gateway"])
    return Pod(MODELS, gateway_deployment(settings)["spec"]["template"]["metadata"]["labels"])


def policies(settings: StackSettings) -> list[dict[str, Any]]:
    found = operations.network_policies if settings.gateway.kind == "higress" else gateway_network_policies
    return found(settings)


STRANGERS = {
    "another namespace": Pod(ELSEWHERE),
    "default": Pod("default"),
    "labels of a gateway, elsewhere": Pod(ELSEWHERE, {"app.kubernetes.io/name": "envoy", "app": "higress-gateway"}),
    "the name of the models' namespace as a label": Pod(ELSEWHERE, {"kubernetes.io/metadata.name": MODELS}),
}


@pytest.mark.parametrize("kind", ["envoy", "higress"])
@pytest.mark.parametrize("model", [0, 1], ids=["one node", "two nodes"])
def test_models_are_reached_by_the_gateway_their_namespace_and_prometheus(kind: str, model: int) -> None:
    settings = stack(kind)
    found, called = policies(settings), model_pod(settings, model)

    assert reaches(found, gateway_pod(settings), called, PORT)
    assert reaches(found, Pod(MODELS), called, PORT)
    assert reaches(found, Pod("monitoring", PROMETHEUS), called, PORT)
    for who, stranger in STRANGERS.items():
        assert not reaches(found, stranger, called, PORT), who
    # Ray, NCCL, a debugger, Python's own server: nothing but the API's port is there for anybody.
    for port in (PORT + 1, 6379, 8265, 22, 29501):
        for caller in (gateway_pod(settings), Pod(MODELS), Pod("monitoring", PROMETHEUS), *STRANGERS.values()):
            assert not reaches(found, caller, called, port), (caller, port)


@pytest.mark.parametrize("kind", ["envoy", "higress"])
def test_the_nodes_of_a_replica_reach_each_other_on_any_port_and_no_other_models(kind: str) -> None:
    settings = stack(kind)
    found = policies(settings)
    single, spanning = model_pod(settings, 0), model_pod(settings, 1)
    assert reaches(found, spanning, spanning, 29501)
    assert not reaches(found, single, spanning, 29501)
    assert not reaches(found, spanning, single, 29501)


def test_the_console_and_redis_of_higress_are_reached_by_the_gateway_alone() -> None:
    settings = stack("higress", console={}, redis={})
    found = policies(settings)
    for name, port in (("higress-console", 8080), ("redis-stack-server", 6379)):
        called = Pod(HIGRESS, OF_CHART[name])
        assert reaches(found, gateway_pod(settings), called, port), name
        assert not reaches(found, gateway_pod(settings), called, port + 1), name
        for who in (
            Pod(HIGRESS),
            Pod(MODELS),
            model_pod(settings, 0),
            Pod("monitoring", PROMETHEUS),
            *STRANGERS.values(),
        ):
            assert not reaches(found, who, called, port), (name, who)


def test_without_policies_everybody_reaches_everything() -> None:
    settings = stack("envoy", networkPolicy=False)
    assert policies(settings) == []
    assert reaches([], Pod(ELSEWHERE), model_pod(settings, 0), PORT)

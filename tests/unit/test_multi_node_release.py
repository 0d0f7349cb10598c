"""The Helm release of LeaderWorkerSet: when it is needed, from where it comes, and its values."""

from typing import Any

import pytest

from components.manifests.helm import ChartSource
from components.manifests.multi_node import release as manifests
from stacks.artifacts import Artifact, artifacts
from stacks.settings import StackSettings, load

BIG: dict[str, Any] = {"name": "big", "source": "hf://example/big-1t", "pool": "gpu", "gpus": 16}
SMALL: dict[str, Any] = {"name": "small", "source": "hf://example/small", "pool": "gpu"}
LLMAZ = {**SMALL, "backend": "llmaz"}


def stack(*models: dict[str, Any], **changes: Any) -> StackSettings:
    return load({"pools": [{"name": "gpu", "gpusPerNode": 8, "maxNodes": 4}], "models": list(models), **changes})


@pytest.mark.parametrize(
    ("given", "made"),
    [
        (stack(BIG), True),
        (stack(SMALL, BIG), True),
        (stack(SMALL), False),
        (stack(LLMAZ), False),
        (stack(BIG, LLMAZ), False),
        (stack(BIG, LLMAZ, llmaz={"leaderWorkerSet": False}), True),
        (stack(BIG, leaderWorkerSet={"install": False}), False),
    ],
    ids=["big", "big and small", "small", "llmaz", "llmaz brings it", "llmaz does not", "there already"],
)
def test_it_is_installed_where_it_is_missing(given: StackSettings, made: bool) -> None:
    assert (manifests.release(given) is not None) == made


def test_the_public_chart() -> None:
    release = manifests.release(stack(BIG))
    assert release is not None
    assert release.name == "lws"
    assert release.source == ChartSource("oci://registry.k8s.io/lws/charts/lws", None, "0.9.0")
    assert release.values == {
        "image": {"manager": {"repository": "registry.k8s.io/lws/lws", "tag": "v0.9.0", "pullPolicy": "IfNotPresent"}},
        "resources": {"requests": {"cpu": "100m", "memory": "256Mi"}, "limits": {"memory": "1Gi"}},
    }


def test_a_mirror_has_chart_and_image() -> None:
    found = artifacts(stack(BIG, imageMirror="mirror.example/ai"))
    public = "registry.k8s.io/lws"
    assert {
        Artifact("chart", "lws", "0.9.0", f"oci://{public}/charts/lws", "oci://mirror.example/ai/charts/lws"),
        Artifact("image", "lws", "v0.9.0", f"{public}/lws:v0.9.0", "mirror.example/ai/lws/lws:v0.9.0"),
    } <= set(found)
    assert not [each for each in artifacts(stack(SMALL)) if each.name == "lws"]


def test_another_version_and_further_values() -> None:
    chart = {"source": "https://charts.example", "version": "0.8.0"}
    given = stack(BIG, leaderWorkerSet={"chart": chart, "values": {"replicaCount": 2}})
    release = manifests.release(given)
    assert release is not None
    assert release.source == ChartSource("lws", "https://charts.example", "0.8.0")
    assert release.values["replicaCount"] == 2
    assert manifests.image(given) == "registry.k8s.io/lws/lws:v0.8.0"


def test_its_deployment_is_ready_with_its_webhooks() -> None:
    assert manifests.webhook_probe() == {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "lws-controller-manager", "namespace": "lws-system"},
        "spec": {
            "template": {
                "spec": {
                    "containers": [
                        {
                            "name": "manager",
                            "startupProbe": {
                                "tcpSocket": {"port": 9443},
                                "periodSeconds": 2,
                                "failureThreshold": 150,
                            },
                        }
                    ]
                }
            }
        },
    }

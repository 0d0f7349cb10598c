"""What a model's pods may do, and where they go. The fields are those of Pod Security ``restricted``."""

from collections.abc import Iterator
from typing import Any

import pytest

from components.manifests.objects import Manifest
from tests.unit.test_workload import pod

VOLUMES = {
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
    "image",
}
"""The types of volumes that ``restricted`` lets pass (``image`` since Kubernetes 1.33)."""


def violations(spec: Manifest) -> Iterator[str]:
    """What of a pod the standard ``restricted`` of Kubernetes refuses, which includes that of ``baseline``."""
    for field in ("hostNetwork", "hostPID", "hostIPC"):
        if spec.get(field):
            yield field
    for volume in spec.get("volumes", []):
        yield from (f"volumes {kind}" for kind in set(volume) - {"name"} - VOLUMES)
    own = spec.get("securityContext", {})
    for container in (*spec.get("initContainers", []), *spec["containers"]):
        yield from _of_container(container, own)


def _of_container(container: Manifest, of_pod: Manifest) -> Iterator[str]:
    context = container.get("securityContext", {})
    both = {**of_pod, **context}
    capabilities = context.get("capabilities", {})
    allowed = {
        "privileged": not context.get("privileged"),
        "allowPrivilegeEscalation": context.get("allowPrivilegeEscalation") is False,
        "capabilities.drop": "ALL" in capabilities.get("drop", []),
        "capabilities.add": set(capabilities.get("add", [])) <= {"NET_BIND_SERVICE"},
        "runAsNonRoot": both.get("runAsNonRoot") is True,
        "runAsUser": both.get("runAsUser") != 0,
        "seccompProfile": both.get("seccompProfile", {}).get("type") in ("RuntimeDefault", "Localhost"),
        "appArmorProfile": both.get("appArmorProfile", {}).get("type") in (None, "RuntimeDefault", "Localhost"),
        "procMount": context.get("procMount", "Default") == "Default",
        "seLinuxOptions": not both.get("seLinuxOptions"),
        "windowsOptions": not both.get("windowsOptions"),
        "sysctls": not both.get("sysctls"),
        "hostPort": not any("hostPort" in port for port in container.get("ports", [])),
        "probes": not any("host" in probe.get("httpGet", {}) for probe in _probes(container)),
    }
    yield from (field for field, passes in allowed.items() if not passes)


def _probes(container: Manifest) -> list[Manifest]:
    return [container[name] for name in ("livenessProbe", "readinessProbe", "startupProbe") if name in container]


@pytest.mark.parametrize(
    "source",
    [
        "hf://Qwen/Qwen2.5-1.5B-Instruct",
        "modelscope://Qwen/Qwen2.5-1.5B-Instruct",
        "s3://bucket/qwen",
        "oci://registry.example/qwen:1",
        "pvc://weights/qwen",
    ],
)
@pytest.mark.parametrize("entrypoint", ["vllm", "modelyard"])
def test_restricted_lets_the_pods_pass(entrypoint: str, source: str) -> None:
    assert list(violations(pod({"entrypoint": entrypoint}, source=source, replicas=2))) == []


def test_restricted_refuses_only_folders_of_the_node() -> None:
    assert list(violations(pod(source="file:///models/qwen"))) == ["volumes hostPath"]


def test_the_check_finds_what_it_is_for() -> None:
    bad: dict[str, Any] = {"hostNetwork": True, "containers": [{"securityContext": {"privileged": True}}]}
    assert set(violations(bad)) == {
        "hostNetwork",
        "privileged",
        "allowPrivilegeEscalation",
        "capabilities.drop",
        "runAsNonRoot",
        "seccompProfile",
    }


def test_pods_have_no_token_and_a_read_only_root() -> None:
    found = pod()
    assert found["automountServiceAccountToken"] is False
    assert found["containers"][0]["securityContext"]["readOnlyRootFilesystem"] is True


def test_replicas_wish_for_different_nodes_and_zones() -> None:
    chosen = {"matchLabels": {"app.kubernetes.io/name": "vllm", "app.kubernetes.io/instance": "qwen2-1-5b"}}
    assert pod(replicas=2)["topologySpreadConstraints"] == [
        {"maxSkew": 1, "topologyKey": key, "whenUnsatisfiable": "ScheduleAnyway", "labelSelector": chosen}
        for key in ("kubernetes.io/hostname", "topology.kubernetes.io/zone")
    ]


@pytest.mark.parametrize("scale", [{"replicas": 0}, {"replicas": 2}, {"autoscaling": {"maxReplicas": 2}}])
def test_another_number_of_replicas_starts_no_pod_anew(scale: dict[str, Any]) -> None:
    assert pod(**scale) == pod()


def test_what_a_site_adds_to_pods() -> None:
    found = pod(
        {"serviceAccount": "reader", "imagePullSecrets": ["one", "two"]},
        priorityClass="serving",
        ephemeralStorage="40Gi",
    )
    assert found["serviceAccountName"] == "reader"
    assert found["imagePullSecrets"] == [{"name": "one"}, {"name": "two"}]
    assert found["priorityClassName"] == "serving"
    assert found["containers"][0]["resources"]["requests"]["ephemeral-storage"] == "40Gi"


def test_what_a_site_does_not_say_is_left_out() -> None:
    found = pod()
    assert not {"serviceAccountName", "imagePullSecrets", "priorityClassName", "runtimeClassName"} & set(found)
    assert set(found["containers"][0]["resources"]["requests"]) == {"cpu", "memory"}

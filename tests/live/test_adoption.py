"""Objects that others have made come under a stack's management on a real API server, and stay the objects they are."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from local.kubectl import get, kubectl
from local.paths import Paths
from stacks.settings import NAMESPACE
from tests.live.sites import Config, Site

pytestmark = [pytest.mark.live, pytest.mark.timeout(600)]

MODELS = "models-of-others"
"""Namespace of the models."""
LABELS = {"app.kubernetes.io/name": "vllm", "app.kubernetes.io/instance": "qwen"}
"""What the stack selects a model's pods by, too."""
BY_HAND: list[dict[str, Any]] = [
    {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": MODELS}},
    {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "qwen", "namespace": MODELS, "labels": {"made": "by-hand"}},
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": LABELS},
            "template": {
                "metadata": {"labels": LABELS},
                "spec": {"containers": [{"name": "vllm", "image": "registry.example.com/vllm:1"}]},
            },
        },
    },
    {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "qwen-lb", "namespace": MODELS},
        "spec": {"selector": LABELS, "ports": [{"name": "web", "port": 80}]},
    },
]
ADOPT = [{"kind": "Deployment", "name": "qwen"}, {"kind": "Service", "name": "qwen-lb"}]
CONFIG: Config = {
    f"{NAMESPACE}:cluster": {"kind": "embedded", "namespace": MODELS},
    f"{NAMESPACE}:pools": [{"name": "gpu"}],
    f"{NAMESPACE}:models": [
        {
            "name": "qwen",
            "source": "pvc://weights/qwen",
            "pool": "gpu",
            "replicas": 0,
            "rollout": {"strategy": "surge"},
        }
    ],
    f"{NAMESPACE}:gateway": {
        "image": "modelyard.local/envoy:1.40.0",
        "imagePullPolicy": "Never",
        "replicas": 1,
        "cpu": "100m",
        "memory": "256Mi",
        "drainSeconds": 5,
    },
}


@dataclass
class Found:
    """An object in the cluster."""

    content: dict[str, Any]

    @property
    def uid(self) -> str:
        """What stays the same while it is the same object."""
        return str(self.content["metadata"]["uid"])

    @property
    def version(self) -> str:
        """What changes with every change."""
        return str(self.content["metadata"]["resourceVersion"])


@pytest.fixture
def site(paths: Paths, tmp_path: Path) -> Iterator[Site]:
    """A stack of whose objects two are in the cluster already, made by hand."""
    kubectl(paths, "apply", "--filename=-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": BY_HAND}))
    try:
        made = Site(paths, tmp_path, "adopting", {**CONFIG, f"{NAMESPACE}:adopt": ADOPT})
        try:
            yield made
        finally:
            made.destroy()
    finally:
        kubectl(paths, "delete", "namespace", MODELS, "--ignore-not-found")


def found(paths: Paths, kind: str, name: str) -> Found:
    content = get(paths, kind, name, f"--namespace={MODELS}")
    assert content is not None
    return Found(content)


def test_objects_are_taken_over_as_they_are_and_then_changed_in_place(site: Site) -> None:
    replicas, service = found(site.paths, "deployment", "qwen"), found(site.paths, "service", "qwen-lb")
    wanted = {("import", "platform-qwen-replicas"), ("import", "platform-qwen-lb-service")}
    assert wanted <= {(step.operation, step.name) for step in site.preview()}
    done = {(step.operation, step.name) for step in site.up()}
    assert wanted <= done
    assert {operation for operation, _ in done} == {"import", "create"}
    assert found(site.paths, "deployment", "qwen").version == replicas.version
    assert found(site.paths, "service", "qwen-lb").version == service.version
    assert site.up() == []

    site.write(CONFIG)
    changes = {("update", "platform-qwen-replicas"), ("update", "platform-qwen-lb-service")}
    assert {(step.operation, step.name) for step in site.preview()} == changes
    difference = site.run("preview", "--diff", "--non-interactive", "--color=never", f"--stack={site.stack}")
    assert '"registry.example.com/vllm:1" => "docker.io/vllm/vllm-openai:' in difference
    assert {(step.operation, step.name) for step in site.up()} == changes

    after = found(site.paths, "deployment", "qwen")
    assert (after.uid, found(site.paths, "service", "qwen-lb").uid) == (replicas.uid, service.uid)
    (container,) = after.content["spec"]["template"]["spec"]["containers"]
    assert container["image"].startswith("docker.io/vllm/vllm-openai:")
    assert [port["port"] for port in found(site.paths, "service", "qwen-lb").content["spec"]["ports"]] == [8080]

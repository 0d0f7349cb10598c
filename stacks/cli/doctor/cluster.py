"""The cluster: whether it answers, what may be done there, and whether its nodes have what models ask for."""

import json
from collections.abc import Iterator
from typing import Any

from stacks.cli.doctor.check import Check, Checks, guarded
from stacks.cli.doctor.definitions import definitions
from stacks.kubeconfig import missing
from stacks.kubectl import Kubectl, KubectlError
from stacks.settings import ExistingPoolSettings, GpuNodePoolSettings, StackSettings

_RIGHTS = (
    ("apps", "deployments"),
    ("apps", "statefulsets"),
    ("", "services"),
    ("", "secrets"),
    ("", "configmaps"),
    ("policy", "poddisruptionbudgets"),
)
"""What an update makes in the models' namespace, by API group."""


def cluster(stack: StackSettings) -> Checks:
    """Everything about the cluster. Where it does not answer, that alone."""
    kubectl = Kubectl.of(stack.cluster)
    if found := missing(stack.cluster):
        yield Check("kubeconfig", "failed", found.seen, found.remedy)
        return
    answers = guarded("cluster", lambda: _answers(kubectl), (KubectlError,))
    yield answers
    if answers.outcome != "ok":
        return
    for name, check in (("namespace", _namespace), ("rights", _rights)):
        yield guarded(name, lambda check=check: check(kubectl), (KubectlError,))  # type: ignore[misc]
    yield from _gpus(kubectl, stack)
    yield from definitions(kubectl, stack)


def _answers(kubectl: Kubectl) -> Check:
    version = json.loads(kubectl.run("version", "--output=json"))["serverVersion"]["gitVersion"]
    context = (
        kubectl.context or json.loads(kubectl.run("config", "view", "--minify", "--output=json"))["current-context"]
    )
    return Check("cluster", "ok", f"the context {context!r} answers, Kubernetes {version}")


def _namespace(kubectl: Kubectl) -> Check:
    name = kubectl.namespace
    if kubectl.get("namespace", name) is None:
        return Check(
            "namespace",
            "failed",
            f"modelyard:cluster.namespace: there is no namespace {name!r}",
            f"`kubectl create namespace {name}` makes it; the models' namespace is not the stack's to make.",
        )
    return Check("namespace", "ok", f"{name!r} is there")


def _rights(kubectl: Kubectl) -> Check:
    refused = [resource for group, resource in _RIGHTS if not _may_create(kubectl, group, resource)]
    if refused:
        return Check(
            "rights",
            "failed",
            f"{', '.join(refused)} may not be made in {kubectl.namespace!r} by this login",
            "Ask who runs the cluster for that, or take another context.",
        )
    return Check("rights", "ok", f"what a stack makes may be made in {kubectl.namespace!r}")


def _may_create(kubectl: Kubectl, group: str, resource: str) -> bool:
    attributes = {"namespace": kubectl.namespace, "verb": "create", "group": group, "resource": resource}
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": attributes},
    }
    said = kubectl.run("create", "--filename=-", "--output=json", stdin=json.dumps(review))
    return bool(json.loads(said)["status"]["allowed"])


def _gpus(kubectl: Kubectl, stack: StackSettings) -> Iterator[Check]:
    if not stack.pools:
        yield Check("GPUs", "skipped", "the stack has no node pools")
        return
    try:
        nodes = kubectl.find("nodes")
    except KubectlError as error:
        yield Check("GPUs", "warning", error.problem, error.remedy)
        return
    for pool in stack.pools:
        yield _pool(stack, pool, nodes)


def _pool(stack: StackSettings, pool: GpuNodePoolSettings, nodes: list[dict[str, Any]]) -> Check:
    name = f"pool {pool.name}"
    if not isinstance(pool, ExistingPoolSettings):
        return Check(name, "skipped", f"its nodes are made by {pool.adapter}")
    wanted = pool.node_selector
    own = [node for node in nodes if wanted.items() <= node["metadata"].get("labels", {}).items()]
    shown = ", ".join(f"{key}={value}" for key, value in wanted.items()) or "any label"
    if not own:
        return Check(
            name,
            "failed",
            f"none of {len(nodes)} nodes has {shown}",
            "Label the nodes so (`kubectl label node`), or correct `nodeSelector` of the pool.",
        )
    there = sum(int(node["status"].get("allocatable", {}).get(pool.gpu_resource, 0)) for node in own)
    if there == 0:
        return _no_device_plugin(stack, pool, name, len(own))
    asked = sum(model.gpus * model.least_replicas for model in stack.models if model.pool == pool.name)
    if there < asked:
        return Check(
            name,
            "warning",
            f"{len(own)} nodes offer {there} {pool.gpu_resource}, and the models ask for {asked}",
            "Some replicas will wait for a node: add nodes, or write fewer `replicas`.",
        )
    return Check(name, "ok", f"{len(own)} nodes offer {there} {pool.gpu_resource}, of which models ask for {asked}")


def _no_device_plugin(stack: StackSettings, pool: ExistingPoolSettings, name: str, nodes: int) -> Check:
    seen = f"{nodes} nodes have its labels, and none of them offers {pool.gpu_resource}"
    if stack.gpu_software.kind != "none":
        return Check(name, "ok", f"{seen} yet: modelyard:gpuSoftware installs what does")
    return Check(
        name,
        "failed",
        seen,
        "Install a device plugin, or have the stack do so: `modelyard:gpuSoftware: {kind: device_plugin}`.",
    )

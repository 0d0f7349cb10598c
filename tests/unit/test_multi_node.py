"""The exact objects of a native model whose replicas span nodes."""

from dataclasses import replace
from typing import Any

import pytest
import yaml

from components.manifests import workload
from components.manifests.multi_node import workload as multi_node
from components.manifests.objects import Manifest
from components.manifests.placement import Flavor, Placement
from components.manifests.workload_pod import pod_spec
from stacks.parallelism import Parallelism, node_count, parallelism, spans_nodes
from stacks.settings import ModelSettings, ServingSettings, Toleration

PLACEMENT = Placement(
    node_selector={"cloud.example/pool": "h200"},
    tolerations=(Toleration(key="nvidia.com/gpu", effect="NoSchedule"),),
    gpu_resource="nvidia.com/gpu",
    gpus_per_node=8,
    gpu_model="NVIDIA-H200",
    gpu_memory_gib=141,
    min_nodes=0,
    max_nodes=4,
)
BIG: dict[str, Any] = {"name": "big", "source": "hf://example/big-1t", "pool": "gpu", "gpus": 16}


def model(**changes: Any) -> ModelSettings:
    return ModelSettings.model_validate({**BIG, **changes})


def described(serving: dict[str, Any] | None = None, **changes: Any) -> Manifest:
    settings = ServingSettings.model_validate(serving or {})
    return multi_node.leader_worker_set(model(**changes), PLACEMENT, settings, "llm")


def pods(serving: dict[str, Any] | None = None, **changes: Any) -> tuple[Manifest, Manifest]:
    """The pods' ``spec`` of leader and worker."""
    template = described(serving, **changes)["spec"]["leaderWorkerTemplate"]
    return template["leaderTemplate"]["spec"], template["workerTemplate"]["spec"]


def container(pod: Manifest) -> Manifest:
    (only,) = pod["containers"]
    found: Manifest = only
    return found


def variables(pod: Manifest) -> dict[str, Any]:
    found = container(pod)["env"]
    assert len({variable["name"] for variable in found}) == len(found)
    return {variable["name"]: variable.get("value", variable.get("valueFrom")) for variable in found}


def test_the_set_itself() -> None:
    manifest = described()
    template = manifest["spec"].pop("leaderWorkerTemplate")
    assert manifest == yaml.safe_load("""
apiVersion: leaderworkerset.x-k8s.io/v1
kind: LeaderWorkerSet
metadata:
  name: big
  namespace: llm
  labels: &labels
    app.kubernetes.io/name: vllm
    app.kubernetes.io/instance: big
    app.kubernetes.io/component: model-service
    app.kubernetes.io/part-of: modelyard
    app.kubernetes.io/managed-by: pulumi
  annotations: {pulumi.com/waitFor: condition=Available, pulumi.com/patchForce: "true"}
spec:
  replicas: 1
  startupPolicy: LeaderCreated
  networkConfig: {subdomainPolicy: UniquePerReplica}
  rolloutStrategy:
    type: RollingUpdate
    rollingUpdateConfiguration: {maxUnavailable: 1, maxSurge: 0}
""")
    assert (template["size"], template["restartPolicy"]) == (2, "RecreateGroupOnPodRestart")
    assert set(template) == {"size", "restartPolicy", "leaderTemplate", "workerTemplate"}


def test_only_the_leader_has_metrics_to_scrape() -> None:
    template = described({"podAnnotations": {"example.com/team": "search"}})["spec"]["leaderWorkerTemplate"]
    leader, worker = (template[f"{role}Template"]["metadata"] for role in ("leader", "worker"))
    assert leader["labels"] == worker["labels"] == described()["metadata"]["labels"]
    assert leader["annotations"]["prometheus.io/scrape"] == "true"
    assert worker["annotations"] == {"example.com/team": "search"}


def test_each_pod_has_the_gpus_of_a_node() -> None:
    for pod in pods(memory="900Gi", cpu="64"):
        assert container(pod)["resources"] == {
            "requests": {"cpu": "64", "memory": "900Gi"},
            "limits": {"nvidia.com/gpu": "8", "memory": "900Gi"},
        }


def test_vllm_is_told_of_its_nodes() -> None:
    leader, worker = pods()
    command = container(leader)["command"]
    assert command[:5] == ["python3", "-m", "vllm.entrypoints.cli.main", "serve", "example/big-1t"]
    assert command[command.index("--tensor-parallel-size") + 1] == "8"
    assert command[command.index("--pipeline-parallel-size") + 1] == "2"
    group = ["--nnodes", "2", "--node-rank", "$(LWS_WORKER_INDEX)"]
    assert command[-8:] == [*group, "--master-addr", "$(VLLM_HOST_IP)", "--master-port", "29501"]
    of_worker = [*group, "--master-addr", "$(LWS_LEADER_ADDRESS)", "--master-port", "29501", "--headless"]
    assert container(worker)["command"] == [*command[:-8], *of_worker]


def test_what_is_not_for_kubernetes_to_expand_stays_as_it_is() -> None:
    leader, _ = pods(extraArgs=["--chat-template", "$(HOME)"])
    assert "$$(HOME)" in container(leader)["command"]


def test_the_serving_package_is_told_by_variables() -> None:
    leader, worker = pods({"entrypoint": "modelyard"})
    group = {
        "MODELYARD_TENSOR_PARALLEL_SIZE": "8",
        "MODELYARD_PIPELINE_PARALLEL_SIZE": "2",
        "MODELYARD_NNODES": "2",
        "MODELYARD_NODE_RANK": "$(LWS_WORKER_INDEX)",
        "MODELYARD_MASTER_PORT": "29501",
    }
    assert {**group, "MODELYARD_MASTER_ADDR": "$(VLLM_HOST_IP)"}.items() <= variables(leader).items()
    assert "MODELYARD_HEADLESS" not in variables(leader)
    of_worker = {"MODELYARD_MASTER_ADDR": "$(LWS_LEADER_ADDRESS)", "MODELYARD_HEADLESS": "true"}
    assert {**group, **of_worker}.items() <= variables(worker).items()
    assert container(leader)["command"] == container(worker)["command"] == ["python3", "-m", "serving"]


def test_the_leader_is_probed_and_the_worker_is_not() -> None:
    leader, worker = (container(pod) for pod in pods())
    assert {"ports", "startupProbe", "readinessProbe", "livenessProbe"} <= set(leader)
    assert set(leader) - set(worker) == {"ports", "startupProbe", "readinessProbe", "livenessProbe"}
    assert "lifecycle" not in leader


def test_a_worker_stops_only_when_its_leader_has() -> None:
    leader, worker = pods()
    assert container(worker)["lifecycle"] == {
        "preStop": {
            "exec": {
                "command": [
                    "sh",
                    "-c",
                    "while grep -qs ':733D 01 ' /proc/net/tcp /proc/net/tcp6; do sleep 1; done",
                ]
            }
        }
    }
    assert worker["terminationGracePeriodSeconds"] == leader["terminationGracePeriodSeconds"] == 150


def test_the_rest_of_the_pod_is_that_of_a_model_on_one_node() -> None:
    settings = ServingSettings(runtime_class="nvidia")
    one = pod_spec(model(gpus=8), PLACEMENT, settings)
    del one["topologySpreadConstraints"]
    for pod in pods({"runtimeClass": "nvidia"}):
        assert {**pod, "containers": [], "affinity": {}} == {**one, "containers": [], "affinity": {}}
        for field in ("image", "imagePullPolicy", "securityContext", "volumeMounts"):
            assert container(pod)[field] == container(one)[field]


def test_pods_of_a_replica_are_near_each_other_and_not_spread() -> None:
    for pod in pods(replicas=3):
        assert "topologySpreadConstraints" not in pod
        assert pod["affinity"] == yaml.safe_load("""
podAffinity:
  preferredDuringSchedulingIgnoredDuringExecution:
    - weight: 100
      podAffinityTerm:
        topologyKey: topology.kubernetes.io/zone
        labelSelector:
          matchLabels: {app.kubernetes.io/name: vllm, app.kubernetes.io/instance: big}
        matchLabelKeys: [leaderworkerset.sigs.k8s.io/group-index]
""")


def test_a_flavor_of_the_pool_stays() -> None:
    flavored = replace(PLACEMENT, flavors=(Flavor("h200", {"cloud.example/gpu": "h200"}),))
    manifest = multi_node.leader_worker_set(model(), flavored, ServingSettings(), "llm")
    for role in ("leader", "worker"):
        pod = manifest["spec"]["leaderWorkerTemplate"][f"{role}Template"]["spec"]
        assert pod["affinity"].keys() == {"nodeAffinity", "podAffinity"}
        assert pod["affinity"]["nodeAffinity"] == flavored.pod_fields()["affinity"]["nodeAffinity"]


def test_vllm_takes_the_address_of_its_pod() -> None:
    for pod in pods():
        # First of all, for others refer to it.
        assert container(pod)["env"][0] == {
            "name": "VLLM_HOST_IP",
            "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}},
        }
    for pod in pods(env={"VLLM_HOST_IP": "10.0.0.1"}):
        assert variables(pod)["VLLM_HOST_IP"] == "10.0.0.1"


def test_network_devices() -> None:
    for pod in pods(rdma={"resource": "rdma/ib", "count": 8}):
        assert container(pod)["resources"]["limits"]["rdma/ib"] == "8"


def test_an_autoscaler_owns_the_number() -> None:
    assert "replicas" not in described(autoscaling={"maxReplicas": 3})["spec"]
    scaler = multi_node.autoscaler(model(autoscaling={"maxReplicas": 3}), None, "llm")
    assert scaler is not None
    assert scaler["spec"]["scaleTargetRef"] == {
        "apiVersion": "leaderworkerset.x-k8s.io/v1",
        "kind": "LeaderWorkerSet",
        "name": "big",
    }
    assert multi_node.autoscaler(model(), None, "llm") is None


def test_nobody_waits_for_replicas_that_may_not_be() -> None:
    manifest = described(autoscaling={"kind": "keda", "minReplicas": 0, "maxReplicas": 2})
    assert manifest["metadata"]["annotations"] == {"pulumi.com/waitFor": "jsonpath={.metadata.uid}"}


@pytest.mark.parametrize("service", [workload.headless_service, workload.lb_service])
def test_services_choose_leaders(service: Any) -> None:
    plain = service(model(), "llm")
    chosen = multi_node.of_leaders(plain)
    assert chosen["spec"]["selector"] == {
        "app.kubernetes.io/name": "vllm",
        "app.kubernetes.io/instance": "big",
        "leaderworkerset.sigs.k8s.io/worker-index": "0",
    }
    chosen["spec"]["selector"] = plain["spec"]["selector"]
    assert chosen == plain


def test_no_pod_shares_a_list_with_another() -> None:
    leader, worker = pods()
    container(leader)["env"].clear()
    container(leader)["command"].clear()
    assert container(worker)["env"]
    assert container(worker)["command"]


@pytest.mark.parametrize(
    ("gpus", "engine", "sizes"),
    [
        (1, {}, (1, 1, 1)),
        (8, {}, (8, 1, 1)),
        (16, {}, (8, 2, 1)),
        (32, {}, (8, 4, 1)),
        (4, {"pipelineParallelSize": 2}, (2, 2, 1)),
        (16, {"tensorParallelSize": 16}, (16, 1, 1)),
        (16, {"pipelineParallelSize": 1}, (16, 1, 1)),
        (16, {"pipelineParallelSize": 4}, (4, 4, 1)),
        (16, {"tensorParallelSize": 4, "pipelineParallelSize": 4}, (4, 4, 1)),
        (16, {"dataParallelSize": 2}, (8, 1, 2)),
        (32, {"dataParallelSize": 2}, (8, 2, 2)),
        (16, {"dataParallelSize": 16}, (1, 1, 16)),
    ],
)
def test_parallelism(gpus: int, engine: dict[str, int], sizes: tuple[int, int, int]) -> None:
    assert parallelism(model(gpus=gpus, engine=engine), 8) == Parallelism(*sizes)


@pytest.mark.parametrize(("gpus", "nodes"), [(1, 1), (8, 1), (16, 2), (64, 8)])
def test_nodes_of_a_replica(gpus: int, nodes: int) -> None:
    assert node_count(model(gpus=gpus), 8) == nodes
    assert spans_nodes(model(gpus=gpus), PLACEMENT.gpus_per_node) == (nodes > 1)

"""The LeaderWorkerSet of a model: a replica is a group of pods, one on each of its nodes.

vLLM runs in every pod by itself and needs no Ray, which its image has not had since 0.19. The leader, pod
``<model>-<replica>``, answers requests and gives their work out. The workers, ``<model>-<replica>-1`` and up,
find it by a Service that LeaderWorkerSet makes for each replica. That one has the addresses of pods that still
load, so the Services of clients are others, and choose leaders only.
"""

from components.manifests.autoscaling import AVAILABLE, MetricsSource, replica_annotations
from components.manifests.autoscaling import autoscaler as scaling_object
from components.manifests.multi_node import names
from components.manifests.objects import Manifest, metadata
from components.manifests.placement import Placement
from components.manifests.workload_pod import labels_of, pod_metadata, pod_spec, selector_of
from serving.argv import node_arguments
from serving.settings import environment, of
from stacks.parallelism import node_count, parallelism
from stacks.settings import ModelSettings, ServingSettings

MEETING_PORT = 29501
"""Port of the leader at which vLLM's processes meet, and hold a connection as long as they work together."""

OF_A_SERVER = ("ports", "startupProbe", "readinessProbe", "livenessProbe")
"""Fields of a container that answers requests."""


def leader_worker_set(model: ModelSettings, placement: Placement, serving: ServingSettings, namespace: str) -> Manifest:
    """What runs the replicas of a model that spans nodes.

    A replica whose container or pod is lost starts anew as a whole: what is left of it can't go on, nor take in a
    new process. A changed template replaces one replica after the other in place, as a StatefulSet does.
    """
    leader, worker = (_pod(model, placement, serving, headless=headless) for headless in (False, True))
    spec: Manifest = {
        "leaderWorkerTemplate": {
            "size": node_count(model, placement.gpus_per_node),
            "restartPolicy": "RecreateGroupOnPodRestart",
            "leaderTemplate": {"metadata": pod_metadata(model, serving), "spec": leader},
            "workerTemplate": {"metadata": _worker_metadata(model, serving), "spec": _worker(worker)},
        },
        # The leader is not ready before the workers have joined it, so they can't wait for that.
        "startupPolicy": "LeaderCreated",
        "networkConfig": {"subdomainPolicy": "UniquePerReplica"},
        "rolloutStrategy": {
            "type": "RollingUpdate",
            "rollingUpdateConfiguration": {"maxUnavailable": 1, "maxSurge": 0},
        },
    }
    if model.first_replicas is not None:
        spec["replicas"] = model.first_replicas
    annotations = replica_annotations(model, AVAILABLE)
    return {
        "apiVersion": names.API,
        "kind": names.KIND,
        "metadata": {**metadata(model.name, namespace, labels_of(model)), "annotations": annotations},
        "spec": spec,
    }


def of_leaders(service: Manifest) -> Manifest:
    """A Service of the model that chooses the leaders among its pods, for workers answer nothing."""
    spec = service["spec"]
    return {**service, "spec": {**spec, "selector": {**spec["selector"], names.WORKER_INDEX: "0"}}}


def autoscaler(model: ModelSettings, metrics: MetricsSource | None, namespace: str) -> Manifest | None:
    """What scales a model that spans nodes, by whole replicas, or None where its settings name a number."""
    target = {"apiVersion": names.API, "kind": names.KIND, "name": model.name}
    return scaling_object(model, metrics, target, metadata(model.name, namespace, labels_of(model)))


def _pod(model: ModelSettings, placement: Placement, serving: ServingSettings, *, headless: bool) -> Manifest:
    """The ``spec`` of a pod that has one node's part of a replica."""
    pod = pod_spec(_part(model, placement), placement, serving)
    # A replica's pods are to be near each other. That they are on different nodes is due to their GPUs.
    del pod["topologySpreadConstraints"]
    near = {"podAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [_same_zone(model)]}}
    pod["affinity"] = {**pod.get("affinity", {}), **near}
    (container,) = pod["containers"]
    if "VLLM_HOST_IP" not in model.env:
        # vLLM would take the address of the interface with the default route, and there may be none.
        address = {"name": "VLLM_HOST_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}
        container["env"].insert(0, address)
    group = _group(node_count(model, placement.gpus_per_node), headless=headless)
    if serving.entrypoint == "modelyard":
        container["env"] += [{"name": name, "value": value} for name, value in environment(group).items()]
    else:
        container["command"] += node_arguments(of(group))
    if model.rdma:
        container["resources"]["limits"][model.rdma.resource] = str(model.rdma.count)
    return pod


def _part(model: ModelSettings, placement: Placement) -> ModelSettings:
    """The model as one of its pods has it: with the GPUs of a node, and the sizes of the whole replica."""
    sizes = parallelism(model, placement.gpus_per_node)
    engine = {"tensor_parallel_size": sizes.tensor, "pipeline_parallel_size": sizes.pipeline}
    return model.model_copy(update={"gpus": placement.gpus_per_node, "engine": model.engine.model_copy(update=engine)})


def _group(nodes: int, *, headless: bool) -> dict[str, object]:
    """What a server is told of the nodes that it spans. LeaderWorkerSet says to each pod who it is."""
    return {
        "nnodes": nodes,
        "node_rank": names.POD_NUMBER,
        # The leader listens there, and must not wait until the cluster's DNS knows it.
        "master_addr": names.LEADER_ADDRESS if headless else names.POD_ADDRESS,
        "master_port": MEETING_PORT,
        "headless": headless or None,
    }


def _worker(pod: Manifest) -> Manifest:
    """A pod's ``spec``, for a worker. It is ready when it runs, and ended by the loss of its leader.

    A worker that stops before its leader would end the leader's running requests. So the order to stop reaches
    vLLM in a worker only when no process of it is connected with the leader any more.
    """
    (container,) = pod["containers"]
    connected = f"grep -qs ':{MEETING_PORT:04X} 01 ' /proc/net/tcp /proc/net/tcp6"
    others = {key: value for key, value in container.items() if key not in OF_A_SERVER}
    stop = {"exec": {"command": ["sh", "-c", f"while {connected}; do sleep 1; done"]}}
    return {**pod, "containers": [{**others, "lifecycle": {"preStop": stop}}]}


def _worker_metadata(model: ModelSettings, serving: ServingSettings) -> Manifest:
    """A worker's ``metadata``, without what would have its metrics scraped, of which it has none."""
    labels = pod_metadata(model, serving)["labels"]
    return {"labels": labels, **({"annotations": dict(serving.pod_annotations)} if serving.pod_annotations else {})}


def _same_zone(model: ModelSettings) -> Manifest:
    """A pod's wish to be in the zone of the others of its replica."""
    return {
        "weight": 100,
        "podAffinityTerm": {
            "topologyKey": "topology.kubernetes.io/zone",
            "labelSelector": {"matchLabels": selector_of(model)},
            "matchLabelKeys": [names.GROUP_INDEX],
        },
    }

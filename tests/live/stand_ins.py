"""What stands in for what a cluster of somebody's has: charts, resource definitions of others, nodes with GPUs."""

import json
import shutil
from pathlib import Path

from components.manifests.higress.crds import crds
from components.manifests.objects import Manifest
from components.manifests.placement import placement
from local.kubectl import kubectl
from local.paths import CHECKOUT, Paths
from local.simulation import SimulatedNode
from stacks.settings import NAMESPACE, StackSettings
from stacks.stack_file import whole
from tests.live.sites import Config

CHARTS = Path(__file__).parent / "charts"
VERSION = "2.2.4"
"""Version of the stand-in for Higress's chart, as it is kept."""

_DISK = "simulated-disk"
_LLMAZ = CHARTS / "llmaz" / "crds" / "llmaz.yaml"


def config_of(stack: str) -> Config:
    """The ``config`` of a stack file of the checkout, with that of its bases."""
    found: Config = whole(CHECKOUT / "stacks" / f"Pulumi.{stack}.yaml")
    # Through JSON: what anchors say twice becomes two things, of which one can be changed.
    return dict(json.loads(json.dumps(found)))


def put_here(config: Config, namespace: str, folder: Path) -> None:
    """Change a stack file for the embedded cluster and the stand-ins; all else stays as it is."""
    config[f"{NAMESPACE}:cluster"] = {"kind": "embedded", "namespace": namespace}
    config[f"{NAMESPACE}:gateway"]["chart"] = {"source": str(higress_chart(VERSION, folder))}
    config[f"{NAMESPACE}:llmaz"] = {"chart": {"source": str(CHARTS / "llmaz")}}


def higress_chart(version: str, folder: Path) -> Path:
    """The stand-in for Higress's chart in some version."""
    made = folder / f"higress-{version}"
    shutil.copytree(CHARTS / "higress", made)
    for chart in made.rglob("Chart.yaml"):
        chart.write_text(chart.read_text().replace(VERSION, version))
    return made


def nodes_of(stack: StackSettings) -> list[SimulatedNode]:
    """Nodes without GPUs in three zones, and every node of the stack's pools."""
    plain = [SimulatedNode(f"plain-{zone}", {"topology.kubernetes.io/zone": zone}) for zone in "abc"]
    return plain + [
        SimulatedNode(
            f"{pool.name}-{number}",
            labels=placement(pool).node_selector,
            taints=({"key": pool.gpu_resource, "effect": "NoSchedule"},) if pool.tolerations else (),
            resources={pool.gpu_resource: str(pool.devices_per_node)},
        )
        for pool in stack.pools
        for number in range(pool.max_nodes)
    ]


def disks_of(stack: StackSettings) -> list[Manifest]:
    """A default StorageClass, and volumes of it for every replica, often enough for four lives of the stack.

    Who provides volumes makes a new one for every claim; here a claim takes one that is there, and it is used up.
    """
    replicas = sum(model.most_replicas for model in stack.models)
    return [
        {
            "apiVersion": "storage.k8s.io/v1",
            "kind": "StorageClass",
            "metadata": {"name": _DISK, "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
            "provisioner": "kubernetes.io/no-provisioner",
        },
        *(
            {
                "apiVersion": "v1",
                "kind": "PersistentVolume",
                "metadata": {"name": f"{_DISK}-{number}"},
                "spec": {
                    "storageClassName": _DISK,
                    "capacity": {"storage": "1Ti"},
                    "accessModes": ["ReadWriteOnce"],
                    "persistentVolumeReclaimPolicy": "Retain",
                    "hostPath": {"path": f"/{_DISK}"},
                },
            }
            for number in range(4 * replicas)
        ),
    ]


def define_higress_strictly(paths: Paths) -> None:
    """Put Higress's resource definitions into the cluster, and such that refuse what they don't know."""
    items = crds(strict=True)
    kubectl(paths, "create", "--filename=-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))
    kubectl(paths, "wait", *_names(), "--for=condition=Established")


def undefine(paths: Paths) -> None:
    """Take all resource definitions away: these, and those that a destroyed stack leaves."""
    kubectl(paths, "delete", "--ignore-not-found", f"--filename={_LLMAZ}")
    kubectl(paths, "delete", "--ignore-not-found", *_names())


def _names() -> list[str]:
    return [f"crd/{item['metadata']['name']}" for item in crds()]

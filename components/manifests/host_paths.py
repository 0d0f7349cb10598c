"""Folders of the node that every model's container sees."""

from components.manifests.objects import Manifest
from stacks.settings import ServingSettings


def host_volumes(serving: ServingSettings) -> list[Manifest]:
    """The pod's volumes of them."""
    return [
        {"name": f"host-{mount.name}", "hostPath": {"path": mount.host_path, "type": "Directory"}}
        for mount in serving.host_paths
    ]


def host_mounts(serving: ServingSettings) -> list[Manifest]:
    """The container's mounts of them."""
    return [
        {"name": f"host-{mount.name}", "mountPath": mount.mount_path, "readOnly": True} for mount in serving.host_paths
    ]

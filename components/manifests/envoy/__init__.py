"""Envoy's configuration for the gateway: a stack's settings in, plain data out."""

from components.manifests.envoy.bootstrap import (
    CDS_FILE,
    RDS_FILE,
    bootstrap,
    cluster_discovery,
    route_discovery,
    static_config,
)
from components.manifests.envoy.site import POD, Site

__all__ = [
    "CDS_FILE",
    "POD",
    "RDS_FILE",
    "Site",
    "bootstrap",
    "cluster_discovery",
    "route_discovery",
    "static_config",
]

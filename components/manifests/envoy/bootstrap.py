"""Envoy's bootstrap and the two files that it watches."""

from components.manifests.envoy import names
from components.manifests.envoy.clusters import admin_cluster, clusters
from components.manifests.envoy.listeners import listeners
from components.manifests.envoy.metrics import stats_config
from components.manifests.envoy.overload import overload_manager
from components.manifests.envoy.proto import Json, extension, socket_address, typed
from components.manifests.envoy.routes import route_configuration
from components.manifests.envoy.site import POD, Site
from components.manifests.envoy.tracing import collector_clusters
from stacks.settings import StackSettings

CDS_FILE = "cds.yaml"
"""Name of the file of clusters, in the site's dynamic folder."""
RDS_FILE = "rds.yaml"
"""Name of the file of routes, in the site's dynamic folder."""

REGEX_PROGRAM_LIMIT = 1000
"""In place of 100, which the list of paths exceeds."""


def bootstrap(stack: StackSettings, site: Site = POD) -> Json:
    """What Envoy starts with: all that does not depend on models and routes. It holds the API keys."""
    edge_routes = {"rds": {"route_config_name": names.ROUTES, "config_source": _watched(site, RDS_FILE)}}
    return {
        **_base(stack, site),
        "dynamic_resources": {"cds_config": _watched(site, CDS_FILE)},
        "static_resources": {
            "listeners": listeners(stack.envoy, edge_routes, site),
            "clusters": [admin_cluster(site), *collector_clusters(stack.envoy)],
        },
    }


def cluster_discovery(stack: StackSettings, site: Site = POD) -> Json:
    """The file of clusters."""
    return {"resources": [typed("envoy.config.cluster.v3.Cluster", **cluster) for cluster in clusters(stack, site)]}


def route_discovery(stack: StackSettings) -> Json:
    """The file of routes."""
    return {"resources": [typed("envoy.config.route.v3.RouteConfiguration", **route_configuration(stack))]}


def static_config(stack: StackSettings, site: Site = POD) -> Json:
    """Everything as one static configuration, because ``envoy --mode validate`` reads no watched file."""
    return {
        **_base(stack, site),
        "static_resources": {
            "listeners": listeners(stack.envoy, {"route_config": route_configuration(stack)}, site),
            "clusters": [admin_cluster(site), *collector_clusters(stack.envoy), *clusters(stack, site)],
        },
    }


def _base(stack: StackSettings, site: Site) -> Json:
    return {
        "node": {"id": stack.envoy.name, "cluster": "modelyard"},
        "admin": {"address": socket_address("127.0.0.1", site.admin_port)},
        "bootstrap_extensions": [
            extension(
                "envoy.bootstrap.internal_listener",
                "envoy.extensions.bootstrap.internal_listener.v3.InternalListener",
                buffer_size_kb=names.HOP_BUFFER_KIB,
            )
        ],
        "stats_config": stats_config(),
        "overload_manager": overload_manager(stack.envoy.memory),
        "layered_runtime": {
            "layers": [
                {"name": "static", "static_layer": {"re2.max_program_size.error_level": REGEX_PROGRAM_LIMIT}},
            ]
        },
    }


def _watched(site: Site, file: str) -> Json:
    return {
        "resource_api_version": "V3",
        "path_config_source": {
            "path": f"{site.dynamic_folder}/{file}",
            "watched_directory": {"path": site.dynamic_folder},
        },
    }

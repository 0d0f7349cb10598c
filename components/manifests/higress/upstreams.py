"""How the gateway treats the pods of each model: their health, how long it tries to connect, and their name."""

from components.manifests.envoy.chains import connect_seconds
from components.manifests.envoy.clusters import health_check, outlier_detection
from components.manifests.envoy.proto import Json, seconds
from components.manifests.higress import names
from components.manifests.higress.envoy_filter import envoy_filter, on_cluster
from components.manifests.objects import Manifest
from stacks.settings import ModelSettings, StackSettings


def upstream_filter(stack: StackSettings) -> Manifest:
    """The changes of the models' clusters."""
    return envoy_filter(
        stack,
        "modelyard-upstreams",
        [on_cluster(names.service(model), _cluster(stack, model)) for model in stack.models],
    )


def _cluster(stack: StackSettings, model: ModelSettings) -> Json:
    return {
        "metadata": {"filter_metadata": {names.METADATA: {"model": model.name}}},
        "connect_timeout": seconds(connect_seconds(stack, model)),
        # The records of pods say how long they hold, a few seconds; while there is no pod there is no record.
        "dns_refresh_rate": "2s",
        "respect_dns_ttl": True,
        "ignore_health_on_host_removal": True,
        # No panic: a model without a healthy pod is skipped, and the next of the chain is asked at once.
        "common_lb_config": {"healthy_panic_threshold": {"value": 0}},
        "health_checks": [health_check()],
        "outlier_detection": outlier_detection(),
    }

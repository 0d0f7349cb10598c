"""How the gateway treats the pods of each model: their health, how long it tries to connect, and their name."""

from components.manifests.envoy.clusters import pod_health
from components.manifests.envoy.proto import Json
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
        **pod_health(stack, model),
    }

"""The Pulumi program: settings of the stack in, platform on the cluster, outputs out."""

import pulumi

from components.delivery import delivered
from components.manifests.envoy_gateway import GatewayConfigTooLargeError
from components.platform import Platform
from components.verification import verification
from stacks import configuration, kubeconfig, promotions
from stacks.cluster_outputs import exported
from stacks.settings import SettingsError, StackSettings


def make_cluster(stack: StackSettings) -> None:
    """What stacks of models build upon."""
    # Here, for most stacks are none and would load it in vain.
    from components.cluster import Cluster

    Cluster("cluster", stack)
    for name, value in exported(stack).items():
        pulumi.export(name, value)


def make_platform(stack: StackSettings) -> None:
    """The whole platform, or the models and the gateway of one that is split."""
    platform = Platform("platform", stack)
    pulumi.export("base_url", platform.base_url)
    for name in ("console_url", "console_password", "dashboards_url"):
        if (value := getattr(platform.gateway, name)) is not None:
            pulumi.export(name, value)
    pulumi.export("models", {name: model.base_url for name, model in platform.models.items()})
    pulumi.export(
        "routes",
        {
            route.model: {
                "upstreams": {upstream.model: upstream.weight for upstream in route.targets},
                "fallback": list(route.fallback),
            }
            for route in stack.all_routes
        },
    )
    told = delivered(stack, platform.gateway.ready)
    if stack.verify.enabled:
        ready = [told, *(model.ready for model in platform.models.values())]
        pulumi.export("verify", verification(stack, platform.base_url, ready))
    if stack.promotions:
        pulumi.export(promotions.OUTPUT, promotions.exported(stack))


try:
    settings = configuration.read()
    if missing := kubeconfig.missing(settings.cluster):
        pulumi.log.warn(f"No cluster is asked, and an update could not reach it: {missing.seen}. {missing.remedy}")
    (make_cluster if settings.part == "cluster" else make_platform)(settings)
except (SettingsError, GatewayConfigTooLargeError) as error:
    raise pulumi.RunError(f"This stack cannot work as it is written:\n{error}") from None

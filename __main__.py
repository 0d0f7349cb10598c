"""The Pulumi program: settings of the stack in, platform on the cluster, outputs out."""

import pulumi

from components.manifests.envoy_gateway import GatewayConfigTooLargeError
from components.platform import Platform
from stacks import configuration
from stacks.settings import SettingsError

try:
    stack = configuration.read()
    platform = Platform("platform", stack)
except (SettingsError, GatewayConfigTooLargeError) as error:
    raise pulumi.RunError(f"This stack cannot work as it is written:\n{error}") from None

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

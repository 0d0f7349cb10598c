"""The gateway made of Higress."""

from collections.abc import Iterable, Sequence

import pulumi

from components.gateway.higress_release import HigressRelease
from components.manifests.higress import collection
from components.manifests.objects import Manifest
from components.objects import create
from stacks.settings import StackSettings


class HigressGateway(pulumi.ComponentResource):
    """Higress by Helm, and the providers and routes that its console would write for the stack.

    It takes the whole stack, since every model and every route is its configuration. It waits for
    no model: a route to one that still loads answers by its fallback.
    """

    base_url: pulumi.Output[str]
    """URL that clients use, ending in ``/v1``."""
    ready: pulumi.Output[bool]
    """True, and known only once it has been told of all models and routes, and its pods are ready."""
    console_url: pulumi.Output[str] | None
    """URL of the console."""
    console_password: pulumi.Output[str] | None
    """Password of the console's administrator, a secret."""
    dashboards_url: pulumi.Output[str] | None
    """URL of the chart's Grafana, where the stack asks for it."""

    def __init__(self, name: str, stack: StackSettings, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("modelyard:index:HigressGateway", name, {}, opts)
        release = HigressRelease(f"{name}-higress", stack, pulumi.ResourceOptions(parent=self))
        # Routes come after what they lean on, and go before it: a plugin that outlives the chart's
        # resource definitions keeps the next installation from starting.
        secrets = self._create(name, collection.secret_objects(stack), release.ready)
        plugins = self._create(name, collection.plugin_objects(stack), [*release.ready, *secrets])
        routes = self._create(name, collection.route_objects(stack), plugins)

        self.ready = pulumi.Output.all(*(route.urn for route in routes)).apply(lambda _: True)
        self.base_url = release.base_url
        self.console_url = release.console_url
        self.console_password = release.console_password
        self.dashboards_url = release.dashboards_url
        self.register_outputs({"baseUrl": self.base_url, "consoleUrl": self.console_url})

    def _create(
        self, name: str, manifests: Iterable[Manifest], after: Sequence[pulumi.Resource]
    ) -> list[pulumi.Resource]:
        opts = pulumi.ResourceOptions(parent=self, depends_on=list(after))
        return [create(f"{name}-{collection.object_name(manifest)}", manifest, opts) for manifest in manifests]

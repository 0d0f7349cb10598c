"""What scales a model, whatever runs its replicas."""

import pulumi

from components.manifests.objects import Manifest
from components.model_service import exchange
from components.objects import custom_resource


def make_autoscaler(name: str, manifest: Manifest, parent: pulumi.Resource) -> pulumi.Resource:
    """Make a HorizontalPodAutoscaler, or a ScaledObject of KEDA, whose definition must be in the cluster."""
    if manifest["kind"] == "HorizontalPodAutoscaler":
        # Here, for it takes long to load, and few models have one.
        from pulumi_kubernetes.autoscaling.v2 import HorizontalPodAutoscaler

        return HorizontalPodAutoscaler(
            name,
            metadata=manifest["metadata"],
            spec=manifest["spec"],
            opts=exchange.scaler_options(exchange.AUTOSCALER, parent),
        )
    return custom_resource(name, manifest, exchange.scaler_options(exchange.SCALED_OBJECT, parent))

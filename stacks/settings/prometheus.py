"""The Prometheus that has the metrics of models and gateway."""

from typing import Annotated

from stacks.settings.base import Form, Name, Settings


class PrometheusSettings(Settings):
    """The Prometheus that KEDA asks, for models with ``autoscaling.kind: keda``."""

    url: Annotated[
        str,
        Form(
            r"^https?://[^/\s]+(/\S*[^/\s])?$",
            "is no address of a Prometheus: write one that begins with http:// or https:// and has no '/' at its end, "
            "such as http://prometheus-operated.monitoring.svc:9090",
        ),
    ]
    """Where its API is, for pods of the cluster, without ``/api/v1``."""
    trigger_authentication: Name | None = None
    """A TriggerAuthentication of KEDA in the models' namespace, for a Prometheus that asks who calls."""

"""Alerts about what is so, beside those about objectives."""

from components.manifests.alerts.alert import alert
from components.manifests.alerts.expressions import share
from components.manifests.objects import Manifest
from stacks.settings import ModelSettings, ObservabilitySettings, StackSettings


def conditions(stack: StackSettings, settings: ObservabilitySettings) -> list[Manifest]:
    """The alerts of gateway and models."""
    own = f'namespace="{stack.cluster.namespace}"'
    found = [
        alert(
            settings,
            "ModelyardGatewayDown",
            "critical",
            f"absent(modelyard:gateway_pods:count{{{own}}})",
            lasting="5m",
            summary="No pod of the gateway is seen",
            description="Prometheus has read the metrics of no pod of the gateway for 5 minutes.",
        ),
        *(_model_down(settings, own, model) for model in stack.models if model.least_replicas),
        _fallbacks(settings, own),
        alert(
            settings,
            "ModelyardModelSaturated",
            "warning",
            f"modelyard:model_waiting:sum{{{own}}} > 0",
            lasting="15m",
            summary="Requests wait for model {{ $labels.model }}",
            description=(
                "For 15 minutes there was no look at its engines' queues that found none; {{ $value }} wait now."
            ),
        ),
    ]
    if stack.gateway.kind == "envoy":
        found.append(
            alert(
                settings,
                "ModelyardBodiesUnread",
                "warning",
                f"modelyard:unread_bodies:rate5m{{{own}}} > 0",
                summary="The gateway's program that reads bodies fails",
                description="{{ $value | humanize }} requests a second pass without their tokens being counted.",
            )
        )
    return found


def _model_down(settings: ObservabilitySettings, own: str, model: ModelSettings) -> Manifest:
    return alert(
        settings,
        "ModelyardModelDown",
        "critical",
        f'absent(modelyard:model_pods:count{{{own},model="{model.name}"}})',
        lasting="10m",
        summary="No replica of model {{ $labels.model }} is seen",
        description="Prometheus has read the metrics of none of its pods for 10 minutes. Its fallbacks answer.",
        model=model.name,
    )


def _fallbacks(settings: ObservabilitySettings, own: str) -> Manifest:
    fallbacks = f"sum by (namespace, route) (modelyard:fallbacks:rate5m{{{own}}})"
    answers = f'sum by (namespace, route) (modelyard:requests:rate5m{{{own},route!="",status=~"2.."}})'
    percent = settings.alerts.fallback_percent
    return alert(
        settings,
        "ModelyardFallbacks",
        "warning",
        f"{share(fallbacks, answers)} > {percent / 100:g}",
        lasting="15m",
        summary="Route {{ $labels.route }} is answered by its fallbacks",
        description=f"{{{{ $value | humanizePercentage }}}} of its answers came from a fallback, above {percent:g} %.",
    )

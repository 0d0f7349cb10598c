"""Model services without an operator."""

import pulumi
from pulumi_kubernetes.apps.v1 import StatefulSet
from pulumi_kubernetes.autoscaling.v2 import HorizontalPodAutoscaler
from pulumi_kubernetes.core.v1 import Service
from pulumi_kubernetes.policy.v1 import PodDisruptionBudget

from components.manifests import workload
from components.manifests.workload_pod import PORT
from components.model_service import exchange
from components.model_service.contract import ModelServiceArgs


class NativeModelService(pulumi.ComponentResource):
    """A model as a StatefulSet, its two Services, and what guards and scales its replicas.

    ``pulumi up`` waits until every replica is ready, as long as the model's ``probes`` allow. While a
    replica has no node, Pulumi says no more than how many are ready: the provider passes on what the
    pods' containers report, but not the scheduler's reason, which stands in the pod's events.
    """

    base_url: pulumi.Output[str]
    """URL of the OpenAI-compatible API in the cluster, ending in ``/v1``. Known before the model is ready."""
    served_names: pulumi.Output[list[str]]
    """The names that the model answers to."""
    metrics_port: pulumi.Output[int]
    """The pods' port with ``/metrics``."""
    ready: pulumi.Output[bool]
    """True, and known only once all replicas are ready."""

    def __init__(self, name: str, args: ModelServiceArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(exchange.NATIVE, name, {}, exchange.component_options(exchange.NATIVE, opts))
        child = pulumi.ResourceOptions(parent=self)
        model, namespace = args.model, args.namespace

        manifest = workload.stateful_set(model, args.placement, args.serving, namespace)
        stateful_set = StatefulSet(
            f"{name}-replicas",
            metadata=manifest["metadata"],
            spec=manifest["spec"],
            opts=exchange.workload_options(
                exchange.STATEFUL_SET,
                self,
                workload.rollout_seconds(model),
                autoscaled=model.autoscaling is not None,
            ),
        )
        headless = workload.headless_service(model, namespace)
        Service(f"{name}-service", metadata=headless["metadata"], spec=headless["spec"], opts=child)
        balanced = workload.lb_service(model, namespace)
        Service(f"{name}-lb-service", metadata=balanced["metadata"], spec=balanced["spec"], opts=child)
        if budget := workload.pod_disruption_budget(model, namespace):
            PodDisruptionBudget(f"{name}-budget", metadata=budget["metadata"], spec=budget["spec"], opts=child)
        if scaler := workload.horizontal_pod_autoscaler(model, namespace):
            HorizontalPodAutoscaler(f"{name}-autoscaler", metadata=scaler["metadata"], spec=scaler["spec"], opts=child)

        self.base_url = pulumi.Output.from_input(workload.base_url(model, namespace))
        self.served_names = pulumi.Output.from_input(list(model.names))
        self.metrics_port = pulumi.Output.from_input(PORT)
        self.ready = stateful_set.id.apply(lambda _: True)
        self.register_outputs(
            {
                "baseUrl": self.base_url,
                "servedNames": self.served_names,
                "metricsPort": self.metrics_port,
                "ready": self.ready,
            }
        )

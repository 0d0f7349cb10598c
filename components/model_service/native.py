"""Model services without an operator."""

from collections.abc import Callable, Mapping

import pulumi
from pulumi_kubernetes.apiextensions import CustomResource
from pulumi_kubernetes.apps.v1 import Deployment, StatefulSet
from pulumi_kubernetes.core.v1 import Service
from pulumi_kubernetes.policy.v1 import PodDisruptionBudget

from components.manifests import workload
from components.manifests.multi_node import workload as multi_node
from components.manifests.workload_pod import PORT
from components.model_service import exchange
from components.model_service.autoscaler import make_autoscaler
from components.model_service.contract import ModelServiceArgs
from components.model_service.prefetch import make_prefetch
from stacks.parallelism import spans_nodes

KINDS: Mapping[str, tuple[Callable[..., pulumi.CustomResource], str]] = {
    "StatefulSet": (StatefulSet, exchange.STATEFUL_SET),
    "Deployment": (Deployment, exchange.DEPLOYMENT),
    "LeaderWorkerSet": (CustomResource, exchange.LEADER_WORKER_SET),
}
"""The resource of each kind that runs replicas, and its type."""


class NativeModelService(pulumi.ComponentResource):
    """What runs a model's replicas, its two Services, and what guards and scales them.

    The replicas are a StatefulSet's or a Deployment's, or a LeaderWorkerSet's where they span nodes.

    ``pulumi up`` waits until every replica is ready, as long as the model's ``probes`` allow, but for a model
    that may have none: how many that has is up to who asks for it. While a replica has no node, Pulumi says no
    more than how many are ready: the provider passes on what the pods' containers report, but not the
    scheduler's reason, which stands in the pod's events.
    """

    base_url: pulumi.Output[str]
    """URL of the OpenAI-compatible API in the cluster, ending in ``/v1``. Known before the model is ready."""
    served_names: pulumi.Output[list[str]]
    """The names that the model answers to."""
    metrics_port: pulumi.Output[int]
    """The pods' port with ``/metrics``."""
    ready: pulumi.Output[bool]
    """True, and known only once all replicas are ready, or at once where there may be none."""

    def __init__(self, name: str, args: ModelServiceArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(exchange.NATIVE, name, {}, exchange.component_options(exchange.NATIVE, opts))
        child = pulumi.ResourceOptions(parent=self)
        model, namespace = args.model, args.namespace

        several = spans_nodes(model, args.placement.gpus_per_node)
        describe = multi_node.leader_worker_set if several else workload.replicas
        manifest = describe(model, args.placement, args.serving, namespace)
        make, own = KINDS[manifest["kind"]]
        replicas = make(
            f"{name}-replicas",
            api_version=manifest["apiVersion"],
            kind=manifest["kind"],
            metadata=manifest["metadata"],
            spec=manifest["spec"],
            opts=exchange.workload_options(
                own,
                self,
                workload.rollout_seconds(model),
                autoscaled=model.autoscaling is not None,
                depends_on=make_prefetch(name, args, self),
            ),
        )
        services = {
            f"{name}-service": workload.headless_service(model, namespace),
            f"{name}-lb-service": workload.lb_service(model, namespace),
        }
        for own_name, service in services.items():
            chosen = multi_node.of_leaders(service) if several else service
            Service(own_name, metadata=chosen["metadata"], spec=chosen["spec"], opts=child)
        if budget := workload.pod_disruption_budget(model, namespace):
            PodDisruptionBudget(f"{name}-budget", metadata=budget["metadata"], spec=budget["spec"], opts=child)
        scale = multi_node.autoscaler if several else workload.autoscaler
        if scaler := scale(model, args.metrics, namespace):
            make_autoscaler(f"{name}-autoscaler", scaler, self)

        self.base_url = pulumi.Output.from_input(workload.base_url(model, namespace))
        self.served_names = pulumi.Output.from_input(list(model.names))
        self.metrics_port = pulumi.Output.from_input(PORT)
        self.ready = replicas.id.apply(lambda _: True)
        self.register_outputs(
            {
                "baseUrl": self.base_url,
                "servedNames": self.served_names,
                "metricsPort": self.metrics_port,
                "ready": self.ready,
            }
        )

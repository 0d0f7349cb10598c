"""Model services by the llmaz operator."""

import pulumi
from pulumi_kubernetes.apiextensions import CustomResource
from pulumi_kubernetes.core.v1 import Service
from pulumi_kubernetes.policy.v1 import PodDisruptionBudget

from components.manifests import workload
from components.manifests.llmaz import model as manifests
from components.manifests.workload_pod import PORT
from components.model_service import exchange
from components.model_service.autoscaler import make_autoscaler
from components.model_service.contract import ModelServiceArgs
from components.objects import custom_resource


class LlmazModelService(pulumi.ComponentResource):
    """A model as an OpenModel and a Playground, or an inference Service where a Playground can't describe it.

    llmaz has had no commit since October 2025, so the default backend is the native one. ``pulumi up``
    waits until every replica of a new model is ready, as long as the model's ``probes`` allow.
    """

    base_url: pulumi.Output[str]
    """URL of the OpenAI-compatible API in the cluster, ending in ``/v1``. Known before the model is ready."""
    served_names: pulumi.Output[list[str]]
    """The names that the model answers to."""
    metrics_port: pulumi.Output[int]
    """The pods' port with ``/metrics``."""
    ready: pulumi.Output[bool]
    """True, and known only once llmaz has called the model available."""

    def __init__(self, name: str, args: ModelServiceArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(exchange.LLMAZ, name, {}, exchange.component_options(exchange.LLMAZ, opts))
        child = pulumi.ResourceOptions(parent=self)
        model, namespace = args.model, args.namespace

        replicas = self._replicas(name, args)
        if budget := manifests.pod_disruption_budget(model, namespace):
            PodDisruptionBudget(f"{name}-budget", metadata=budget["metadata"], spec=budget["spec"], opts=child)
        if scaler := manifests.autoscaler(model, args.placement, args.serving, args.metrics, namespace):
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

    def _replicas(self, name: str, args: ModelServiceArgs) -> CustomResource:
        child = pulumi.ResourceOptions(parent=self)
        model, placement, serving = args.model, args.placement, args.serving
        # The operators make Services of these names where there are none, so these come first.
        headless = manifests.headless_service(model, args.namespace)
        balanced = manifests.lb_service(model, args.namespace)
        before: list[pulumi.Resource] = [
            Service(f"{name}-service", metadata=headless["metadata"], spec=headless["spec"], opts=child),
            Service(f"{name}-lb-service", metadata=balanced["metadata"], spec=balanced["spec"], opts=child),
            custom_resource(f"{name}-openmodel", manifests.open_model(model, placement), child),
        ]
        if manifests.fits_playground(model, placement, serving):
            runtime = manifests.backend_runtime(model, placement, serving)
            before.append(custom_resource(f"{name}-runtime", runtime, child))
        manifest = manifests.replicas(model, placement, serving, args.namespace)
        own = exchange.PLAYGROUND if manifest["kind"] == "Playground" else exchange.INFERENCE_SERVICE
        opts = exchange.workload_options(
            own,
            self,
            workload.rollout_seconds(model),
            autoscaled=model.autoscaling is not None,
            depends_on=before,
        )
        return custom_resource(f"{name}-replicas", manifest, opts)

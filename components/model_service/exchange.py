"""What lets a model change its backend, or its rollout, within one update, under the same names.

All but a Deployment run pods ``<model>-0`` and up, and a pool may have GPUs for one of two only, so the new
one can't begin before the old one has ended. Until it answers, the fallbacks do.
Pulumi removes what a program no longer has at the very end, when it would have waited for the new
pods in vain. So what runs the replicas is one resource to it, whatever its kind: it deletes the one
kind and then makes the other. The Services stay, and choose other pods.
"""

from collections.abc import Sequence

import pulumi

NATIVE = "modelyard:index:NativeModelService"
"""Type of the component without an operator."""
LLMAZ = "modelyard:index:LlmazModelService"
"""Type of the component on llmaz."""
STATEFUL_SET = "kubernetes:apps/v1:StatefulSet"
"""Type of what runs the replicas without an operator, replaced in place."""
DEPLOYMENT = "kubernetes:apps/v1:Deployment"
"""Type of what runs the replicas without an operator, where new ones start beside the old."""
LEADER_WORKER_SET = "kubernetes:leaderworkerset.x-k8s.io/v1:LeaderWorkerSet"
"""Type of what runs replicas that span nodes."""
PLAYGROUND = "kubernetes:inference.llmaz.io/v1alpha1:Playground"
"""Type of what runs the replicas on llmaz."""
INFERENCE_SERVICE = "kubernetes:inference.llmaz.io/v1alpha1:Service"
"""Type of what runs the replicas on llmaz where a Playground can't describe them."""
AUTOSCALER = "kubernetes:autoscaling/v2:HorizontalPodAutoscaler"
"""Type of what scales the replicas without an operator."""
SCALED_OBJECT = "kubernetes:keda.sh/v1alpha1:ScaledObject"
"""Type of what scales the replicas by KEDA."""


def component_options(own: str, opts: pulumi.ResourceOptions | None) -> pulumi.ResourceOptions:
    """The options of a model service of a type, which may have been of another before."""
    return pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(aliases=_others(own, (NATIVE, LLMAZ))))


def workload_options(
    own: str,
    parent: pulumi.Resource,
    seconds: int,
    *,
    autoscaled: bool,
    depends_on: Sequence[pulumi.Resource] | None = None,
) -> pulumi.ResourceOptions:
    """The options of what runs the replicas.

    Args:
        own: its type.
        parent: the model service.
        seconds: longest time to wait for all replicas.
        autoscaled: whether an autoscaler owns the number of replicas.
        depends_on: what must be there before.
    """
    wait = f"{seconds}s"
    return pulumi.ResourceOptions(
        parent=parent,
        depends_on=depends_on,
        custom_timeouts=pulumi.CustomTimeouts(create=wait, update=wait, delete=wait),
        # Where an autoscaler owns the number, the last number asked for must not come back.
        ignore_changes=["spec.replicas"] if autoscaled else None,
        aliases=_others(own, (STATEFUL_SET, DEPLOYMENT, LEADER_WORKER_SET, PLAYGROUND, INFERENCE_SERVICE)),
        replace_on_changes=["kind"],
        delete_before_replace=True,
    )


def scaler_options(own: str, parent: pulumi.Resource) -> pulumi.ResourceOptions:
    """The options of what scales the replicas: KEDA refuses what another autoscaler has, so that goes first."""
    return pulumi.ResourceOptions(
        parent=parent,
        aliases=_others(own, (AUTOSCALER, SCALED_OBJECT)),
        replace_on_changes=["kind"],
        delete_before_replace=True,
    )


def _others(own: str, types: Sequence[str]) -> list[pulumi.Alias | pulumi.Input[str]]:
    return [pulumi.Alias(type_=other) for other in types if other != own]

"""The Job that fetches a model's weights before its replicas start."""

import pulumi

from components.manifests.weights.job import SECONDS, prefetch_job
from components.model_service.contract import ModelServiceArgs


def make_prefetch(name: str, args: ModelServiceArgs, parent: pulumi.Resource) -> list[pulumi.Resource]:
    """Make the Job, if the model has one, and return what its replicas must wait for.

    ``pulumi up`` waits until everything is there. An update that would start replicas without their
    weights ends here instead, and leaves the replicas of before alone.
    """
    manifest = prefetch_job(args.model, args.placement, args.serving, args.namespace)
    if manifest is None:
        return []
    # Here, for it takes long to load, and few models have a Job.
    from pulumi_kubernetes.batch.v1 import Job

    wait = f"{SECONDS}s"
    job = Job(
        f"{name}-weights",
        metadata=manifest["metadata"],
        spec=manifest["spec"],
        opts=pulumi.ResourceOptions(
            parent=parent,
            custom_timeouts=pulumi.CustomTimeouts(create=wait, update=wait),
            # A changed Job has its name of before where it fetches the same weights.
            delete_before_replace=True,
        ),
    )
    return [job]

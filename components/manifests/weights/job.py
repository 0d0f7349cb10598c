"""The Job that fetches a model's weights into a claim before any replica starts."""

import hashlib
from importlib.resources import files

from components.manifests.host_paths import host_mounts, host_volumes
from components.manifests.model_source import fetch_arguments, fetched_before, fetches_itself, hub_token
from components.manifests.objects import (
    Manifest,
    container_security_context,
    labels,
    metadata,
    pod_security_context,
)
from components.manifests.placement import Placement
from components.manifests.weights.cache import HUB_PATH, cache
from components.manifests.weights.claims import cache_claim
from components.manifests.weights.download import HOPELESS
from components.manifests.workload_pod import HOME, unexpanded
from serving.exits import ExitCode
from serving.settings import environment as arguments
from stacks.settings import ModelSettings, ServingSettings
from stacks.settings.sources import HubSource, weights_source

PROGRAM = files(__package__).joinpath("download.py").read_text()
"""What the Job runs. It is told as text, for the image knows nothing of Modelyard."""

SECONDS = 6 * 3600
"""Longest time that weights may take to come, all tries together."""
TRIES = 6
"""How often the Job tries again after a failure, each time after twice as long as before, from ten seconds on."""

_OURS = ["-m", "serving", "--fetch-only"]
"""What it runs instead where the image has the ``serving`` package, which fetches the weights."""
_OURS_HOPELESS = sorted(
    map(int, (ExitCode.SETTINGS, ExitCode.DISK, ExitCode.TOKEN, ExitCode.WEIGHTS, ExitCode.MODEL_CONFIG))
)
"""The exit codes of that where another try would fail just the same."""

STAY_AWAY = 100
"""The weight of the wish to run on no node of the pool, of 1 to 100."""


def prefetch_job(
    model: ModelSettings, placement: Placement, serving: ServingSettings, namespace: str
) -> Manifest | None:
    """The Job, or None where replicas fetch their weights themselves.

    Its name says what it fetches and where to, so that another revision is another Job.
    """
    if not fetched_before(model, serving):
        return None
    own = labels("weights", model.name, "model-service")
    about = metadata(_name(model, serving), namespace, own)
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        # One that has failed is made anew by the next update, whatever that changes.
        "metadata": {**about, "annotations": {"pulumi.com/replaceUnready": "true"}},
        "spec": {
            "backoffLimit": TRIES,
            "activeDeadlineSeconds": SECONDS,
            "podFailurePolicy": {
                "rules": [
                    {
                        "action": "FailJob",
                        "onExitCodes": {
                            "containerName": "download",
                            "operator": "In",
                            "values": _OURS_HOPELESS if fetches_itself(model, serving) else [HOPELESS],
                        },
                    },
                    # A drained node is no failure.
                    {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
                ]
            },
            "template": {
                "metadata": {
                    "labels": {**serving.pod_labels, **own},
                    **({"annotations": dict(serving.pod_annotations)} if serving.pod_annotations else {}),
                },
                "spec": _pod(model, placement, serving),
            },
        },
    }


def _name(model: ModelSettings, serving: ServingSettings) -> str:
    what = "\n".join((model.name, model.source, model.revision or "", cache_claim(model, serving) or ""))
    # At most 63 characters, as the pods have it for a label.
    return f"{model.name[:45].rstrip('-')}-weights-{hashlib.sha256(what.encode()).hexdigest()[:8]}"


def _pod(model: ModelSettings, placement: Placement, serving: ServingSettings) -> Manifest:
    weights = model.weights.over(serving.weights)
    kept = cache(model, serving, weights, fetched=True)
    place = weights_source(model.source)
    if not isinstance(place, HubSource):
        raise TypeError("only weights of a hub are fetched")
    told = fetch_arguments(model, serving)
    environment = {**model.env, **HOME, "HF_HUB_CACHE": HUB_PATH, "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
    if told:
        environment |= arguments({"model": place.repository, "revision": model.revision, **told})
    spec: Manifest = {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "restartPolicy": "Never",
        "securityContext": pod_security_context(writes_claims=kept.fs_group),
        "containers": [
            {
                "name": "download",
                "image": serving.image,
                "imagePullPolicy": serving.image_pull_policy,
                "command": unexpanded([serving.python, *(_OURS if told else _program(model, place))]),
                "env": [
                    *({"name": name, "value": value} for name, value in environment.items()),
                    hub_token(weights),
                ],
                "resources": {"requests": {"cpu": "1", "memory": "2Gi"}, "limits": {"memory": "8Gi"}},
                "terminationMessagePolicy": "FallbackToLogsOnError",
                "securityContext": container_security_context(),
                "volumeMounts": [
                    {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 - the container's own
                    *kept.mounts,
                    *host_mounts(serving),
                ],
            }
        ],
        "volumes": [
            {"name": "tmp", "emptyDir": {}},
            *kept.volumes,
            *host_volumes(serving),
        ],
        **_place(placement, on_pool=weights.prefetch_on_pool),
    }
    spec |= {
        name: value
        for name, value in (
            ("serviceAccountName", serving.service_account),
            ("imagePullSecrets", [{"name": name} for name in serving.image_pull_secrets]),
        )
        if value
    }
    return spec


def _program(model: ModelSettings, place: HubSource) -> list[str]:
    return ["-c", PROGRAM, place.repository, model.revision or "main"]


def _place(placement: Placement, *, on_pool: bool) -> Manifest:
    """Where the Job's pod goes. It needs no GPU, so it takes no room from one, where it has a choice."""
    if on_pool:
        return placement.pod_fields()
    if not placement.node_selector:
        return {}
    others = [
        {
            "weight": STAY_AWAY,
            "preference": {"matchExpressions": [{"key": key, "operator": "NotIn", "values": [value]}]},
        }
        for key, value in placement.node_selector.items()
    ]
    return {"affinity": {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": others}}}

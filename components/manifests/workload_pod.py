"""The pod of a native model: one container that runs vLLM."""

import math

from components.manifests.extra_weights import ExtraWeights, extra_weights
from components.manifests.host_paths import host_mounts, host_volumes
from components.manifests.model_source import ModelSource, fetch_arguments, hub_token, model_source
from components.manifests.objects import (
    MODEL_PODS,
    Manifest,
    bin_packing,
    container_security_context,
    labels,
    pod_security_context,
    selector,
    topology_spread,
)
from components.manifests.placement import Placement
from components.manifests.weights.shared_claims import one_volume_a_claim
from serving.argv import server_command
from serving.gate import HEALTH, LIVE, READY
from serving.settings import PREFIX, environment, of
from serving.vllm_arguments import destinations
from stacks.parallelism import parallelism
from stacks.settings import ModelSettings, ServingSettings
from stacks.settings.probes import OF_THE_ENTRYPOINT
from stacks.startup import startup_seconds

APPLICATION = "vllm"
"""``app.kubernetes.io/name`` of every model's objects."""

PORT = 8080
"""Port of vLLM in the pod, for requests and for ``/metrics``."""

PROBE_SECONDS = 2
"""Seconds between two probes at the start: what a finished start may wait to be noticed."""

HOME = {"HOME": "/tmp", "USER": "modelyard"}  # noqa: S108 - the container's own /tmp
"""What libraries make their cache paths of. The root is read-only, and the user has no entry in the image."""


NO_USAGE_STATS = {"VLLM_NO_USAGE_STATS": "1"}
"""Keeps vLLM from telling its makers what it runs, as ``serving/Containerfile`` does."""


NO_MEDIA_HOST = "media-by-url-is-off.invalid"
"""The only host that media may be fetched from where none may: one that nobody can have (RFC 6761). vLLM takes an empty
list for every host, and shows the list to who asked for another one."""
NO_REDIRECTS = {"VLLM_MEDIA_URL_ALLOW_REDIRECTS": "0"}
"""Keeps hosts that media may be fetched from, and whoever can put a redirect there, from naming others."""


def selector_of(model: ModelSettings) -> dict[str, str]:
    """The labels that tell a model's pods from all others."""
    return selector(APPLICATION, model.name)


def labels_of(model: ModelSettings) -> dict[str, str]:
    """The labels of every object of a model."""
    return labels(APPLICATION, model.name, "model-service")


def pod_metadata(model: ModelSettings, serving: ServingSettings) -> Manifest:
    """The ``metadata`` of the model's pods. Its annotations are those by which a Prometheus finds what to scrape."""
    return {
        "labels": {**serving.pod_labels, **labels_of(model)},
        "annotations": {
            "prometheus.io/scrape": "true",
            "prometheus.io/port": str(PORT),
            "prometheus.io/path": "/metrics",
            **serving.pod_annotations,
        },
    }


def pod_spec(model: ModelSettings, placement: Placement, serving: ServingSettings) -> Manifest:
    """The ``spec`` of the model's pods. Apart from hostPath volumes, Pod Security ``restricted`` lets it pass."""
    source, extra = model_source(model, serving), extra_weights(model)
    spec: Manifest = {
        "automountServiceAccountToken": False,
        # A Service named `vllm` or `modelyard` would otherwise set variables that vLLM and `serving` read.
        "enableServiceLinks": False,
        "securityContext": pod_security_context(writes_claims=source.fs_group),
        "terminationGracePeriodSeconds": model.probes.termination_grace_seconds,
        **placement.pod_fields(),
        # A wish and no demand: with the demand a replica would wait while another node has GPUs for it. A single
        # replica has it, too, so that a second one is no change of its pod, which would start it anew.
        "topologySpreadConstraints": topology_spread(selector_of(model)),
        "containers": [_container(model, placement, serving, source, extra)],
        "volumes": [
            {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": model.shared_memory}},
            {"name": "tmp", "emptyDir": {}},
            *source.volumes,
            *extra.volumes,
            *host_volumes(serving),
        ],
    }
    spec |= {
        name: value
        for name, value in (
            ("initContainers", source.init_containers),
            ("runtimeClassName", serving.runtime_class),
            ("priorityClassName", model.priority_class),
            ("serviceAccountName", serving.service_account),
            ("imagePullSecrets", [{"name": name} for name in serving.image_pull_secrets]),
        )
        if value
    }
    if placement.bin_packing and model.gpus < placement.gpus_per_node:
        spec["affinity"] = {**spec.get("affinity", {}), "podAffinity": bin_packing(MODEL_PODS)}
    return one_volume_a_claim(spec)


def _container(
    model: ModelSettings, placement: Placement, serving: ServingSettings, source: ModelSource, extra: ExtraWeights
) -> Manifest:
    return {
        "name": "vllm",
        "image": serving.image,
        "imagePullPolicy": serving.image_pull_policy,
        "command": unexpanded(command(model, serving, source)),
        "env": [*_env(model, serving, source, extra), *_beside_vllm(model, placement, serving)],
        "ports": [{"name": "http", "containerPort": PORT}],
        "resources": {
            "requests": requests(model),
            "limits": {placement.gpu_resource: str(model.gpus), "memory": model.memory},
        },
        **_probes(model, serving),
        "securityContext": container_security_context(),
        "volumeMounts": [
            {"name": "shm", "mountPath": "/dev/shm"},  # noqa: S108
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108
            *source.mounts,
            *extra.mounts,
            *host_mounts(serving),
        ],
    }


def _env(model: ModelSettings, serving: ServingSettings, source: ModelSource, extra: ExtraWeights) -> list[Manifest]:
    # Both may need the same token.
    tokens = [hub_token(model.weights.over(serving.weights))] if extra.of_hub else []
    others = {variable["name"]: variable for variable in (*source.env, *tokens)}
    return [
        *(variable for name, variable in others.items() if name not in model.env),
        *(
            {"name": name, "value": _unexpanded(value) if name.startswith(PREFIX) else value}
            for name, value in variables(model, serving, source).items()
        ),
    ]


def _beside_vllm(model: ModelSettings, placement: Placement, serving: ServingSettings) -> list[Manifest]:
    """What the ``serving`` package is told beside vLLM's arguments: what to check before, and how to start and stop."""
    if serving.entrypoint != "modelyard":
        return []
    found = environment(
        {
            "gpu_model": placement.gpu_model if placement.accelerator == "nvidia" else None,
            "token_required": model.weights.over(serving.weights).gated or None,
            "preflight": "warn" if serving.preflight == "warn" else None,
            **fetch_arguments(model, serving),
            **model.probes.model_dump(include=OF_THE_ENTRYPOINT, exclude_defaults=True),
        }
    )
    return [{"name": name, "value": value} for name, value in found.items()]


def command(model: ModelSettings, serving: ServingSettings, source: ModelSource) -> list[str]:
    """What the container runs: vLLM with its arguments, or the ``serving`` package, which reads variables."""
    if serving.entrypoint == "modelyard":
        return [serving.python, "-m", "serving"]
    return server_command(of(_server(model, source)), serving.python)


def variables(model: ModelSettings, serving: ServingSettings, source: ModelSource) -> dict[str, str]:
    """The container's variables, but for those that hold secrets."""
    server = environment(_server(model, source)) if serving.entrypoint == "modelyard" else NO_USAGE_STATS
    return {**HOME, **_patience(model), **source.variables, **_redirects(model), **server, **model.env}


def _patience(model: ModelSettings) -> dict[str, str]:
    """What keeps vLLM from ending its own start after ten minutes, as it does where it has several API servers.

    That is one for each copy of the engine, or what its command line says.
    """
    one = (model.engine.api_server_count or model.engine.data_parallel_size) == 1
    if one and "api_server_count" not in destinations(model.extra_args):
        return {}
    return {"VLLM_ENGINE_READY_TIMEOUT_S": str(startup_seconds(model))}


def _redirects(model: ModelSettings) -> dict[str, str]:
    engine = model.engine
    return NO_REDIRECTS if engine.allowed_media_domains and not engine.fetches_media_from_anywhere else {}


def _server(model: ModelSettings, source: ModelSource) -> dict[str, object]:
    """What the server serves, and how. What is left at its default is left out."""
    return {
        **model.filled_engine.model_dump(exclude_defaults=True, exclude={"preset", "tuned", "speculative_config"}),
        **extra_weights(model).arguments,
        "model": source.model,
        "revision": source.revision,
        "served_names": model.names,
        "port": PORT,
        "tensor_parallel_size": parallelism(model, model.gpus).tensor,
        "drain_seconds": model.probes.drain_seconds,
        "allowed_media_domains": _media_hosts(model),
        "extra_args": model.extra_args,
    }


def _media_hosts(model: ModelSettings) -> tuple[str, ...]:
    engine = model.engine
    return () if engine.fetches_media_from_anywhere else engine.allowed_media_domains or (NO_MEDIA_HOST,)


def requests(model: ModelSettings) -> dict[str, str]:
    """What the container counts on beside GPUs."""
    disk = {"ephemeral-storage": model.ephemeral_storage} if model.ephemeral_storage else {}
    return {"cpu": model.cpu, "memory": model.memory, **disk}


def unexpanded(words: list[str]) -> list[str]:
    """Words of a container's command in which Kubernetes reads no ``$(NAME)`` as a variable."""
    return [_unexpanded(word) for word in words]


def _unexpanded(text: str) -> str:
    return text.replace("$", "$$")


def _probes(model: ModelSettings, serving: ServingSettings) -> Manifest:
    """The container's probes. vLLM itself has one answer to all of them; the ``serving`` package says more."""
    ready, live = (READY, LIVE) if serving.entrypoint == "modelyard" else (HEALTH, HEALTH)
    return {
        "startupProbe": _probe(ready, PROBE_SECONDS, PROBE_SECONDS, math.ceil(startup_seconds(model) / PROBE_SECONDS)),
        "readinessProbe": _probe(ready, 5, 5, 2),
        # Patient: a restart costs a whole start, and a busy server may answer late.
        "livenessProbe": _probe(live, 10, 10, 6),
    }


def _probe(path: str, period: int, timeout: int, failures: int) -> Manifest:
    return {
        "httpGet": {"path": path, "port": "http"},
        "periodSeconds": period,
        "timeoutSeconds": timeout,
        "failureThreshold": failures,
    }

"""The pod of a native model: one container that runs vLLM."""

import math

from components.manifests.model_source import ModelSource, model_source
from components.manifests.objects import Manifest, container_security_context, pod_security_context
from components.manifests.placement import Placement
from serving.argv import server_command
from serving.settings import environment, of
from stacks.settings import ModelSettings, ServingSettings

PORT = 8080
"""Port of vLLM in the pod, for requests and for ``/metrics``."""

PROBE_SECONDS = 2
"""Seconds between two probes at the start: what a finished start may wait to be noticed."""

HOME = {"HOME": "/tmp", "USER": "modelyard"}  # noqa: S108 - the container's own /tmp
"""What libraries make their cache paths of. The root is read-only, and the user has no entry in the image."""


NO_USAGE_STATS = {"VLLM_NO_USAGE_STATS": "1"}
"""Keeps vLLM from telling its makers what it runs, as ``serving/Containerfile`` does."""


def pod_spec(model: ModelSettings, placement: Placement, serving: ServingSettings) -> Manifest:
    """The ``spec`` of the model's pods. Apart from hostPath volumes, Pod Security ``restricted`` lets it pass."""
    source = model_source(model)
    spec: Manifest = {
        "automountServiceAccountToken": False,
        # A Service named `vllm` or `modelyard` would otherwise set variables that vLLM and `serving` read.
        "enableServiceLinks": False,
        "securityContext": pod_security_context(),
        "terminationGracePeriodSeconds": model.probes.termination_grace_seconds,
        **placement.pod_fields(),
        "containers": [_container(model, placement, serving, source)],
        "volumes": [
            {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": model.shared_memory}},
            {"name": "tmp", "emptyDir": {}},
            *source.volumes,
            *(
                {"name": f"host-{mount.name}", "hostPath": {"path": mount.host_path, "type": "Directory"}}
                for mount in serving.host_paths
            ),
        ],
    }
    if serving.runtime_class is not None:
        spec["runtimeClassName"] = serving.runtime_class
    return spec


def _container(model: ModelSettings, placement: Placement, serving: ServingSettings, source: ModelSource) -> Manifest:
    return {
        "name": "vllm",
        "image": serving.image,
        "imagePullPolicy": serving.image_pull_policy,
        "command": unexpanded(command(model, serving, source)),
        "env": _env(model, serving, source),
        "ports": [{"name": "http", "containerPort": PORT}],
        "resources": {
            "requests": {"cpu": model.cpu, "memory": model.memory},
            "limits": {placement.gpu_resource: str(model.gpus), "memory": model.memory},
        },
        "startupProbe": _probe(PROBE_SECONDS, PROBE_SECONDS, math.ceil(model.probes.startup_seconds / PROBE_SECONDS)),
        "readinessProbe": _probe(5, 5, 2),
        # Patient: a restart costs a whole start, and a busy server may answer late.
        "livenessProbe": _probe(10, 10, 6),
        "securityContext": container_security_context(),
        "volumeMounts": [
            {"name": "shm", "mountPath": "/dev/shm"},  # noqa: S108
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108
            *source.mounts,
            *(
                {"name": f"host-{mount.name}", "mountPath": mount.mount_path, "readOnly": True}
                for mount in serving.host_paths
            ),
        ],
    }


def _env(model: ModelSettings, serving: ServingSettings, source: ModelSource) -> list[Manifest]:
    return [
        *({"name": name, "value": value} for name, value in variables(model, serving, source).items()),
        *(variable for variable in source.env if variable["name"] not in model.env),
    ]


def command(model: ModelSettings, serving: ServingSettings, source: ModelSource) -> list[str]:
    """What the container runs: vLLM with its arguments, or the ``serving`` package, which reads variables."""
    if serving.entrypoint == "modelyard":
        return [serving.python, "-m", "serving"]
    return server_command(of(_server(model, source)), serving.python)


def variables(model: ModelSettings, serving: ServingSettings, source: ModelSource) -> dict[str, str]:
    """The container's variables, but for those that hold secrets."""
    server = environment(_server(model, source)) if serving.entrypoint == "modelyard" else NO_USAGE_STATS
    return {**HOME, **server, **model.env}


def _server(model: ModelSettings, source: ModelSource) -> dict[str, object]:
    """What the server serves, and how. What is left at its default is left out."""
    parallel = model.engine.tensor_parallel_size or model.gpus // model.engine.pipeline_parallel_size
    return {
        **model.engine.model_dump(exclude_defaults=True),
        "model": source.model,
        "revision": model.revision,
        "served_names": model.names,
        "port": PORT,
        "tensor_parallel_size": parallel,
        "drain_seconds": model.probes.drain_seconds,
        "extra_args": model.extra_args,
    }


def unexpanded(words: list[str]) -> list[str]:
    """Words of a container's command in which Kubernetes reads no ``$(NAME)`` as a variable."""
    return [word.replace("$", "$$") for word in words]


def _probe(period: int, timeout: int, failures: int) -> Manifest:
    return {
        "httpGet": {"path": "/health", "port": "http"},
        "periodSeconds": period,
        "timeoutSeconds": timeout,
        "failureThreshold": failures,
    }

"""Every rule: resources that it lets pass, resources that break it, and resources of which too little is known."""

import base64
import json
from dataclasses import dataclass, field
from typing import Any

import pytest

from policies.pack.catalogue import RULES
from policies.pack.resource import Resource
from tests.policies.builders import (
    CONTAINER,
    UNKNOWN,
    lone,
    merged,
    model,
    obj,
    outputs,
    release,
    say,
    secret,
    service,
)

Resources = tuple[Resource, ...]


@dataclass(frozen=True)
class Triple:
    """What a rule is tried with. One entry a case."""

    passes: tuple[Resources, ...]
    fails: tuple[tuple[Resources, str], ...]
    """Resources, and the sentence that is said of them."""
    unknown: tuple[Resources, ...]
    parameters: dict[str, Any] = field(default_factory=dict)


def of(*resources: Resource) -> Resources:
    return resources


def playground(args: list[str], gpus: str) -> Resources:
    claim = {"modelClaim": {"modelName": "qwen"}, "backendRuntimeConfig": {"args": args}}
    flavors = {"inferenceConfig": {"flavors": [{"name": "gpu", "limits": {"nvidia.com/gpu": gpus}}]}}
    return of(obj("Playground", "qwen", spec=claim), obj("OpenModel", "qwen", spec=flavors))


def group(gpus: str, size: int) -> Resource:
    container = {
        "name": "vllm",
        "image": "vllm/vllm-openai:v0.32.0",
        "args": ["--tensor-parallel-size", "8", "--pipeline-parallel-size", "2"],
        "resources": {"limits": {"nvidia.com/gpu": gpus}},
    }
    pod = {"spec": {"containers": [container]}}
    template = {"size": size, "leaderTemplate": pod, "workerTemplate": pod}
    return obj("LeaderWorkerSet", "big", spec={"replicas": 1, "leaderWorkerTemplate": template})


NO_GPUS = {"resources": {"limits": {"nvidia.com/gpu": None}}}
CLAIMED = merged(NO_GPUS, {"resources": {"claims": [{"name": "gpus"}]}})
TWO_GPUS = {"resources": {"limits": {"nvidia.com/gpu": "2"}}}


ASKED = {"httpGet": {"port": 8080}}
UNNAMED = {"ports": None, "readinessProbe": ASKED, "livenessProbe": ASKED}
SIDECAR = merged(CONTAINER, {**TWO_GPUS, "name": "helper", "restartPolicy": "Always"})


def chains(*members: str, exists: tuple[str, ...] = ("qwen", "gemma")) -> Resource:
    """An Envoy's clusters: those of models, and a chain of these."""
    clusters: list[dict[str, Any]] = [
        {
            "name": name,
            "load_assignment": {
                "endpoints": [
                    {
                        "lb_endpoints": [
                            {
                                "endpoint": {
                                    "address": {
                                        "socket_address": {
                                            "address": f"{name}.models.svc.cluster.local",
                                            "port_value": 8080,
                                        }
                                    }
                                }
                            }
                        ]
                    }
                ]
            },
        }
        for name in exists
    ]
    clusters.append(
        {
            "name": "chain",
            "cluster_type": {
                "name": "envoy.clusters.aggregate",
                "typed_config": {"clusters": list(members)},
            },
        }
    )
    return obj("ConfigMap", "routes", data={"cds.json": json.dumps({"resources": clusters})})


UNKNOWN_CHAINS = obj("ConfigMap", "routes", data={"cds.json": UNKNOWN})


def zone(name: str, of_zone: str) -> Resource:
    return model(name, pod={"nodeSelector": {"topology.kubernetes.io/zone": of_zone}})


BOTH = of(model("qwen"), service("qwen"), model("gemma"), service("gemma"))


def scaled(name: str, least: Any) -> Resource:
    return obj(
        "ScaledObject",
        name,
        spec={"scaleTargetRef": {"kind": "StatefulSet", "name": name}, "minReplicaCount": least, "maxReplicaCount": 3},
    )


def higress(**gateway: Any) -> Resource:
    values = {"higress-core": {"gateway": gateway}}
    return release(chart="higress", version="2.2.4", namespace="higress-system", values=values)


def ingress(annotations: dict[str, Any] | None = None, *, tls: bool = True, redirect: bool = True) -> Resource:
    own = {
        "higress.io/destination": "llm-qwen.internal.dns:8080",
        "higress.io/exact-match-header-x-higress-llm-model": "qwen",
        **({"higress.io/ssl-redirect": "true"} if redirect else {}),
        **(annotations or {}),
    }
    spec: dict[str, Any] = {"ingressClassName": "higress", "rules": [{"host": "llm.example.com"}]}
    if tls:
        spec["tls"] = [{"hosts": ["llm.example.com"], "secretName": "llm"}]
    return obj("Ingress", "chat", metadata={"annotations": own}, spec=spec)


def plugin(name: str, *, namespace: str = "models", **spec: Any) -> Resource:
    return obj(
        "WasmPlugin",
        name,
        namespace=namespace,
        spec={"url": f"oci://registry.example.com/plugins/{name}:2.0.0", **spec},
    )


def nginx(annotations: dict[str, Any] | None = None, *, default: bool = False) -> Resource:
    """An Ingress of another controller than Higress."""
    backend = {"service": {"name": "qwen", "port": {"number": 8080}}}
    rules = [{"host": "llm.example.com", "http": {"paths": [{"path": "/", "backend": backend}]}}]
    spec = {"ingressClassName": "nginx", **({"defaultBackend": backend} if default else {"rules": rules})}
    tls = [{"hosts": ["llm.example.com"], "secretName": "llm"}]
    return obj("Ingress", "chat", metadata={"annotations": annotations or {}}, spec={**spec, "tls": tls})


def http_route(**changes: Any) -> Resource:
    """A route of the Gateway API to a model."""
    rule = {"backendRefs": [{"name": "qwen", "port": 8080}]}
    return obj("HTTPRoute", "chat", spec={"parentRefs": [{"name": "edge"}], "rules": [rule], **changes})


def security(kind: str, name: str, **spec: Any) -> Resource:
    target = {"group": "gateway.networking.k8s.io", "kind": kind, "name": name}
    return obj("SecurityPolicy", f"of-{name}", spec={"targetRefs": [target], **spec})


def listeners(*protocols: str) -> Resource:
    own = [{"name": each.lower(), "protocol": each, "port": 80 + index} for index, each in enumerate(protocols)]
    return obj("Gateway", "edge", spec={"listeners": own})


MODEL = of(model(), service())
TOKENS = {"providers": [{"name": "login"}]}
WEB = of(
    model("web", container={"image": "nginx:1.29", "args": None}, labels={"app": "web"}),
    obj("Service", "qwen", spec={"selector": {"app": "web"}, "ports": [{"port": 80}]}),
)
"""Something that serves no model, by the name of one."""


SERVED = "http://higress-plugin-server.higress-system.svc/plugins/key-auth/1.0.0/plugin.wasm"


def envoy(filters: list[str], *, tls: bool = False, projected: bool = False) -> Resources:
    chain: dict[str, Any] = {
        "filters": [{"typed_config": {"http_filters": [{"name": f"envoy.filters.http.{name}"} for name in filters]}}]
    }
    if tls:
        chain["transport_socket"] = {"name": "envoy.transport_sockets.tls"}
    bootstrap = {
        "static_resources": {
            "listeners": [{"address": {"socket_address": {"port_value": 8080}}, "filter_chains": [chain]}]
        }
    }
    data = {"bootstrap.json": base64.b64encode(json.dumps(bootstrap).encode()).decode()}
    own = gateway(volume={"projected": {"sources": [{"secret": {"name": "bootstrap"}}]}}) if projected else gateway()
    return of(own, gateway_service(), obj("Secret", "bootstrap", data=secret(data)))


def gateway(volume: Any = None, **spec: Any) -> Resource:
    own = {"app": "gateway"}
    pod = {
        "containers": [
            {
                "name": "envoy",
                "image": "envoyproxy/envoy:v1.40.0",
                "ports": [{"name": "http", "containerPort": 8080}],
            }
        ],
        "volumes": [{"name": "bootstrap", **(volume or {"secret": {"secretName": "bootstrap"}})}],
    }
    return obj(
        "Deployment", "gateway", spec={"replicas": 2, "template": {"metadata": {"labels": own}, "spec": pod}, **spec}
    )


def gateway_service(kind: str = "LoadBalancer", **spec: Any) -> Resource:
    ports = [{"port": 80, "targetPort": "http"}]
    return obj("Service", "gateway", spec={"type": kind, "selector": {"app": "gateway"}, "ports": ports, **spec})


def budget(labels: Any, namespace: str = "models", **change: Any) -> Resource:
    spec = change or {"maxUnavailable": 1}
    selector = {"selector": {"matchLabels": labels}} if labels is not None else {}
    return obj("PodDisruptionBudget", "gateway", namespace=namespace, spec={**spec, **selector})


def policy(selector: Any, **spec: Any) -> Resource:
    rules = [{"from": [{"podSelector": {"matchLabels": {"app": "gateway"}}}]}]
    return obj("NetworkPolicy", "models", spec={"podSelector": selector, "ingress": rules, **spec})


def cidr(block: str) -> dict[str, Any]:
    return {"from": [{"ipBlock": {"cidr": block}}]}


METRICS = {"ports": [{"name": "http", "containerPort": 8080}, {"name": "metrics", "containerPort": 9400}]}
PROMETHEUS = {"matchLabels": {"app.kubernetes.io/name": "prometheus"}}

TRIPLES: dict[str, Triple] = {
    "gpu-parallelism": Triple(
        passes=(
            of(model()),
            of(model(container={**TWO_GPUS, "args": ["--model", "q", "-tp", "2"]})),
            of(model(container={**TWO_GPUS, "env": [{"name": "MODELYARD_TENSOR_PARALLEL_SIZE", "value": "2"}]})),
            of(model(container={**TWO_GPUS, "args": ["--model", "q", "--data-parallel-size=2"]})),
            of(model(container={"image": "nginx:1.29", **TWO_GPUS})),
            of(model(container={**TWO_GPUS, "command": ["sh", "-c", "vllm serve a --port 1 & vllm serve b; wait"]})),
            of(model(container={**NO_GPUS, "image": "vllm/vllm-openai-cpu:v0.32.0", "args": ["-tp", "2"]})),
            of(model(container={**CLAIMED, "args": ["-tp", "2"]})),
            of(group("8", 2)),
            playground(["HOME=/tmp", "vllm", "serve", "q", "--tensor-parallel-size", "2"], "2"),
        ),
        fails=(
            (
                of(model(container={**TWO_GPUS, "env": [{"name": "HF_TOKEN", "value": UNKNOWN}]})),
                "StatefulSet models/qwen: container 'vllm' has 2 GPUs, and vLLM's parallelism (tensor 1, pipeline 1, "
                "data 1) uses 1 GPU of each pod, so either a GPU idles that is paid for, or vLLM does not start: write "
                "a limit of 1, or parallel sizes whose product is 2",
            ),
            (
                of(group("4", 2)),
                "LeaderWorkerSet models/big: container 'vllm' has 4 GPUs, and vLLM's parallelism (tensor 8, pipeline "
                "2, data 1 over 2 nodes) uses 8 GPUs of each pod, so either a GPU idles that is paid for, or vLLM does "
                "not start: write a limit of 8, or parallel sizes whose product is 8",
            ),
            (
                playground(["vllm", "serve", "q"], "2"),
                "Playground models/qwen: its OpenModel has 2 GPUs, and vLLM's parallelism (tensor 1, pipeline 1, data "
                "1) uses 1 GPU of each pod, so either a GPU idles that is paid for, or vLLM does not start: write a "
                "limit of 1, or parallel sizes whose product is 2",
            ),
            (
                of(lone(container=TWO_GPUS)),
                "Pod models/qwen: container 'vllm' has 2 GPUs, and vLLM's parallelism (tensor 1, pipeline 1, data 1) "
                "uses 1 GPU of each pod, so either a GPU idles that is paid for, or vLLM does not start: write a "
                "limit of 1, or parallel sizes whose product is 2",
            ),
            (
                of(lone("CronJob", container=TWO_GPUS)),
                "CronJob models/qwen: container 'vllm' has 2 GPUs, and vLLM's parallelism (tensor 1, pipeline 1, data "
                "1) uses 1 GPU of each pod, so either a GPU idles that is paid for, or vLLM does not start: write a "
                "limit of 1, or parallel sizes whose product is 2",
            ),
            (
                of(model(container={**NO_GPUS, "args": ["--model", "q", "-tp", "2"]})),
                "StatefulSet models/qwen: container 'vllm' has 0 GPUs, and vLLM's parallelism (tensor 2, pipeline 1, "
                "data 1) uses 2 GPUs of each pod, so either a GPU idles that is paid for, or vLLM does not start: "
                "write a limit of 2",
            ),
            (
                of(model(container={"command": ["sh", "-c", "vllm serve a & vllm serve b -tp 2; wait"]})),
                "StatefulSet models/qwen: container 'vllm' has 1 GPU, and vLLM's parallelism (tensor 1, pipeline 1, "
                "data 1 and tensor 2, pipeline 1, data 1) uses 3 GPUs of each pod, so either a GPU idles that is paid "
                "for, or vLLM does not start: write a limit of 3",
            ),
            (
                of(model(container={"image": "nginx:1.29", **NO_GPUS}, pod={"initContainers": [SIDECAR]})),
                "StatefulSet models/qwen: container 'helper' has 2 GPUs, and vLLM's parallelism (tensor 1, pipeline "
                "1, data 1) uses 1 GPU of each pod, so either a GPU idles that is paid for, or vLLM does not start: "
                "write a limit of 1, or parallel sizes whose product is 2",
            ),
        ),
        unknown=(
            of(model(container={"resources": {"limits": {"nvidia.com/gpu": UNKNOWN}}})),
            of(model(container={**TWO_GPUS, "args": ["--tensor-parallel-size", UNKNOWN]})),
            of(model(container={**TWO_GPUS, "env": [{"name": "MODELYARD_TENSOR_PARALLEL_SIZE", "value": UNKNOWN}]})),
            of(model(container={**TWO_GPUS, "args": UNKNOWN})),
        ),
    ),
    "gpu-placement": Triple(
        passes=(
            of(model()),
            of(model(pod={"tolerations": [{"operator": "Exists"}]})),
            of(model(container={"resources": {"limits": {"nvidia.com/gpu": None}}}, pod={"nodeSelector": None})),
        ),
        fails=(
            (
                of(model(pod={"nodeSelector": None})),
                "StatefulSet models/qwen: its pods have GPUs and say of no node that it will do, so they would land on "
                "nodes of another GPU, or wait for ever before tainted ones: write a nodeSelector of the pool's "
                "labels, such as nvidia.com/gpu.product, or a required nodeAffinity",
            ),
            (
                of(model(pod={"tolerations": [{"key": "other", "operator": "Exists"}]})),
                "StatefulSet models/qwen: its pods have GPUs and tolerate none of the taints amd.com/gpu, dedicated, "
                "nvidia.com/gpu, sku, so they would land on nodes of another GPU, or wait for ever before tainted "
                "ones: write a toleration of that key, with operator Exists and effect NoSchedule",
            ),
        ),
        unknown=(of(model(pod={"nodeSelector": UNKNOWN, "tolerations": UNKNOWN})),),
    ),
    "pinned-images": Triple(
        passes=(
            of(model()),
            of(model(container={"image": f"vllm/vllm-openai@sha256:{'0' * 64}"})),
            of(plugin("ai-proxy"), higress(), release(chart="./chart")),
            of(obj("WasmPlugin", "p", spec={"url": "https://plugins.example.com/key-auth/1.0.0/plugin.wasm"})),
            of(obj("WasmPlugin", "p", spec={"url": "http://plugins.example.com/key-auth.wasm", "sha256": "0" * 64})),
            of(obj("WasmPlugin", "p", spec={"url": "file:///opt/plugins/key-auth.wasm"})),
            of(
                model(container={"image": "vllm/vllm-openai:main-20260101"}),
                release(chart="x", version="1.2.3-rc.1+build"),
            ),
        ),
        fails=(
            (
                of(model(container={"image": "vllm/vllm-openai:latest"})),
                "StatefulSet models/qwen: container 'vllm' runs 'vllm/vllm-openai:latest', so a restart may bring "
                "another program than the one that was tried: write a digest (name@sha256:...) or the tag of a release",
            ),
            (
                of(model(container={"image": "registry.example.com:5000/vllm"})),
                "StatefulSet models/qwen: container 'vllm' runs 'registry.example.com:5000/vllm', which has no tag, so "
                "latest, so a restart may bring another program than the one that was tried: write vllm@sha256:..., "
                "or a tag",
            ),
            (
                of(obj("WasmPlugin", "p", spec={"url": "oci://registry.example.com/plugins/ai-proxy:latest"})),
                "WasmPlugin models/p: the plugin is 'registry.example.com/plugins/ai-proxy:latest', so a restart may "
                "bring another program than the one that was tried: write a digest (name@sha256:...) or the tag of a "
                "release",
            ),
            (
                of(release(chart="higress")),
                "Release chart: the chart 'higress' has no version, so a restart may bring another program than the "
                "one that was tried: write the version that was tried as `version`",
            ),
            (
                of(release(chart="x", version="1.0.0", values={"router": {"image": {"tag": "latest"}}})),
                "Release chart: the chart's value router.image.tag is 'latest', so a restart may bring another program "
                "than the one that was tried: write a digest (name@sha256:...) or the tag of a release",
            ),
            (
                of(obj("BackendRuntime", "r", spec={"image": "vllm/vllm-openai", "version": "latest"})),
                "BackendRuntime models/r: models run 'vllm/vllm-openai:latest', so a restart may bring another program "
                "than the one that was tried: write a digest (name@sha256:...) or the tag of a release",
            ),
            (
                of(obj("WasmPlugin", "p", spec={"url": "registry.example.com/plugins/ai-proxy"})),
                "WasmPlugin models/p: the plugin is 'registry.example.com/plugins/ai-proxy', which has no tag, so "
                "latest, so a restart may bring another program than the one that was tried: write "
                "ai-proxy@sha256:..., or a tag",
            ),
            (
                of(obj("WasmPlugin", "p", spec={"url": "https://plugins.example.com/key-auth.wasm"})),
                "WasmPlugin models/p: the plugin is 'https://plugins.example.com/key-auth.wasm', a file that may "
                "change, so a restart may bring another program than the one that was tried: write its checksum as "
                "`sha256`",
            ),
            (
                of(model(container={"image": "vllm/vllm-openai:stable-slim"})),
                "StatefulSet models/qwen: container 'vllm' runs 'vllm/vllm-openai:stable-slim', so a restart may "
                "bring another program than the one that was tried: write a digest (name@sha256:...) or the tag of a "
                "release",
            ),
            (
                of(release(chart="x", version="1.2")),
                "Release chart: the chart 'x' has the version '1.2', which stands for several, so a restart may "
                "bring another program than the one that was tried: write the version that was tried as `version`",
            ),
        ),
        unknown=(
            of(model(container={"image": UNKNOWN}), plugin("p", url=UNKNOWN), release(chart="x", version=UNKNOWN)),
        ),
    ),
    "literal-secrets": Triple(
        passes=(
            of(
                model(
                    container={
                        "env": [
                            {"name": "HF_TOKEN", "valueFrom": {"secretKeyRef": {"name": "hub", "key": "token"}}},
                            {"name": "MAX_TOKENS", "value": "4096"},
                            {"name": "API_KEY", "value": "$(FROM_SECRET)"},
                        ]
                    }
                )
            ),
            of(obj("Secret", "hub", data=secret({"token": "aGZf"}))),
            of(obj("ConfigMap", "c", data={"tokenizer": "auto", "password": "${secret.redis.password}"})),
            of(
                release(
                    chart="x",
                    version="1.0.0",
                    values={"auth": {"existingSecret": "redis", "existingSecretKey": "password"}},
                )
            ),
            of(
                release(
                    chart="x",
                    version="1.0.0",
                    values={"tlsSecret": "llm-tls", "secretName": "llm", "imagePullSecret": "pull"},
                )
            ),
            of(release(chart="x", version="1.0.0", values={"redis": {"password": secret("hunter2")}})),
            of(obj("Secret", "db", stringData={"username": "admin", "host": "db", "password": secret("hunter2")})),
            of(obj("Secret", "tls", data={"ca.crt": "LS0t", "tls.key": secret("LS0t")})),
            of(model(container={"command": ["sh", "-c", "export HF_TOKEN=`cat /t`; vllm serve q"], "args": None})),
        ),
        fails=(
            (
                of(model(container={"env": [{"name": "HF_TOKEN", "value": "not-even-a-real-one"}]})),
                "StatefulSet models/qwen: container 'vllm' has the value of HF_TOKEN in the clear, so everybody who "
                "may read the object or the stack's state can read it: write valueFrom.secretKeyRef, and the value "
                "into a Secret",
            ),
            (
                of(model(container={"args": ["--model", "q", "--api-key", "letmein"]})),
                "StatefulSet models/qwen: container 'vllm' has the value of --api-key on its command line, so "
                "everybody who may read the object or the stack's state can read it: write a variable from a Secret, "
                "such as VLLM_API_KEY, or $(NAME) of one",
            ),
            (
                of(obj("ConfigMap", "c", data={"settings": f"token = hf_{'a' * 34}"})),
                "ConfigMap models/c: data.settings holds a token of Hugging Face, so everybody who may read the object "
                "or the stack's state can read it: put it into a Secret and refer to it, and make a new one, for this "
                "one has been seen",
            ),
            (
                of(release(chart="x", version="1.0.0", values={"redis": {"password": "hunter2"}})),
                "Release chart: values.redis.password is a value in the clear, and a secret by its name, so everybody "
                "who may read the object or the stack's state can read it: put it into a Secret and refer to it, and "
                "make a new one, for this one has been seen",
            ),
            (
                of(obj("Secret", "hub", data={"token": "aGZf"})),
                "Secret models/hub: data is not marked as a secret, and stands in Pulumi's state and output in the "
                "clear, so everybody who may read the object or the stack's state can read it: write "
                "pulumi.Output.secret(...), or take it from `pulumi config set --secret`",
            ),
            (
                of(model(container={"command": ["sh", "-c", "export HF_TOKEN=letmein; vllm serve q"], "args": None})),
                "StatefulSet models/qwen: container 'vllm' has the value of HF_TOKEN on its command line, so "
                "everybody who may read the object or the stack's state can read it: write a variable from a Secret, "
                "such as VLLM_API_KEY, or $(NAME) of one",
            ),
            (
                of(model(container={"command": ["sh", "-c", "vllm serve q --api-key letmein; sleep 9"], "args": None})),
                "StatefulSet models/qwen: container 'vllm' has the value of --api-key on its command line, so "
                "everybody who may read the object or the stack's state can read it: write a variable from a Secret, "
                "such as VLLM_API_KEY, or $(NAME) of one",
            ),
            (
                of(release(chart="x", version="1.0.0", values={"oidc": {"clientSecret": "hunter2"}})),
                "Release chart: values.oidc.clientSecret is a value in the clear, and a secret by its name, so "
                "everybody who may read the object or the stack's state can read it: put it into a Secret and refer "
                "to it, and make a new one, for this one has been seen",
            ),
            (
                of(release(chart="x", version="1.0.0", values={"tlsSecret": "No+name=of/an.object"})),
                "Release chart: values.tlsSecret is a value in the clear, and a secret by its name, so everybody who "
                "may read the object or the stack's state can read it: put it into a Secret and refer to it, and make "
                "a new one, for this one has been seen",
            ),
            (
                of(obj("ConfigMap", "c", data={"password": secret("hunter2")})),
                "ConfigMap models/c: data.password is a value in the clear, and a secret by its name, so everybody "
                "who may read the object or the stack's state can read it: put it into a Secret and refer to it, and "
                "make a new one, for this one has been seen",
            ),
            (
                of(obj("Secret", "db", stringData={"username": secret("admin"), "password": "hunter2"})),
                "Secret models/db: stringData.password is not marked as a secret, and stands in Pulumi's state and "
                "output in the clear, so everybody who may read the object or the stack's state can read it: write "
                "pulumi.Output.secret(...), or take it from `pulumi config set --secret`",
            ),
            (
                of(obj("Secret", "tls", data={"tls.crt": secret("LS0t"), "tls.key": "LS0t"})),
                "Secret models/tls: data.tls.key is not marked as a secret, and stands in Pulumi's state and output "
                "in the clear, so everybody who may read the object or the stack's state can read it: write "
                "pulumi.Output.secret(...), or take it from `pulumi config set --secret`",
            ),
        ),
        unknown=(
            of(
                model(container={"env": [{"name": "HF_TOKEN", "value": UNKNOWN}]}),
                obj("ConfigMap", "c", data={"password": UNKNOWN}),
                obj("ConfigMap", "c", data=UNKNOWN),
                obj("Secret", "hub", data=UNKNOWN),
            ),
        ),
    ),
    "secret-outputs": Triple(
        passes=(of(outputs(base_url="https://llm.example.com/v1", console_password=secret("s3cret-of-the-console"))),),
        fails=(
            (
                of(outputs(console_password="s3cret-of-the-console")),
                "Stack modelyard-dev: output console_password is a value in the clear, and a secret by its name, so "
                "`pulumi stack output`, the state and every log of an update show it: export pulumi.Output.secret(...)",
            ),
            (
                of(outputs(hub={"url": f"https://hub?t=hf_{'b' * 34}"})),
                "Stack modelyard-dev: output hub.url holds a token of Hugging Face, so `pulumi stack output`, the "
                "state and every log of an update show it: export pulumi.Output.secret(...)",
            ),
        ),
        unknown=(of(outputs(console_password=UNKNOWN, keys={"token": UNKNOWN})),),
    ),
    "trust-remote-code": Triple(
        passes=(
            of(model()),
            of(model(container={"args": ["--model", "q", "--no-trust-remote-code"]})),
            of(
                model(
                    container={"args": ["--model", "q", "--trust-remote-code"]},
                    annotations={"waive.modelyard.dev/trust-remote-code": "2026-12-31: read at b968826d"},
                )
            ),
        ),
        fails=(
            (
                of(model(container={"args": ["--model", "q", "--trust_remote_code", "--port", "8080"]})),
                "StatefulSet models/qwen: vLLM runs with --trust-remote-code, so whoever can write to the repository "
                "runs programs in the pod, with its tokens and its network: leave it out where vLLM knows the "
                "architecture, else pin the revision, read the code and write the annotation "
                "waive.modelyard.dev/trust-remote-code with a day and what was read",
            ),
            (
                of(
                    lone(
                        "Job",
                        container={"command": ["vllm", "run-batch"], "args": ["--model", "q", "--trust-remote-code"]},
                    )
                ),
                "Job models/qwen: vLLM runs with --trust-remote-code, so whoever can write to the repository runs "
                "programs in the pod, with its tokens and its network: leave it out where vLLM knows the "
                "architecture, else pin the revision, read the code and write the annotation "
                "waive.modelyard.dev/trust-remote-code with a day and what was read",
            ),
            (
                of(
                    lone(
                        container={
                            "command": ["sh", "-c", "nvidia-smi && vllm serve q --trust-remote-code; sleep 1"],
                            "args": None,
                        }
                    )
                ),
                "Pod models/qwen: vLLM runs with --trust-remote-code, so whoever can write to the repository runs "
                "programs in the pod, with its tokens and its network: leave it out where vLLM knows the "
                "architecture, else pin the revision, read the code and write the annotation "
                "waive.modelyard.dev/trust-remote-code with a day and what was read",
            ),
        ),
        unknown=(of(model(container={"args": UNKNOWN}), model(container={"args": ["--trust-remote-code", UNKNOWN]})),),
    ),
    "route-auth": Triple(
        passes=(
            envoy(["api_key_auth", "router"]),
            of(gateway(), gateway_service("ClusterIP")),
            of(ingress(), plugin("jwt-auth", matchRules=[{"ingress": ["chat"], "config": {"allow": ["web"]}}])),
            of(ingress(), higress(service={"type": "ClusterIP"})),
            of(model(container={"env": [{"name": "VLLM_API_KEY"}]}), service(type="LoadBalancer")),
            envoy(["api_key_auth", "router"], projected=True),
            of(*MODEL, nginx({"nginx.ingress.kubernetes.io/auth-type": "basic"})),
            of(*MODEL, nginx({"nginx.ingress.kubernetes.io/auth-tls-secret": "models/ca"})),
            of(*MODEL, nginx({"konghq.com/plugins": "elsewhere"})),
            of(*MODEL, nginx({"konghq.com/plugins": "keys"}), obj("KongPlugin", "keys", plugin="key-auth")),
            of(*WEB, nginx(), nginx(default=True), http_route()),
            of(ingress(), plugin("key-auth", namespace="higress-system", matchRules=[{"ingress": ["models/chat"]}])),
            of(ingress(), plugin("key-auth", matchRules=[{"domain": ["*.example.com"], "config": {"allow": ["web"]}}])),
            of(
                ingress(),
                plugin("key-auth", matchRules=[{"service": ["llm-qwen.internal.dns"], "config": {"allow": ["web"]}}]),
            ),
            of(ingress(), plugin("key-auth", defaultConfig={"consumers": [{"name": "web"}]})),
            of(ingress(), plugin("ext-auth", defaultConfig={"http_service": {"endpoint_mode": "envoy"}})),
            of(*MODEL, http_route(), security("HTTPRoute", "chat", apiKeyAuth={"credentialRefs": [{"name": "keys"}]})),
            of(*MODEL, http_route(), security("Gateway", "edge", jwt=TOKENS)),
            of(*MODEL, http_route(rules=[{"backendRefs": [{"name": "qwen"}], "filters": [{"type": "ExternalAuth"}]}])),
            of(*MODEL, http_route(parentRefs=[{"kind": "Service", "name": "qwen"}])),
            of(*MODEL, http_route(rules=[{"filters": [{"type": "RequestRedirect"}]}])),
            of(ingress(), obj("WasmPlugin", "k", spec={"url": SERVED, "matchRules": [{"ingress": ["chat"]}]})),
        ),
        fails=(
            (
                envoy(["router"]),
                "Service models/gateway: type LoadBalancer leads to an Envoy that asks nobody who calls, so whoever "
                "finds the address has GPUs for nothing: write consumers with keys "
                "(modelyard:gateway.auth.consumers), or type: ClusterIP",
            ),
            (
                envoy(["router"], projected=True),
                "Service models/gateway: type LoadBalancer leads to an Envoy that asks nobody who calls, so whoever "
                "finds the address has GPUs for nothing: write consumers with keys "
                "(modelyard:gateway.auth.consumers), or type: ClusterIP",
            ),
            (
                of(model(), service(type="NodePort")),
                "Service models/qwen: type NodePort leads straight to vLLM without an API key, so whoever finds the "
                "address has GPUs for nothing: write type: ClusterIP and a gateway before it, or VLLM_API_KEY from a "
                "Secret",
            ),
            (
                of(ingress(), plugin("key-auth", matchRules=[{"ingress": ["other"], "config": {}}])),
                "Ingress models/chat: nobody is asked who calls, so whoever finds the address has GPUs for nothing: "
                "write consumers (modelyard:gateway.auth.consumers), or the annotation or plugin by which your Ingress "
                "controller asks",
            ),
            (
                of(lone(), service(type="LoadBalancer")),
                "Service models/qwen: type LoadBalancer leads straight to vLLM without an API key, so whoever finds "
                "the address has GPUs for nothing: write type: ClusterIP and a gateway before it, or VLLM_API_KEY "
                "from a Secret",
            ),
            (
                of(*MODEL, nginx({"alb.ingress.kubernetes.io/auth-type": "none"})),
                "Ingress models/chat: nobody is asked who calls, so whoever finds the address has GPUs for nothing: "
                "write consumers (modelyard:gateway.auth.consumers), or the annotation or plugin by which your "
                "Ingress controller asks",
            ),
            (
                of(
                    *MODEL,
                    nginx(
                        {
                            "nginx.ingress.kubernetes.io/auth-tls-secret": "c",
                            "nginx.ingress.kubernetes.io/auth-tls-verify-client": "off",
                        }
                    ),
                ),
                "Ingress models/chat: nobody is asked who calls, so whoever finds the address has GPUs for nothing: "
                "write consumers (modelyard:gateway.auth.consumers), or the annotation or plugin by which your "
                "Ingress controller asks",
            ),
            (
                of(*MODEL, nginx(default=True)),
                "Ingress models/chat: nobody is asked who calls, so whoever finds the address has GPUs for nothing: "
                "write consumers (modelyard:gateway.auth.consumers), or the annotation or plugin by which your "
                "Ingress controller asks",
            ),
            (
                of(*MODEL, nginx({"konghq.com/plugins": "slow"}), obj("KongPlugin", "slow", plugin="rate-limiting")),
                "Ingress models/chat: nobody is asked who calls, so whoever finds the address has GPUs for nothing: "
                "write consumers (modelyard:gateway.auth.consumers), or the annotation or plugin by which your "
                "Ingress controller asks",
            ),
            (
                of(
                    *MODEL,
                    nginx({"traefik.ingress.kubernetes.io/router.middlewares": "models-tls@kubernetescrd"}),
                    obj("Middleware", "tls", spec={"redirectScheme": {"scheme": "https"}}),
                ),
                "Ingress models/chat: nobody is asked who calls, so whoever finds the address has GPUs for nothing: "
                "write consumers (modelyard:gateway.auth.consumers), or the annotation or plugin by which your "
                "Ingress controller asks",
            ),
            (
                of(ingress({"higress.io/auth-type": "basic"})),
                "Ingress models/chat: nobody is asked who calls, so whoever finds the address has GPUs for nothing: "
                "write consumers (modelyard:gateway.auth.consumers), or the annotation or plugin by which your "
                "Ingress controller asks",
            ),
            (
                of(ingress(), plugin("key-auth", namespace="higress-system", matchRules=[{"ingress": ["chat"]}])),
                "Ingress models/chat: nobody is asked who calls, so whoever finds the address has GPUs for nothing: "
                "write consumers (modelyard:gateway.auth.consumers), or the annotation or plugin by which your "
                "Ingress controller asks",
            ),
            (
                of(ingress(), plugin("key-auth", defaultConfig={"global_auth": False})),
                "Ingress models/chat: nobody is asked who calls, so whoever finds the address has GPUs for nothing: "
                "write consumers (modelyard:gateway.auth.consumers), or the annotation or plugin by which your "
                "Ingress controller asks",
            ),
            (
                of(
                    ingress(),
                    plugin(
                        "key-auth",
                        matchRules=[{"domain": ["other.example.com"]}],
                        defaultConfig={"keys": ["x-api-key"]},
                    ),
                ),
                "Ingress models/chat: nobody is asked who calls, so whoever finds the address has GPUs for nothing: "
                "write consumers (modelyard:gateway.auth.consumers), or the annotation or plugin by which your "
                "Ingress controller asks",
            ),
            (
                of(
                    ingress(),
                    plugin(
                        "ext-auth",
                        matchRules=[{"ingress": ["chat"], "configDisable": True}],
                        defaultConfig={"http_service": {}},
                    ),
                ),
                "Ingress models/chat: nobody is asked who calls, so whoever finds the address has GPUs for nothing: "
                "write consumers (modelyard:gateway.auth.consumers), or the annotation or plugin by which your "
                "Ingress controller asks",
            ),
            (
                of(*MODEL, http_route()),
                "HTTPRoute models/chat: nobody is asked who calls, so whoever finds the address has GPUs for nothing: "
                "write a SecurityPolicy of Envoy Gateway about it or its Gateway, an ExternalAuth filter, or what "
                "your Gateway's controller has for it",
            ),
            (
                of(*MODEL, http_route(), security("HTTPRoute", "other", jwt=TOKENS)),
                "HTTPRoute models/chat: nobody is asked who calls, so whoever finds the address has GPUs for nothing: "
                "write a SecurityPolicy of Envoy Gateway about it or its Gateway, an ExternalAuth filter, or what "
                "your Gateway's controller has for it",
            ),
            (
                of(*MODEL, http_route(), security("HTTPRoute", "chat", jwt={**TOKENS, "optional": True})),
                "HTTPRoute models/chat: nobody is asked who calls, so whoever finds the address has GPUs for nothing: "
                "write a SecurityPolicy of Envoy Gateway about it or its Gateway, an ExternalAuth filter, or what "
                "your Gateway's controller has for it",
            ),
            (
                of(
                    *MODEL,
                    http_route(),
                    security("HTTPRoute", "chat", cors={}),
                    security("Gateway", "edge", jwt=TOKENS),
                ),
                "HTTPRoute models/chat: nobody is asked who calls, so whoever finds the address has GPUs for nothing: "
                "write a SecurityPolicy of Envoy Gateway about it or its Gateway, an ExternalAuth filter, or what "
                "your Gateway's controller has for it",
            ),
        ),
        unknown=(
            of(gateway(), gateway_service(), obj("Secret", "bootstrap", data={"bootstrap.json": UNKNOWN})),
            of(ingress(), plugin("key-auth", matchRules=UNKNOWN)),
            of(*MODEL, http_route(), security("HTTPRoute", "chat", jwt=UNKNOWN)),
            of(*MODEL, http_route(rules=UNKNOWN)),
            of(*MODEL, nginx({"nginx.ingress.kubernetes.io/auth-type": UNKNOWN})),
            of(model(), service(type=UNKNOWN)),
        ),
    ),
    "route-tls": Triple(
        passes=(
            of(ingress()),
            envoy(["api_key_auth"], tls=True),
            of(
                model(),
                service(
                    type="LoadBalancer",
                    annotations={"service.beta.kubernetes.io/aws-load-balancer-ssl-cert": "arn:aws:acm:x"},
                ),
            ),
            of(*MODEL, nginx()),
            of(*MODEL, listeners("HTTP", "HTTPS"), http_route(parentRefs=[{"name": "edge", "sectionName": "https"}])),
            of(listeners("HTTP", "HTTPS"), http_route(rules=[{"filters": [{"type": "RequestRedirect"}]}])),
        ),
        fails=(
            (
                of(ingress(tls=False)),
                "Ingress models/chat: host 'llm.example.com' is answered without TLS, so keys, prompts and answers can "
                "be read on the way: write a host and `tls` with its certificate (modelyard:gateway.domain and "
                "gateway.tls)",
            ),
            (
                of(ingress(redirect=False)),
                "Ingress models/chat: it has TLS and is answered without it as well, so keys, prompts and answers can "
                'be read on the way: write the annotation higress.io/ssl-redirect: "true"',
            ),
            (
                envoy(["api_key_auth"]),
                "Service models/gateway: type LoadBalancer is reached without TLS, so keys, prompts and answers can be "
                "read on the way: let the load balancer have the certificate, or write type: ClusterIP and an Ingress "
                "with `tls` before it",
            ),
            (
                of(obj("Gateway", "g", spec={"listeners": [{"protocol": "HTTP"}]})),
                "Gateway models/g: none of its listeners has TLS, so keys, prompts and answers can be read on the way: "
                "write one of protocol HTTPS with its certificate",
            ),
            (
                of(*MODEL, nginx(default=True)),
                "Ingress models/chat: any host is answered without TLS, so keys, prompts and answers can be read on "
                "the way: write a host and `tls` with its certificate (modelyard:gateway.domain and gateway.tls)",
            ),
            (
                of(*MODEL, nginx({"nginx.ingress.kubernetes.io/ssl-redirect": "false"})),
                "Ingress models/chat: it has TLS and is answered without it as well, so keys, prompts and answers can "
                'be read on the way: write the annotation nginx.ingress.kubernetes.io/ssl-redirect: "true"',
            ),
            (
                of(*MODEL, listeners("HTTP", "HTTPS"), http_route()),
                "HTTPRoute models/chat: the listener 'http' of Gateway models/edge answers without TLS, so keys, "
                "prompts and answers can be read on the way: write the listener with TLS as sectionName, and another "
                "route that redirects to it",
            ),
        ),
        unknown=(
            of(obj("Ingress", "chat", spec={"rules": [{"host": UNKNOWN}]})),
            of(obj("Ingress", "chat", spec={"rules": [{"host": "a"}], "tls": UNKNOWN})),
            of(*MODEL, obj("Gateway", "edge", spec={"listeners": UNKNOWN}), http_route()),
            of(gateway(), gateway_service(), obj("Secret", "bootstrap", data={"bootstrap.json": UNKNOWN})),
        ),
    ),
    "load-balancer-sources": Triple(
        passes=(
            of(gateway_service(loadBalancerSourceRanges=["203.0.113.0/24"])),
            of(gateway_service("NodePort")),
            of(service(type="LoadBalancer", annotations={"networking.gke.io/load-balancer-type": "Internal"})),
            of(higress(service={"type": "LoadBalancer", "loadBalancerSourceRanges": ["203.0.113.0/24"]})),
            of(higress(), plugin("ip-restriction", defaultConfig={"allow": ["203.0.113.0/24"]})),
        ),
        fails=(
            (
                of(gateway_service()),
                "Service models/gateway: its load balancer lets in the whole internet, so one stolen key, or one fault "
                "of the gateway, is enough to use it from anywhere: write loadBalancerSourceRanges "
                "(modelyard:gateway.service.sourceRanges), or your cloud's annotation for an internal load balancer",
            ),
            (
                of(gateway_service(loadBalancerSourceRanges=["0.0.0.0/0"])),
                "Service models/gateway: its load balancer lets in only 0.0.0.0/0, which is everybody, so one stolen "
                "key, or one fault of the gateway, is enough to use it from anywhere: write loadBalancerSourceRanges "
                "(modelyard:gateway.service.sourceRanges), or your cloud's annotation for an internal load balancer",
            ),
            (
                of(higress()),
                "Release chart: its load balancer lets in the whole internet, so one stolen key, or one fault of the "
                "gateway, is enough to use it from anywhere: write loadBalancerSourceRanges "
                "(modelyard:gateway.service.sourceRanges), or your cloud's annotation for an internal load balancer",
            ),
            (
                of(gateway_service(loadBalancerSourceRanges=["0.0.0.0/1", "128.0.0.0/1"])),
                "Service models/gateway: its load balancer lets in only 0.0.0.0/1, 128.0.0.0/1, which is everybody, "
                "so one stolen key, or one fault of the gateway, is enough to use it from anywhere: write "
                "loadBalancerSourceRanges (modelyard:gateway.service.sourceRanges), or your cloud's annotation for an "
                "internal load balancer",
            ),
            (
                of(gateway_service(loadBalancerSourceRanges=["203.0.113.0/24", "2000::/3"])),
                "Service models/gateway: its load balancer lets in only 203.0.113.0/24, 2000::/3, which is everybody, "
                "so one stolen key, or one fault of the gateway, is enough to use it from anywhere: write "
                "loadBalancerSourceRanges (modelyard:gateway.service.sourceRanges), or your cloud's annotation for an "
                "internal load balancer",
            ),
        ),
        unknown=(
            of(gateway_service(loadBalancerSourceRanges=UNKNOWN)),
            of(gateway_service(loadBalancerSourceRanges=[UNKNOWN])),
            of(higress(service=UNKNOWN)),
        ),
    ),
    "fallback-exists": Triple(
        passes=(of(*BOTH, chains("qwen", "gemma")), of(chains("qwen", "gemma")), of(*BOTH, chains("qwen", "qwen"))),
        fails=(
            (
                of(*BOTH, chains("qwen", "mistral")),
                "ConfigMap models/routes: the chain 'chain' falls back on 'mistral', unknown to the gateway, so "
                "nothing would answer when it is needed: write the name of a model of the stack",
            ),
            (
                of(*BOTH[:2], chains("qwen", "gemma")),
                "ConfigMap models/routes: the chain 'chain' falls back on 'gemma.models.svc.cluster.local', and there "
                "is no such Service, so nothing would answer when it is needed: write the name of a model of the stack",
            ),
        ),
        unknown=(of(*BOTH, UNKNOWN_CHAINS),),
    ),
    "fallback-differs": Triple(
        passes=(of(*BOTH, chains("qwen", "gemma")), of(*BOTH, chains("qwen", "qwen"))),
        fails=(
            (
                of(*BOTH, chains("qwen", "gemma", "qwen")),
                "ConfigMap models/routes: the chain 'chain' falls back on 'qwen', which it has asked before, so what "
                "has just failed is asked again, and the client waits twice: write another model, or none",
            ),
        ),
        unknown=(of(*BOTH, UNKNOWN_CHAINS),),
    ),
    "fallback-warm": Triple(
        passes=(
            of(*BOTH, chains("qwen", "gemma")),
            of(*BOTH, scaled("gemma", 1), chains("qwen", "gemma")),
            of(*BOTH, scaled("qwen", 0), chains("qwen", "gemma")),
        ),
        fails=(
            (
                of(*BOTH, scaled("gemma", 0), chains("qwen", "gemma")),
                "ConfigMap models/routes: the chain 'chain' falls back on 'gemma', which may have no replica, so its "
                "requests would wait minutes for a start, or fail: write at least one replica for 'gemma', or another "
                "fallback",
            ),
        ),
        unknown=(of(*BOTH, scaled("gemma", UNKNOWN), chains("qwen", "gemma")), of(*BOTH, UNKNOWN_CHAINS)),
    ),
    "fallback-elsewhere": Triple(
        passes=(
            of(zone("qwen", "a"), service("qwen"), zone("gemma", "b"), service("gemma"), chains("qwen", "gemma")),
            of(*BOTH[:2], chains("qwen", "gemma")),
        ),
        fails=(
            (
                of(*BOTH, chains("qwen", "gemma")),
                "ConfigMap models/routes: the chain 'chain' falls back from 'qwen' on 'gemma', all of one pool and "
                "zone, so a zone without power, or a pool without machines, takes both: put one model of the chain on "
                "a pool of another zone (topology.kubernetes.io/zone) or other GPUs",
            ),
        ),
        unknown=(
            of(zone("qwen", "a"), service("qwen"), zone("gemma", UNKNOWN), service("gemma"), chains("qwen", "gemma")),
        ),
    ),
    "scale-to-zero-fallback": Triple(
        passes=(
            of(*BOTH, scaled("qwen", 0), chains("qwen", "gemma")),
            of(model(), scaled("qwen", 0)),
            of(*BOTH, scaled("qwen", 1), chains("qwen", "qwen")),
        ),
        fails=(
            (
                of(*BOTH, scaled("qwen", 0), chains("qwen", "qwen")),
                "StatefulSet models/qwen: it may have no replica, and the chain 'chain' has nobody with one who "
                "answers until it is back, so requests would fail until a replica has started: write a fallback that "
                "always has a replica, or at least one for 'qwen'",
            ),
        ),
        unknown=(
            of(*BOTH, scaled("qwen", UNKNOWN), chains("qwen", "qwen")),
            of(*BOTH, scaled("qwen", 0), UNKNOWN_CHAINS),
        ),
    ),
    "gateway-availability": Triple(
        passes=(
            of(gateway(), budget({"app": "gateway"})),
            of(
                higress(autoscaling={"enabled": True, "minReplicas": 3}),
                budget({"app": "higress-gateway"}, "higress-system"),
            ),
            of(model()),
            of(gateway(replicas=3), budget({"app": "gateway"}, maxUnavailable="50%")),
            of(gateway(), budget({}, minAvailable=1)),
            of(gateway(), budget({"app": "gateway"}, minAvailable="1%")),
            of(model(pod={"initContainers": [{**SIDECAR, "image": "envoyproxy/envoy:v1.40.0"}]})),
        ),
        fails=(
            (
                of(gateway(replicas=1), budget({"app": "gateway"})),
                "Deployment models/gateway: the gateway may have 1 pod, so a node that fails or is drained may take "
                "every model out of reach: write 2 replicas or more (modelyard:gateway.replicas, or "
                "gateway.autoscaling.minReplicas)",
            ),
            (
                of(gateway(), budget({"app": "other"})),
                "Deployment models/gateway: no PodDisruptionBudget chooses the gateway's pods, so a node that fails or "
                "is drained may take every model out of reach: write one with maxUnavailable: 1; a gateway of two "
                "replicas or more gets it from the program",
            ),
            (
                of(higress(replicas=1), budget({"app": "higress-gateway"}, "higress-system")),
                "Release chart: the gateway may have 1 pod, so a node that fails or is drained may take every model "
                "out of reach: write 2 replicas or more (modelyard:gateway.replicas, or "
                "gateway.autoscaling.minReplicas)",
            ),
            (
                of(gateway(), budget({"app": "gateway"}, maxUnavailable=2)),
                "Deployment models/gateway: PodDisruptionBudget models/gateway lets all 2 of the gateway's pods be "
                "taken at once, so a node that fails or is drained may take every model out of reach: write "
                "maxUnavailable: 1",
            ),
            (
                of(gateway(), budget({"app": "gateway"}, maxUnavailable="51%")),
                "Deployment models/gateway: PodDisruptionBudget models/gateway lets all 2 of the gateway's pods be "
                "taken at once, so a node that fails or is drained may take every model out of reach: write "
                "maxUnavailable: 1",
            ),
            (
                of(gateway(), budget({"app": "gateway"}, minAvailable=0)),
                "Deployment models/gateway: PodDisruptionBudget models/gateway lets all 2 of the gateway's pods be "
                "taken at once, so a node that fails or is drained may take every model out of reach: write "
                "maxUnavailable: 1",
            ),
            (
                of(gateway(), budget({"app": "gateway"}, minAvailable="0%")),
                "Deployment models/gateway: PodDisruptionBudget models/gateway lets all 2 of the gateway's pods be "
                "taken at once, so a node that fails or is drained may take every model out of reach: write "
                "maxUnavailable: 1",
            ),
            (
                of(gateway(), budget(None)),
                "Deployment models/gateway: no PodDisruptionBudget chooses the gateway's pods, so a node that fails "
                "or is drained may take every model out of reach: write one with maxUnavailable: 1; a gateway of two "
                "replicas or more gets it from the program",
            ),
        ),
        unknown=(
            of(gateway(replicas=UNKNOWN)),
            of(gateway(), budget({"app": UNKNOWN})),
            of(gateway(), budget({}, minAvailable=UNKNOWN)),
            of(higress(replicas=UNKNOWN)),
        ),
    ),
    "container-resources": Triple(
        passes=(of(model()),),
        fails=(
            (
                of(model(container={"resources": {"requests": {"cpu": None}}})),
                "StatefulSet models/qwen: container 'vllm' has no requests.cpu, so the scheduler may put it where "
                "there is no room, and it or a neighbour is killed: write resources.requests.cpu of what was measured",
            ),
            (
                of(model(container={"resources": {"limits": {"memory": None}}})),
                "StatefulSet models/qwen: container 'vllm' has no limits.memory, so the scheduler may put it where "
                "there is no room, and it or a neighbour is killed: write resources.limits.memory of what was measured",
            ),
        ),
        unknown=(
            of(model(container={"resources": UNKNOWN})),
            of(model(container={"resources": {"requests": UNKNOWN}})),
        ),
    ),
    "probes": Triple(
        passes=(
            of(model()),
            of(obj("Job", "fetch", spec={"template": {"spec": {"containers": [{"ports": [{}]}]}}})),
            of(lone(restartPolicy="Never", container={"readinessProbe": None})),
            of(model(container={"livenessProbe": {"httpGet": None, "exec": {"command": ["healthy"]}}})),
            of(model(container={"livenessProbe": {"httpGet": None, "tcpSocket": {"port": 8080}}})),
        ),
        fails=(
            (
                of(model(container={"startupProbe": None})),
                "StatefulSet models/qwen: container 'vllm' has no startupProbe, so requests would go to a pod that "
                "still loads or hangs, or a start is taken for one that hangs: write a startupProbe, such as of "
                "/health",
            ),
            (
                of(model(container={"image": "nginx:1.29", "readinessProbe": None})),
                "StatefulSet models/qwen: container 'vllm' has no readinessProbe, so requests would go to a pod that "
                "still loads or hangs, or a start is taken for one that hangs: write a readinessProbe, such as of "
                "/health",
            ),
            (
                of(lone(container={**UNNAMED, "startupProbe": None})),
                "Pod models/qwen: container 'vllm' has no startupProbe, so requests would go to a pod that still "
                "loads or hangs, or a start is taken for one that hangs: write a startupProbe, such as of /health",
            ),
            (
                of(model(container={"livenessProbe": {"httpGet": None, "periodSeconds": 5}})),
                "StatefulSet models/qwen: the livenessProbe of container 'vllm' asks nothing, so requests would go to "
                "a pod that still loads or hangs, or a start is taken for one that hangs: write "
                "livenessProbe.httpGet.port",
            ),
            (
                of(model(container={"readinessProbe": {"httpGet": {"port": None}}})),
                "StatefulSet models/qwen: the readinessProbe of container 'vllm' asks no port, so requests would go "
                "to a pod that still loads or hangs, or a start is taken for one that hangs: write "
                "readinessProbe.httpGet.port",
            ),
            (
                of(model(container={"readinessProbe": {"httpGet": {"port": "web"}}})),
                "StatefulSet models/qwen: the readinessProbe of container 'vllm' asks port 'web', which the container "
                "does not have, so requests would go to a pod that still loads or hangs, or a start is taken for one "
                "that hangs: write readinessProbe.httpGet.port",
            ),
        ),
        unknown=(of(model(container={"readinessProbe": UNKNOWN})), of(model(container={"ports": UNKNOWN}))),
    ),
    "grace-period": Triple(
        passes=(
            of(model()),
            of(model(container={"args": ["--model", "q"]}, pod={"terminationGracePeriodSeconds": None})),
        ),
        fails=(
            (
                of(model(pod={"terminationGracePeriodSeconds": 60})),
                "StatefulSet models/qwen: its pods get 60 seconds to stop, and container 'vllm' takes up to 60 to "
                "drain, so running answers would be cut off: write terminationGracePeriodSeconds: 90",
            ),
            (
                of(
                    model(
                        container={
                            "args": ["--model", "q"],
                            "lifecycle": {"preStop": {"exec": {"command": ["sh", "-c", "sleep 45"]}}},
                        },
                        pod={"terminationGracePeriodSeconds": None},
                    )
                ),
                "StatefulSet models/qwen: its pods get 30 seconds to stop, and container 'vllm' takes up to 45 to "
                "drain, so running answers would be cut off: write terminationGracePeriodSeconds: 75",
            ),
        ),
        unknown=(of(model(pod={"terminationGracePeriodSeconds": UNKNOWN})),),
    ),
    "gpu-budget": Triple(
        parameters={"maxGpus": 3},
        passes=(of(model()), of(model("a"), scaled("a", 1))),
        fails=(
            (
                of(model("a", replicas=2), model("b"), scaled("b", 0)),
                "the stack's models may take 5 GPUs (a 2, b 3), and its budget is 3, so others would wait for theirs, "
                "or somebody pays who does not know: write fewer replicas or a lower maxReplicas, or raise maxGpus of "
                "this rule",
            ),
            (
                of(model("a", replicas=2), lone("Job", container=TWO_GPUS)),
                "the stack's models may take 4 GPUs (a 2, qwen 2), and its budget is 3, so others would wait for "
                "theirs, or somebody pays who does not know: write fewer replicas or a lower maxReplicas, or raise "
                "maxGpus of this rule",
            ),
        ),
        unknown=(of(model("a", replicas=UNKNOWN)), of(model(container={"resources": UNKNOWN}))),
    ),
    "cost-budget": Triple(
        parameters={"maxPerHour": 2, "prices": {"NVIDIA-L4": 0.9}},
        passes=(of(model("a", replicas=2)),),
        fails=(
            (
                of(model("a", replicas=3)),
                "the stack's GPUs may cost 2.70 an hour, and its budget is 2.00, so the bill would be higher than was "
                "agreed: write fewer replicas or a lower maxReplicas, or raise maxPerHour of this rule",
            ),
            (
                of(model(pod={"nodeSelector": {"nvidia.com/gpu.product": "NVIDIA-H200"}})),
                "StatefulSet models/qwen: nobody has said what its 1 GPUs cost, so the bill would be higher than was "
                "agreed: write their price under `prices`, by a label of their nodes; there are prices of NVIDIA-L4",
            ),
        ),
        unknown=(of(model(replicas=UNKNOWN)), of(model(replicas=9, pod={"nodeSelector": UNKNOWN}))),
    ),
    "network-policy": Triple(
        passes=(
            of(model(), policy({"matchLabels": {"app.kubernetes.io/name": "vllm"}})),
            of(model(), policy({})),
            of(model(), policy({}, ingress=[{"ports": [{"port": 9400}]}])),
            of(model(container=METRICS), policy({}, ingress=[{"ports": [{"port": "metrics"}]}])),
            of(model(), policy({}, ingress=[{"ports": [{"port": 8080, "protocol": "UDP"}]}])),
            of(model(), policy({}, ingress=[{"from": [{"namespaceSelector": {}, "podSelector": PROMETHEUS}]}])),
            of(model(), policy({}, ingress=[cidr("10.0.0.0/8")])),
            of(model(), policy({}, ingress=[{"from": [{"ipBlock": {"cidr": "0.0.0.0/0", "except": ["10.0.0.0/8"]}}]}])),
            of(lone("Job", container={"command": ["vllm", "run-batch"]})),
            of(
                obj("Playground", "qwen", spec={"modelClaim": {"modelName": "qwen"}}),
                policy(
                    {
                        "matchExpressions": [
                            {"key": "leaderworkerset.sigs.k8s.io/name", "operator": "In", "values": ["qwen"]}
                        ]
                    }
                ),
            ),
        ),
        fails=(
            (
                of(model(), policy({"matchLabels": {"app.kubernetes.io/name": "other"}})),
                "StatefulSet models/qwen: no NetworkPolicy says who may reach its pods, so every pod of the cluster "
                "can use it past the gateway, its keys and its limits: write one that lets in the gateway "
                "(modelyard:gateway.networkPolicy: true)",
            ),
            (
                of(model(), policy({}, ingress=[{"ports": [{"port": 8080}]}])),
                "StatefulSet models/qwen: a NetworkPolicy lets everybody reach its pods, so every pod of the cluster "
                "can use it past the gateway, its keys and its limits: write one that lets in the gateway "
                "(modelyard:gateway.networkPolicy: true)",
            ),
            (
                of(lone()),
                "Pod models/qwen: no NetworkPolicy says who may reach its pods, so every pod of the cluster can use "
                "it past the gateway, its keys and its limits: write one that lets in the gateway "
                "(modelyard:gateway.networkPolicy: true)",
            ),
            (
                of(model(), policy({}, ingress=[{"from": [{"namespaceSelector": {}}]}])),
                "StatefulSet models/qwen: a NetworkPolicy lets everybody reach its pods, so every pod of the cluster "
                "can use it past the gateway, its keys and its limits: write one that lets in the gateway "
                "(modelyard:gateway.networkPolicy: true)",
            ),
            (
                of(model(), policy({}, ingress=[{"from": [{"namespaceSelector": {}, "podSelector": {}}]}])),
                "StatefulSet models/qwen: a NetworkPolicy lets everybody reach its pods, so every pod of the cluster "
                "can use it past the gateway, its keys and its limits: write one that lets in the gateway "
                "(modelyard:gateway.networkPolicy: true)",
            ),
            (
                of(
                    model(),
                    policy({}, ingress=[{"from": [{"ipBlock": {"cidr": "0.0.0.0/0", "except": ["203.0.113.7/32"]}}]}]),
                ),
                "StatefulSet models/qwen: a NetworkPolicy lets everybody reach its pods, so every pod of the cluster "
                "can use it past the gateway, its keys and its limits: write one that lets in the gateway "
                "(modelyard:gateway.networkPolicy: true)",
            ),
            (
                of(model(), policy({}, ingress=[cidr("0.0.0.0/1")]), policy({}, ingress=[cidr("128.0.0.0/1")])),
                "StatefulSet models/qwen: a NetworkPolicy lets everybody reach its pods, so every pod of the cluster "
                "can use it past the gateway, its keys and its limits: write one that lets in the gateway "
                "(modelyard:gateway.networkPolicy: true)",
            ),
            (
                of(model(), policy({}, ingress=[cidr("::/0")])),
                "StatefulSet models/qwen: a NetworkPolicy lets everybody reach its pods, so every pod of the cluster "
                "can use it past the gateway, its keys and its limits: write one that lets in the gateway "
                "(modelyard:gateway.networkPolicy: true)",
            ),
            (
                of(model(), policy({}, ingress=[{"ports": [{"port": 8000, "endPort": 8100}]}])),
                "StatefulSet models/qwen: a NetworkPolicy lets everybody reach its pods, so every pod of the cluster "
                "can use it past the gateway, its keys and its limits: write one that lets in the gateway "
                "(modelyard:gateway.networkPolicy: true)",
            ),
            (
                of(model(), policy({}, ingress=[{"ports": [{"port": "http"}]}])),
                "StatefulSet models/qwen: a NetworkPolicy lets everybody reach its pods, so every pod of the cluster "
                "can use it past the gateway, its keys and its limits: write one that lets in the gateway "
                "(modelyard:gateway.networkPolicy: true)",
            ),
            (
                of(group("8", 2), policy({}, ingress=[{"ports": [{"port": 9400}]}])),
                "LeaderWorkerSet models/big: a NetworkPolicy lets everybody reach its pods, so every pod of the "
                "cluster can use it past the gateway, its keys and its limits: write one that lets in the gateway "
                "(modelyard:gateway.networkPolicy: true)",
            ),
        ),
        unknown=(
            of(model(), policy({"matchLabels": {"app.kubernetes.io/name": UNKNOWN}})),
            of(model(), policy(UNKNOWN)),
            of(model(), policy({}, ingress=[{"from": [{"namespaceSelector": UNKNOWN}]}])),
            of(model(), policy({}, ingress=[cidr(UNKNOWN)])),
        ),
    ),
    "pod-security": Triple(
        passes=(
            of(model()),
            of(model(container={"securityContext": {"capabilities": {"add": ["NET_BIND_SERVICE"], "drop": ["ALL"]}}})),
            of(model(pod={"securityContext": {"sysctls": [{"name": "net.ipv4.tcp_rmem", "value": "4096 1 2"}]}})),
            of(model(pod={"os": {"name": "windows"}}, container={"securityContext": None})),
        ),
        fails=(
            (
                of(model(pod={"volumes": [{"name": "w", "hostPath": {"path": "/data"}}]})),
                "StatefulSet models/qwen: volume 'w' is a folder of the node, '/data', so a fault in what they run, or "
                "in weights that they load, would reach the node and its other pods: write a claim, or another kind "
                "of weights.cache",
            ),
            (
                of(model(container={"securityContext": {"allowPrivilegeEscalation": None}})),
                "StatefulSet models/qwen: container 'vllm' may get more rights than it starts with, so a fault in what "
                "they run, or in weights that they load, would reach the node and its other pods: write "
                "securityContext.allowPrivilegeEscalation: false",
            ),
            (
                of(model(pod={"securityContext": {"runAsNonRoot": None}})),
                "StatefulSet models/qwen: container 'vllm' may run as root, so a fault in what they run, or in weights "
                "that they load, would reach the node and its other pods: write securityContext.runAsNonRoot: true, "
                "and a runAsUser",
            ),
            (
                of(model(container={"securityContext": {"runAsUser": 0}})),
                "StatefulSet models/qwen: container 'vllm' may run as root, so a fault in what they run, or in "
                "weights that they load, would reach the node and its other pods: write securityContext.runAsNonRoot: "
                "true, and a runAsUser",
            ),
            (
                of(model(container={"securityContext": {"capabilities": {"add": ["CHOWN"], "drop": ["ALL"]}}})),
                "StatefulSet models/qwen: container 'vllm' adds the capabilities CHOWN, so a fault in what they run, "
                "or in weights that they load, would reach the node and its other pods: leave out all but "
                "NET_BIND_SERVICE",
            ),
            (
                of(model(container={"securityContext": {"capabilities": {"add": ["SYS_ADMIN"], "drop": ["ALL"]}}})),
                "StatefulSet models/qwen: container 'vllm' adds the capabilities SYS_ADMIN, so a fault in what they "
                "run, or in weights that they load, would reach the node and its other pods: leave them out",
            ),
            (
                of(model(container={"securityContext": {"seccompProfile": {"type": "Unconfined"}}})),
                "StatefulSet models/qwen: container 'vllm' turned seccomp off by the profile 'Unconfined', so a fault "
                "in what they run, or in weights that they load, would reach the node and its other pods: write "
                "securityContext.seccompProfile.type: RuntimeDefault",
            ),
            (
                of(model(container={"securityContext": {"procMount": "Unmasked"}})),
                "StatefulSet models/qwen: container 'vllm' has an unmasked /proc, so a fault in what they run, or in "
                "weights that they load, would reach the node and its other pods: leave securityContext.procMount out",
            ),
            (
                of(model(pod={"securityContext": {"appArmorProfile": {"type": "Unconfined"}}})),
                "StatefulSet models/qwen: its pods turned AppArmor off by the profile 'Unconfined', so a fault in "
                "what they run, or in weights that they load, would reach the node and its other pods: write "
                "securityContext.appArmorProfile.type: RuntimeDefault",
            ),
            (
                of(model(pod={"securityContext": {"seLinuxOptions": {"type": "spc_t"}}})),
                "StatefulSet models/qwen: its pods chose an SELinux type, user or role, so a fault in what they "
                "run, or in weights that they load, would reach the node and its other pods: leave "
                "securityContext.seLinuxOptions out",
            ),
            (
                of(model(pod={"securityContext": {"windowsOptions": {"hostProcess": True}}})),
                "StatefulSet models/qwen: its pods may act as a process of the node, so a fault in what they run, or "
                "in weights that they load, would reach the node and its other pods: leave windowsOptions.hostProcess "
                "out",
            ),
            (
                of(model(pod={"securityContext": {"sysctls": [{"name": "kernel.msgmax", "value": "1"}]}})),
                "StatefulSet models/qwen: its pods set the sysctls kernel.msgmax, so a fault in what they run, or in "
                "weights that they load, would reach the node and its other pods: leave them out",
            ),
            (
                of(model(pod={"volumes": [{"name": "w", "nfs": {"server": "files", "path": "/"}}]})),
                "StatefulSet models/qwen: volume 'w' is of kind nfs, so a fault in what they run, or in weights that "
                "they load, would reach the node and its other pods: write a claim, and the other storage behind it",
            ),
            (
                of(model(container={"livenessProbe": {"httpGet": {"host": "169.254.169.254"}}})),
                "StatefulSet models/qwen: container 'vllm' has the node ask '169.254.169.254' by its livenessProbe, "
                "so a fault in what they run, or in weights that they load, would reach the node and its other pods: "
                "leave `host` out",
            ),
            (
                of(model(pod={"initContainers": [{**CONTAINER, "name": "fetch", "ports": [{"hostPort": 80}]}]})),
                "StatefulSet models/qwen: container 'fetch' takes ports of the node: 80, so a fault in what they run, "
                "or in weights that they load, would reach the node and its other pods: write a Service",
            ),
            (
                of(
                    model(
                        pod={
                            "ephemeralContainers": [
                                merged(CONTAINER, {"name": "debug", "securityContext": {"privileged": True}})
                            ]
                        }
                    )
                ),
                "StatefulSet models/qwen: container 'debug' is privileged, so a fault in what they run, or in weights "
                "that they load, would reach the node and its other pods: leave securityContext.privileged out",
            ),
        ),
        unknown=(
            of(model(pod={"securityContext": UNKNOWN, "volumes": UNKNOWN})),
            of(model(container={"securityContext": UNKNOWN})),
        ),
    ),
    "namespace-pod-security": Triple(
        passes=(of(obj("Namespace", "m", metadata={"labels": {"pod-security.kubernetes.io/enforce": "restricted"}})),),
        fails=(
            (
                of(obj("Namespace", "m")),
                "Namespace models/m: it has no label pod-security.kubernetes.io/enforce, so any pod may be privileged "
                "there, whoever makes it: write the label pod-security.kubernetes.io/enforce: baseline or restricted, "
                "or privileged where that is meant",
            ),
        ),
        unknown=(
            of(obj("Namespace", "m", metadata={"labels": {"pod-security.kubernetes.io/enforce": UNKNOWN}})),
            of(obj("Namespace", "m", metadata={"labels": UNKNOWN})),
        ),
    ),
    "object-names": Triple(
        passes=(of(model(), service()),),
        fails=(
            (
                of(model("a" * 53)),
                f"StatefulSet models/{'a' * 53}: its name has 53 characters, and pods get a longer one, so what looks "
                "for it by its name may not find it: write 52 or fewer",
            ),
            (
                of(obj("Service", "", spec={})),
                "Service : it has no metadata.name, so Pulumi makes one up, and another with each replacement, so what "
                "looks for it by its name may not find it: write metadata.name",
            ),
        ),
        unknown=(of(obj("Service", UNKNOWN)), of(obj("Deployment", UNKNOWN))),
    ),
    "object-labels": Triple(
        passes=(of(model(), service()),),
        fails=(
            (
                of(obj("Service", "qwen", metadata={"labels": {"app.kubernetes.io/name": "vllm"}})),
                "Service models/qwen: it has no label app.kubernetes.io/instance and no label "
                "app.kubernetes.io/part-of, so selectors, dashboards and bills miss it: write "
                "app.kubernetes.io/instance, app.kubernetes.io/part-of as labels",
            ),
        ),
        unknown=(of(obj("Service", "qwen", metadata={"labels": UNKNOWN})),),
    ),
    "deprecated-apis": Triple(
        passes=(of(model(), ingress()),),
        fails=(
            (
                of(obj("HorizontalPodAutoscaler", "h", "autoscaling/v2beta2", spec={})),
                "HorizontalPodAutoscaler models/h: autoscaling/v2beta2 HorizontalPodAutoscaler is gone since "
                "Kubernetes 1.26, so the next version of the cluster refuses it, or passes over it without a word: "
                "write autoscaling/v2",
            ),
            (
                of(obj("Ingress", "chat", metadata={"annotations": {"kubernetes.io/ingress.class": "nginx"}})),
                "Ingress models/chat: it says kubernetes.io/ingress.class, so the next version of the cluster refuses "
                "it, or passes over it without a word: write spec.ingressClassName",
            ),
        ),
        unknown=(of(obj("Ingress", "chat", metadata={"annotations": UNKNOWN})),),
    ),
    "waivers": Triple(
        passes=(of(model(annotations={"waive.modelyard.dev/probes": "2026-12-31: the load balancer asks it"})),),
        fails=(
            (
                of(model(annotations={"waive.modelyard.dev/probes": "2026-05-31: the load balancer asks it"})),
                "StatefulSet models/qwen: waive.modelyard.dev/probes has ended on 2026-05-31, so nobody can tell "
                "whether it still holds: mend what it is for, or give a new day",
            ),
        ),
        unknown=(of(model(annotations={"waive.modelyard.dev/probes": UNKNOWN})),),
    ),
}


def test_every_rule_has_its_triple() -> None:
    assert set(TRIPLES) == {rule.id for rule in RULES}
    assert all(each.passes and each.fails and each.unknown for each in TRIPLES.values())


@pytest.mark.parametrize(
    ("rule", "resources"), [(rule, resources) for rule, each in TRIPLES.items() for resources in each.passes]
)
def test_passes(rule: str, resources: Resources) -> None:
    assert say(rule, *resources, **TRIPLES[rule].parameters) == []


@pytest.mark.parametrize(
    ("rule", "resources", "sentence"),
    [(rule, *failing) for rule, each in TRIPLES.items() for failing in each.fails],
)
def test_fails(rule: str, resources: Resources, sentence: str) -> None:
    assert say(rule, *resources, **TRIPLES[rule].parameters) == [sentence]


@pytest.mark.parametrize(
    ("rule", "resources"), [(rule, resources) for rule, each in TRIPLES.items() for resources in each.unknown]
)
def test_nothing_is_said_of_what_is_unknown(rule: str, resources: Resources) -> None:
    assert say(rule, *resources, **TRIPLES[rule].parameters) == []


NOT_KNOWN: Resources = of(
    obj("Secret", "generated", data=UNKNOWN),
    obj("ConfigMap", "generated", data=UNKNOWN),
    obj("ConfigMap", "generated-files", data={"cds.json": UNKNOWN}),
    obj("Deployment", "generated", spec=UNKNOWN),
    obj("StatefulSet", "generated", spec={"replicas": UNKNOWN, "template": UNKNOWN}),
    obj("Service", "generated", spec=UNKNOWN),
    obj("Ingress", "generated", metadata={"annotations": UNKNOWN}, spec=UNKNOWN),
    obj("Namespace", "generated", metadata={"labels": UNKNOWN}),
    obj("HorizontalPodAutoscaler", "generated", namespace="others", spec=UNKNOWN),
    release(chart=UNKNOWN, version=UNKNOWN, values=UNKNOWN),
    outputs(address=UNKNOWN),
)
"""Resources of which nothing is known but their names."""


@pytest.mark.parametrize(
    ("rule", "resources", "sentence"),
    [(rule, *failing) for rule, each in TRIPLES.items() for failing in each.fails],
)
def test_what_is_unknown_hides_nothing_else(rule: str, resources: Resources, sentence: str) -> None:
    assert sentence in say(rule, *NOT_KNOWN, *resources, **TRIPLES[rule].parameters)
    assert sentence in say(rule, *resources, *NOT_KNOWN, **TRIPLES[rule].parameters)

"""The exact objects of a model on llmaz, and the values of the operator's chart."""

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from components.manifests import workload
from components.manifests.helm import ChartSource
from components.manifests.llmaz import model as manifests
from components.manifests.llmaz import release
from components.manifests.objects import Manifest
from components.manifests.placement import Placement
from components.manifests.workload_pod import pod_spec
from serving.settings import ServingSettings as ServerSettings
from stacks.settings import ModelSettings, ServingSettings, StackSettings, Toleration, load

PLACEMENT = Placement(
    node_selector={},
    tolerations=(),
    gpu_resource="nvidia.com/gpu",
    gpus_per_node=2,
    gpu_model=None,
    gpu_memory_gib=None,
    min_nodes=0,
    max_nodes=1,
)
SELECTED = Placement(**{**PLACEMENT.__dict__, "node_selector": {"cloud.example/pool": "l4"}})
SERVING = ServingSettings(image="registry.example/serving:1", entrypoint="modelyard")
QWEN: dict[str, Any] = {
    "name": "qwen2-1-5b",
    "source": "hf://Qwen/Qwen2.5-1.5B-Instruct",
    "pool": "gpu",
    "backend": "llmaz",
    "probes": {"drainSeconds": 100},
}
LABELS = """
  labels: &labels
    app.kubernetes.io/name: vllm
    app.kubernetes.io/instance: qwen2-1-5b
    app.kubernetes.io/component: model-service
    app.kubernetes.io/part-of: modelyard
    app.kubernetes.io/managed-by: pulumi
"""
POD_LABELS = {"leaderworkerset.sigs.k8s.io/name": "qwen2-1-5b", "leaderworkerset.sigs.k8s.io/worker-index": "0"}


def model(**changes: Any) -> ModelSettings:
    return ModelSettings.model_validate({**QWEN, **changes})


def replicas(placement: Placement = PLACEMENT, serving: ServingSettings = SERVING, **changes: Any) -> Manifest:
    return manifests.replicas(model(**changes), placement, serving, "default")


def stack(**changes: Any) -> StackSettings:
    return load({"serving": {"image": SERVING.image}, "pools": [{"name": "gpu"}], "models": [QWEN], **changes})


def test_open_model() -> None:
    assert manifests.open_model(model(), PLACEMENT) == yaml.safe_load(f"""
apiVersion: llmaz.io/v1alpha1
kind: OpenModel
metadata:
  name: qwen2-1-5b{LABELS}
spec:
  familyName: qwen2-1-5b
  source:
    modelHub:
      name: Huggingface
      modelID: Qwen/Qwen2.5-1.5B-Instruct
      revision: main
  inferenceConfig:
    flavors:
      - name: gpu
        limits: {{nvidia.com/gpu: "1"}}
""")


def test_a_revision_is_the_model_s_and_the_server_s() -> None:
    assert (
        manifests.open_model(model(revision="abc123"), PLACEMENT)["spec"]["source"]["modelHub"]["revision"] == "abc123"
    )
    assert "MODELYARD_REVISION=abc123" in replicas(revision="abc123")["spec"]["backendRuntimeConfig"]["args"]


def test_playground() -> None:
    playground = replicas()
    digest = playground["metadata"]["annotations"].pop("modelyard.dev/made-of")
    assert len(digest) == 16
    assert playground == yaml.safe_load(f"""
apiVersion: inference.llmaz.io/v1alpha1
kind: Playground
metadata:
  name: qwen2-1-5b
  namespace: default{LABELS}
  annotations:
    llmaz.io/skip-model-loader: "true"
    pulumi.com/waitFor: condition=Available
    pulumi.com/patchForce: "true"
spec:
  replicas: 1
  modelClaim: {{modelName: qwen2-1-5b}}
  backendRuntimeConfig:
    backendName: modelyard-qwen2-1-5b
    args:
      - HOME=/tmp
      - USER=modelyard
      - MODELYARD_TOOL_CALL_PARSER=hermes
      - MODELYARD_MODEL=Qwen/Qwen2.5-1.5B-Instruct
      - MODELYARD_SERVED_NAMES=["qwen2-1-5b"]
      - MODELYARD_PORT=8080
      - MODELYARD_TENSOR_PARALLEL_SIZE=1
      - MODELYARD_DRAIN_SECONDS=100
      - MODELYARD_ALLOWED_MEDIA_DOMAINS=["media-by-url-is-off.invalid"]
      - python3
      - -m
      - serving
    resources:
      requests: {{cpu: "4", memory: 16Gi}}
      limits: {{cpu: "4", memory: 16Gi}}
    sharedMemorySize: 2Gi
""")


def test_annotations_of_a_playground() -> None:
    waiver = {"waive.modelyard.dev/gpu-placement": "2027-01-31: there is one pool only"}
    assert replicas(annotations=waiver)["metadata"]["annotations"].items() >= waiver.items()


def test_backend_runtime() -> None:
    assert manifests.backend_runtime(model(), PLACEMENT, SERVING) == yaml.safe_load(f"""
apiVersion: inference.llmaz.io/v1alpha1
kind: BackendRuntime
metadata:
  name: modelyard-qwen2-1-5b{LABELS}
spec:
  command: [env]
  image: registry.example/serving
  version: "1"
  startupProbe:
    httpGet: {{path: /modelyard/ready, port: http}}
    periodSeconds: 2
    timeoutSeconds: 2
    failureThreshold: 210
  readinessProbe:
    httpGet: {{path: /modelyard/ready, port: http}}
    periodSeconds: 5
    timeoutSeconds: 5
    failureThreshold: 2
  livenessProbe:
    httpGet: {{path: /modelyard/live, port: http}}
    periodSeconds: 10
    timeoutSeconds: 10
    failureThreshold: 6
  recommendedConfigs:
    - name: default
""")


@pytest.mark.parametrize(
    ("image", "name", "version"),
    [
        ("registry.example/serving:1", "registry.example/serving", "1"),
        ("registry.example:5000/serving", "registry.example:5000/serving", "latest"),
        ("registry.example:5000/serving:1", "registry.example:5000/serving", "1"),
        ("serving@sha256:0123abc", "serving@sha256", "0123abc"),
    ],
)
def test_llmaz_puts_the_image_together_again(image: str, name: str, version: str) -> None:
    spec = manifests.backend_runtime(model(), PLACEMENT, ServingSettings(image=image))["spec"]
    assert (spec["image"], spec["version"]) == (name, version)


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1))
def test_any_argument_reaches_the_server(argument: str) -> None:
    words = replicas(extra_args=(argument,))["spec"]["backendRuntimeConfig"]["args"]
    # Kubernetes makes one dollar of two, and `env` splits at the first equals sign.
    variables = dict(word.replace("$$", "$").split("=", 1) for word in words[:-3])
    assert ServerSettings.model_validate(
        {
            name.removeprefix("MODELYARD_").lower(): value
            for name, value in variables.items()
            if name.startswith("MODELYARD_")
        }
    ).extra_args == (argument,)
    assert "$" not in "".join(words).replace("$$", "")


def test_variables_are_words_of_the_command() -> None:
    config = replicas(env={"VLLM_LOGGING_LEVEL": "DEBUG", "HOME": "/home"})["spec"]["backendRuntimeConfig"]
    assert {"VLLM_LOGGING_LEVEL=DEBUG", "HOME=/home"} <= set(config["args"])
    assert "HOME=/tmp" not in config["args"]
    assert "envs" not in config


@pytest.mark.parametrize(
    ("placement", "serving", "changes"),
    [
        (SELECTED, {}, {}),
        (Placement(**{**PLACEMENT.__dict__, "tolerations": (Toleration(key="gpu"),)}), {}, {}),
        (PLACEMENT, {"hostPaths": [{"name": "a", "hostPath": "/a", "mountPath": "/a"}]}, {}),
        (PLACEMENT, {"runtimeClass": "nvidia"}, {}),
        (PLACEMENT, {"imagePullPolicy": "Always"}, {}),
        (PLACEMENT, {}, {"probes": {"drainSeconds": 101}}),
    ],
    ids=["node selector", "tolerations", "folders of the node", "runtime class", "pull policy", "time to stop"],
)
def test_what_a_playground_cannot_say_makes_an_inference_service(
    placement: Placement, serving: dict[str, Any], changes: dict[str, Any]
) -> None:
    found = ServingSettings.model_validate(
        {"image": "registry.example/serving:1", "entrypoint": "modelyard", **serving}
    )
    assert replicas(placement, found, **changes)["kind"] == "Service"


def test_inference_service() -> None:
    service = replicas(SELECTED)
    pod = service["spec"]["workloadTemplate"]["workerTemplate"].pop("spec")
    del service["metadata"]["annotations"]["modelyard.dev/made-of"]
    assert service == yaml.safe_load(f"""
apiVersion: inference.llmaz.io/v1alpha1
kind: Service
metadata:
  name: qwen2-1-5b
  namespace: default{LABELS}
  annotations:
    llmaz.io/skip-model-loader: "true"
    pulumi.com/waitFor: condition=Available
    pulumi.com/patchForce: "true"
spec:
  replicas: 1
  modelClaims:
    models:
      - {{name: qwen2-1-5b, role: main}}
  workloadTemplate:
    size: 1
    workerTemplate:
      metadata:
        labels: *labels
        annotations:
          prometheus.io/scrape: "true"
          prometheus.io/port: "8080"
          prometheus.io/path: /metrics
  rolloutStrategy:
    type: RollingUpdate
    rollingUpdateConfiguration: {{maxUnavailable: 1, maxSurge: 0}}
""")
    native = pod_spec(model(), SELECTED, SERVING)
    assert pod.pop("containers") == [{**native.pop("containers")[0], "name": "model-runner"}]
    assert pod == native


@pytest.mark.parametrize("placement", [PLACEMENT, SELECTED], ids=["Playground", "Service"])
def test_what_the_operator_does_not_watch_changes_what_it_does(placement: Placement) -> None:
    def digest(**changes: Any) -> str:
        return str(replicas(placement, **changes)["metadata"]["annotations"]["modelyard.dev/made-of"])

    assert digest() == digest()
    assert digest() != digest(revision="abc")
    assert digest() != digest(gpus=2)


def test_a_changed_probe_reaches_the_playground_s_pods() -> None:
    shorter = replicas(probes={"drainSeconds": 100, "startupSeconds": 60})
    assert shorter["spec"] == replicas()["spec"]
    assert shorter["metadata"]["annotations"] != replicas()["metadata"]["annotations"]


@pytest.mark.parametrize("placement", [PLACEMENT, SELECTED], ids=["Playground", "Service"])
def test_replicas_are_left_to_an_autoscaler(placement: Placement) -> None:
    scaled = model(autoscaling={"maxReplicas": 3})
    assert "replicas" not in manifests.replicas(scaled, placement, SERVING, "default")["spec"]
    scaler = manifests.autoscaler(scaled, placement, SERVING, None, "default")
    native = workload.autoscaler(scaled, None, "default")
    assert scaler
    assert native
    assert scaler["spec"].pop("scaleTargetRef") == {
        "apiVersion": "inference.llmaz.io/v1alpha1",
        "kind": manifests.replicas(scaled, placement, SERVING, "default")["kind"],
        "name": "qwen2-1-5b",
    }
    del native["spec"]["scaleTargetRef"]
    assert scaler == native


def test_without_autoscaling_there_is_no_autoscaler() -> None:
    assert manifests.autoscaler(model(), PLACEMENT, SERVING, None, "default") is None


def test_nobody_waits_for_a_model_that_may_have_no_replica() -> None:
    annotations = replicas(autoscaling={"kind": "keda", "minReplicas": 0, "maxReplicas": 1})["metadata"]["annotations"]
    assert annotations["pulumi.com/waitFor"] == "jsonpath={.metadata.uid}"
    assert replicas()["metadata"]["annotations"]["pulumi.com/waitFor"] == "condition=Available"


def test_no_replicas_are_a_number_too() -> None:
    assert replicas(replicas=0)["spec"]["replicas"] == 0


def test_services_are_the_native_ones_in_front_of_other_pods() -> None:
    for made, native in (
        (manifests.headless_service(model(), "default"), workload.headless_service(model(), "default")),
        (manifests.lb_service(model(), "default"), workload.lb_service(model(), "default")),
    ):
        assert made["spec"].pop("selector") == POD_LABELS
        del native["spec"]["selector"]
        assert made == native


def test_budget_is_the_native_one_for_other_pods() -> None:
    assert manifests.pod_disruption_budget(model(), "default") is None
    budget = manifests.pod_disruption_budget(model(replicas=2), "default")
    assert budget
    native = workload.pod_disruption_budget(model(replicas=2), "default")
    assert native
    assert budget["spec"] == {**native["spec"], "selector": {"matchLabels": POD_LABELS}}


VALUES = """
controllerManager:
  manager:
    resources:
      requests: {cpu: 10m, memory: 128Mi}
      limits: {cpu: 500m, memory: 512Mi}
leaderWorkerSet: {enabled: true}
lws: {image: {manager: {repository: registry.k8s.io/lws/lws, tag: v0.6.1}}}
backendRuntime: {enabled: false}
globalConfig: {configData: "{}"}
envoy-ai-gateway: {enabled: false}
envoy-gateway: {enabled: false}
kube-scheduler: {enabled: false}
open-webui: {enabled: false}
prometheus: {enabled: false}
"""


def test_chart_and_its_values() -> None:
    assert release.source(stack()) == ChartSource("oci://registry-1.docker.io/inftyai/llmaz", None, "0.0.10")
    assert release.values(stack()) == yaml.safe_load(VALUES)


def test_chart_and_images_of_a_mirror() -> None:
    mirrored = stack(imageMirror="mirror.example/llm")
    assert release.source(mirrored) == ChartSource("oci://mirror.example/llm/charts/llmaz", None, "0.0.10")
    values = release.values(mirrored)
    assert values["controllerManager"]["manager"]["image"] == {"repository": "mirror.example/llm/inftyai/llmaz"}
    assert values["lws"]["image"]["manager"]["repository"] == "mirror.example/llm/lws/lws"


def test_a_chart_that_is_named_comes_from_there_despite_a_mirror() -> None:
    settings = {"chart": {"source": "https://charts.example", "version": "0.0.11"}}
    assert release.source(stack(llmaz=settings, imageMirror="mirror.example")) == ChartSource(
        "llmaz", "https://charts.example", "0.0.11"
    )


def test_leader_worker_set_that_is_there_already() -> None:
    values = release.values(stack(llmaz={"leaderWorkerSet": False}))
    assert values["leaderWorkerSet"] == {"enabled": False}
    assert "lws" not in values


def test_values_of_the_stack_count_most() -> None:
    over = {"controllerManager": {"replicas": 2, "manager": {"resources": {"limits": {"memory": "1Gi"}}}}}
    manager = release.values(stack(llmaz={"values": over}))["controllerManager"]
    assert manager["replicas"] == 2
    assert manager["manager"]["resources"]["limits"] == {"cpu": "500m", "memory": "1Gi"}


def test_the_operator_counts_as_started_with_its_webhooks() -> None:
    assert release.webhook_probe() == yaml.safe_load("""
apiVersion: apps/v1
kind: Deployment
metadata: {name: llmaz-controller-manager, namespace: llmaz-system}
spec:
  template:
    spec:
      containers:
        - name: manager
          startupProbe:
            tcpSocket: {port: 9443}
            periodSeconds: 2
            failureThreshold: 150
""")


def test_adapters_on_a_claim_are_more_than_a_playground_can_say() -> None:
    def kind(source: str) -> str:
        lora = {"adapters": [{"name": "sql", "source": source}]}
        return str(replicas(lora=lora)["kind"])

    assert kind("hf://o/sql") == "Playground"
    assert kind("pvc://lora/sql") == "Service"

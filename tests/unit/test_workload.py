"""The exact objects of a native model."""

import json
import re
from dataclasses import replace
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from components.manifests import workload
from components.manifests.hugging_face import token_secret
from components.manifests.model_source import model_source
from components.manifests.objects import MODEL_PODS, Manifest
from components.manifests.placement import Flavor, Placement
from components.manifests.workload_pod import command, pod_spec, variables
from serving.argv import server_command
from serving.settings import ServingSettings as ServerSettings
from stacks.settings import EngineSettings, ModelSettings, ServingSettings, Toleration, load

PLACEMENT = Placement(
    node_selector={"cloud.example/pool": "l4"},
    tolerations=(Toleration(key="nvidia.com/gpu", effect="NoSchedule"),),
    gpu_resource="nvidia.com/gpu",
    gpus_per_node=2,
    gpu_model="NVIDIA-L4",
    gpu_memory_gib=24,
    min_nodes=0,
    max_nodes=4,
)
SERVING = ServingSettings(image="registry.example/serving:1", entrypoint="modelyard")
QWEN: dict[str, Any] = {"name": "qwen2-1-5b", "source": "hf://Qwen/Qwen2.5-1.5B-Instruct", "pool": "gpu"}


def model(**changes: Any) -> ModelSettings:
    return ModelSettings.model_validate({**QWEN, **changes})


def stateful_set(**changes: Any) -> Manifest:
    return workload.replicas(model(**changes), PLACEMENT, SERVING, "default")


def pod(serving: dict[str, Any] | None = None, placement: Placement = PLACEMENT, **changes: Any) -> Manifest:
    return pod_spec(
        model(**changes), placement, ServingSettings.model_validate({"entrypoint": "modelyard", **(serving or {})})
    )


def env(manifest: Manifest) -> dict[str, Any]:
    variables = manifest["containers"][0]["env"]
    assert len({variable["name"] for variable in variables}) == len(variables)
    return {variable["name"]: variable.get("value", variable.get("valueFrom")) for variable in variables}


def labelled(text: str) -> Manifest:
    """An expected object, with the labels that every object of the model has."""
    manifest: Manifest = yaml.safe_load(text)
    manifest["metadata"]["labels"] = {
        "app.kubernetes.io/name": "vllm",
        "app.kubernetes.io/instance": "qwen2-1-5b",
        "app.kubernetes.io/component": "model-service",
        "app.kubernetes.io/part-of": "modelyard",
        "app.kubernetes.io/managed-by": "pulumi",
    }
    return manifest


def test_stateful_set() -> None:
    assert stateful_set() == yaml.safe_load("""
apiVersion: apps/v1
kind: StatefulSet
metadata:
  name: qwen2-1-5b
  namespace: default
  labels: &labels
    app.kubernetes.io/name: vllm
    app.kubernetes.io/instance: qwen2-1-5b
    app.kubernetes.io/component: model-service
    app.kubernetes.io/part-of: modelyard
    app.kubernetes.io/managed-by: pulumi
  annotations: {pulumi.com/patchForce: "true"}
spec:
  replicas: 1
  serviceName: qwen2-1-5b
  podManagementPolicy: Parallel
  updateStrategy: {type: RollingUpdate}
  selector:
    matchLabels:
      app.kubernetes.io/name: vllm
      app.kubernetes.io/instance: qwen2-1-5b
  template:
    metadata:
      labels: *labels
      annotations:
        prometheus.io/scrape: "true"
        prometheus.io/port: "8080"
        prometheus.io/path: /metrics
    spec:
      automountServiceAccountToken: false
      enableServiceLinks: false
      terminationGracePeriodSeconds: 150
      securityContext:
        runAsNonRoot: true
        runAsUser: 1000
        runAsGroup: 1000
        seccompProfile: {type: RuntimeDefault}
      nodeSelector: {cloud.example/pool: l4}
      tolerations:
        - {key: nvidia.com/gpu, operator: Exists, effect: NoSchedule}
      topologySpreadConstraints:
        - &apart
          maxSkew: 1
          topologyKey: kubernetes.io/hostname
          whenUnsatisfiable: ScheduleAnyway
          labelSelector:
            matchLabels:
              app.kubernetes.io/name: vllm
              app.kubernetes.io/instance: qwen2-1-5b
        - {<<: *apart, topologyKey: topology.kubernetes.io/zone}
      containers:
        - name: vllm
          image: registry.example/serving:1
          imagePullPolicy: IfNotPresent
          command: [python3, -m, serving]
          env:
            - {name: HF_HUB_CACHE, value: /cache/hub}
            - name: HF_TOKEN
              valueFrom: {secretKeyRef: {name: modelhub-secret, key: HF_TOKEN, optional: true}}
            - {name: HOME, value: /tmp}
            - {name: USER, value: modelyard}
            - {name: MODELYARD_TOOL_CALL_PARSER, value: hermes}
            - {name: MODELYARD_MODEL, value: Qwen/Qwen2.5-1.5B-Instruct}
            - {name: MODELYARD_SERVED_NAMES, value: '["qwen2-1-5b"]'}
            - {name: MODELYARD_PORT, value: "8080"}
            - {name: MODELYARD_TENSOR_PARALLEL_SIZE, value: "1"}
            - {name: MODELYARD_DRAIN_SECONDS, value: "120"}
            - {name: MODELYARD_ALLOWED_MEDIA_DOMAINS, value: '["media-by-url-is-off.invalid"]'}
            - {name: MODELYARD_GPU_MODEL, value: NVIDIA-L4}
          ports:
            - {name: http, containerPort: 8080}
          resources:
            requests: {cpu: "4", memory: 16Gi}
            limits: {nvidia.com/gpu: "1", memory: 16Gi}
          startupProbe:
            httpGet: {path: /modelyard/ready, port: http}
            periodSeconds: 2
            timeoutSeconds: 2
            failureThreshold: 210
          readinessProbe:
            httpGet: {path: /modelyard/ready, port: http}
            periodSeconds: 5
            timeoutSeconds: 5
            failureThreshold: 2
          livenessProbe:
            httpGet: {path: /modelyard/live, port: http}
            periodSeconds: 10
            timeoutSeconds: 10
            failureThreshold: 6
          securityContext:
            allowPrivilegeEscalation: false
            capabilities: {drop: [ALL]}
            readOnlyRootFilesystem: true
          volumeMounts:
            - {name: shm, mountPath: /dev/shm}
            - {name: tmp, mountPath: /tmp}
            - {name: cache, mountPath: /cache}
      volumes:
        - name: shm
          emptyDir: {medium: Memory, sizeLimit: 2Gi}
        - {name: tmp, emptyDir: {}}
        - {name: cache, emptyDir: {}}
""")


WAIVER = {"waive.modelyard.dev/probes": "2027-01-31: the load balancer asks it"}


@pytest.mark.parametrize(
    "scale",
    [
        {},
        {"autoscaling": {"kind": "hpa", "maxReplicas": 2}},
        {"autoscaling": {"kind": "keda", "minReplicas": 0, "maxReplicas": 2}},
    ],
    ids=["number", "autoscaler", "to zero"],
)
def test_annotations_are_on_what_runs_the_replicas_and_not_on_pods(scale: dict[str, Any]) -> None:
    plain, annotated = stateful_set(**scale), stateful_set(annotations=WAIVER, **scale)

    own = plain["metadata"].get("annotations", {})
    assert annotated["metadata"]["annotations"] == {**own, **WAIVER}
    assert annotated["spec"] == plain["spec"]


def test_headless_service() -> None:
    assert workload.headless_service(model(), "default") == labelled("""
apiVersion: v1
kind: Service
metadata:
  name: qwen2-1-5b
  namespace: default
spec:
  clusterIP: None
  publishNotReadyAddresses: false
  selector:
    app.kubernetes.io/name: vllm
    app.kubernetes.io/instance: qwen2-1-5b
  ports:
    - {name: http, port: 8080, targetPort: http}
""")


def test_lb_service() -> None:
    assert workload.lb_service(model(), "default") == labelled("""
apiVersion: v1
kind: Service
metadata:
  name: qwen2-1-5b-lb
  namespace: default
  annotations:
    pulumi.com/skipAwait: "true"
spec:
  type: ClusterIP
  selector:
    app.kubernetes.io/name: vllm
    app.kubernetes.io/instance: qwen2-1-5b
  ports:
    - {name: http, port: 8080, targetPort: http}
""")


def test_pod_disruption_budget() -> None:
    assert workload.pod_disruption_budget(model(replicas=2), "default") == labelled("""
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: qwen2-1-5b
  namespace: default
spec:
  maxUnavailable: 1
  unhealthyPodEvictionPolicy: AlwaysAllow
  selector:
    matchLabels:
      app.kubernetes.io/name: vllm
      app.kubernetes.io/instance: qwen2-1-5b
""")


@pytest.mark.parametrize(
    ("scale", "guarded"),
    [({}, False), ({"replicas": 0}, False), ({"replicas": 3}, True), ({"autoscaling": {"maxReplicas": 2}}, True)],
)
def test_only_more_than_one_replica_has_a_budget(scale: dict[str, Any], guarded: bool) -> None:
    assert (workload.pod_disruption_budget(model(**scale), "default") is not None) == guarded


def test_weights_in_a_folder_of_the_node_are_mounted_where_they_are() -> None:
    found = pod(source="file:///data/models/m")
    assert env(found)["MODELYARD_MODEL"] == "/data/models/m"
    assert {"name": "model", "hostPath": {"path": "/data/models/m", "type": "Directory"}} in found["volumes"]
    mount = {"name": "model", "mountPath": "/data/models/m", "readOnly": True}
    assert mount in found["containers"][0]["volumeMounts"]


@pytest.mark.parametrize(
    ("source", "path"),
    [("pvc://weights", "/models"), ("pvc://weights/", "/models"), ("pvc://weights/a/b", "/models/a/b")],
)
def test_weights_on_a_claim(source: str, path: str) -> None:
    found = pod(source=source)
    assert env(found)["MODELYARD_MODEL"] == path
    claim = {"name": "model", "persistentVolumeClaim": {"claimName": "weights", "readOnly": True}}
    assert claim in found["volumes"]
    assert {"name": "model", "mountPath": "/models", "readOnly": True} in found["containers"][0]["volumeMounts"]


@pytest.mark.parametrize("source", ["file:///m", "pvc://claim/m"])
def test_only_weights_from_hugging_face_get_the_token(source: str) -> None:
    assert not {"HF_TOKEN", "HF_HUB_CACHE"} & set(env(pod(source=source)))


def test_folders_of_the_node_are_mounted_read_only() -> None:
    found = pod({"hostPaths": [{"name": "tmp", "hostPath": "/srv/vllm", "mountPath": "/opt/vllm"}]})
    assert {"name": "host-tmp", "hostPath": {"path": "/srv/vllm", "type": "Directory"}} in found["volumes"]
    mount = {"name": "host-tmp", "mountPath": "/opt/vllm", "readOnly": True}
    assert mount in found["containers"][0]["volumeMounts"]


def test_the_container_is_the_stacks_own() -> None:
    serving = {"image": "registry.example/vllm:1", "imagePullPolicy": "Never", "python": "/opt/bin/python"}
    container = pod(serving)["containers"][0]
    assert (container["image"], container["imagePullPolicy"]) == ("registry.example/vllm:1", "Never")
    assert container["command"] == ["/opt/bin/python", "-m", "serving"]


def test_the_runtime_class_is_set_only_where_one_is_given() -> None:
    assert pod({"runtimeClass": "nvidia"})["runtimeClassName"] == "nvidia"
    assert "runtimeClassName" not in pod()


def test_a_pool_without_labels_and_taints_sets_none() -> None:
    placement = Placement({}, (), "amd.com/gpu", 1, None, None, 0, 1)
    found = pod(placement=placement)
    assert not {"nodeSelector", "tolerations"} & set(found)
    assert found["containers"][0]["resources"]["limits"] == {"amd.com/gpu": "1", "memory": "16Gi"}


def test_engine_arguments_and_more_reach_the_server() -> None:
    found = env(
        pod(
            revision="989aa79",
            servedNames=["qwen", "gpt-4o"],
            gpus=8,
            engine={"maxModelLen": 4096, "dtype": "bfloat16", "pipelineParallelSize": 2, "enablePrefixCaching": False},
            extraArgs=["--max-logprobs", "5"],
            probes={"drainSeconds": 60},
        )
    )
    assert {name: value for name, value in found.items() if name.startswith("MODELYARD_")} == {
        "MODELYARD_MODEL": "Qwen/Qwen2.5-1.5B-Instruct",
        "MODELYARD_REVISION": "989aa79",
        "MODELYARD_SERVED_NAMES": '["qwen", "gpt-4o"]',
        "MODELYARD_PORT": "8080",
        "MODELYARD_MAX_MODEL_LEN": "4096",
        "MODELYARD_DTYPE": "bfloat16",
        "MODELYARD_PIPELINE_PARALLEL_SIZE": "2",
        "MODELYARD_TENSOR_PARALLEL_SIZE": "4",
        "MODELYARD_ENABLE_PREFIX_CACHING": "false",
        "MODELYARD_TOOL_CALL_PARSER": "hermes",
        "MODELYARD_DRAIN_SECONDS": "60",
        "MODELYARD_ALLOWED_MEDIA_DOMAINS": '["media-by-url-is-off.invalid"]',
        "MODELYARD_EXTRA_ARGS": '["--max-logprobs", "5"]',
        "MODELYARD_GPU_MODEL": "NVIDIA-L4",
    }


@pytest.mark.parametrize(
    ("given", "hosts", "redirects"),
    [
        ([], '["media-by-url-is-off.invalid"]', None),
        (["images.example.com", "cdn.example.com"], '["images.example.com", "cdn.example.com"]', "0"),
        (["*"], None, None),
        (["images.example.com", "*"], None, None),
    ],
)
def test_hosts_that_media_of_requests_come_from(given: Any, hosts: str | None, redirects: str | None) -> None:
    found = env(pod(engine={"allowedMediaDomains": given}))
    assert found.get("MODELYARD_ALLOWED_MEDIA_DOMAINS") == hosts
    assert found.get("VLLM_MEDIA_URL_ALLOW_REDIRECTS") == redirects


def test_our_entrypoint_checks_for_the_gpu_and_the_token_that_the_stack_means() -> None:
    found = env(pod(weights={"gated": True}))
    assert (found["MODELYARD_GPU_MODEL"], found["MODELYARD_TOKEN_REQUIRED"]) == ("NVIDIA-L4", "true")
    assert "MODELYARD_GPU_MODEL" not in env(pod(placement=replace(PLACEMENT, accelerator="amd")))


def test_our_entrypoint_is_told_how_to_start_and_to_stop() -> None:
    probes = {"hungSeconds": 60, "handoverSeconds": 5, "warmUpTokens": [512, 8192]}
    found = env(pod({"preflight": "warn"}, probes=probes))
    names = [f"MODELYARD_{name}" for name in ("HUNG_SECONDS", "HANDOVER_SECONDS", "WARM_UP_TOKENS", "PREFLIGHT")]
    assert {name: found[name] for name in names} == {
        "MODELYARD_HUNG_SECONDS": "60",
        "MODELYARD_HANDOVER_SECONDS": "5",
        "MODELYARD_WARM_UP_TOKENS": "[512, 8192]",
        "MODELYARD_PREFLIGHT": "warn",
    }


def test_vllm_itself_has_one_answer_to_all_probes() -> None:
    (container,) = pod({"entrypoint": "vllm"})["containers"]
    probes = [container[f"{name}Probe"]["httpGet"]["path"] for name in ("startup", "readiness", "liveness")]
    assert probes == ["/health"] * 3


def test_adapters_come_with_their_claim() -> None:
    adapters = [{"name": "sql", "source": "pvc://lora/sql"}, {"name": "law", "source": "hf://o/law"}]
    found = pod(lora={"adapters": adapters})
    claim = {"name": "extra-0", "persistentVolumeClaim": {"claimName": "lora", "readOnly": True}}
    assert claim in found["volumes"]
    mount = {"name": "extra-0", "mountPath": "/extra/pvc/lora", "readOnly": True}
    assert mount in found["containers"][0]["volumeMounts"]
    assert json.loads(env(found)["MODELYARD_LORA_MODULES"]) == [
        {"name": "sql", "path": "/extra/pvc/lora/sql"},
        {"name": "law", "path": "o/law"},
    ]


def test_the_models_own_variables_win_over_those_of_the_container() -> None:
    found = env(pod(env={"HOME": "/scratch", "HF_HOME": "/scratch/hf", "VLLM_LOGGING_LEVEL": "DEBUG"}))
    assert (found["HOME"], found["HF_HOME"], found["VLLM_LOGGING_LEVEL"]) == ("/scratch", "/scratch/hf", "DEBUG")


def test_the_base_url_is_the_lb_services() -> None:
    assert workload.base_url(model(), "llm") == "http://qwen2-1-5b-lb.llm.svc.cluster.local:8080/v1"


def test_the_token_secret() -> None:
    found = token_secret(load({"huggingFaceToken": "hf_x", "cluster": {"namespace": "llm"}}))
    assert found == yaml.safe_load("""
apiVersion: v1
kind: Secret
metadata:
  name: modelhub-secret
  namespace: llm
  labels:
    app.kubernetes.io/name: modelhub
    app.kubernetes.io/instance: modelhub-secret
    app.kubernetes.io/component: model-service
    app.kubernetes.io/part-of: modelyard
    app.kubernetes.io/managed-by: pulumi
type: Opaque
data: {HF_TOKEN: aGZfeA==}
""")


def test_there_is_no_token_secret_without_a_token() -> None:
    assert token_secret(load({})) is None


ENGINES = st.builds(
    EngineSettings,
    max_model_len=st.none() | st.integers(1, 2**20),
    dtype=st.sampled_from(["auto", "bfloat16", "float16", "float32"]),
    quantization=st.none() | st.sampled_from(["fp8", "awq"]),
    kv_cache_dtype=st.sampled_from(["auto", "fp8"]),
    gpu_memory_utilization=st.none() | st.floats(0.01, 1),
    pipeline_parallel_size=st.just(1),
    tensor_parallel_size=st.none() | st.integers(1, 8),
    max_num_seqs=st.none() | st.integers(1, 4096),
    max_num_batched_tokens=st.none() | st.integers(1, 2**20),
    enable_prefix_caching=st.none() | st.booleans(),
    enforce_eager=st.booleans(),
    trust_remote_code=st.booleans(),
    tool_call_parser=st.none() | st.just("hermes"),
    reasoning_parser=st.none() | st.just("deepseek_r1"),
    seed=st.none() | st.integers(0, 2**31),
)
WORDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=12)
NAMES = WORDS.filter(lambda word: re.fullmatch(r"[^-\s].*", word))


@given(engine=ENGINES, names=st.lists(NAMES, max_size=3), arguments=st.lists(WORDS, max_size=3))
def test_the_server_reads_back_what_the_stack_says(
    engine: EngineSettings, names: list[str], arguments: list[str]
) -> None:
    given_model = ModelSettings.model_validate({**QWEN, "engine": engine, "servedNames": names, "extraArgs": arguments})
    told = variables(given_model, SERVING, model_source(given_model, SERVING))
    with pytest.MonkeyPatch.context() as patch:
        for name, value in told.items():
            patch.setenv(name, value)
        server = ServerSettings()
    assert server.served_names == given_model.names
    assert list(server.extra_args) == arguments
    wanted = engine.model_dump(exclude_defaults=True, exclude_none=True)
    assert {field: getattr(server, field) for field in wanted} == wanted


@given(engine=ENGINES, names=st.lists(NAMES, max_size=3), arguments=st.lists(WORDS, max_size=3))
def test_vllm_itself_is_told_the_same_as_by_our_entrypoint(
    engine: EngineSettings, names: list[str], arguments: list[str]
) -> None:
    given_model = ModelSettings.model_validate({**QWEN, "engine": engine, "servedNames": names, "extraArgs": arguments})
    source = model_source(given_model, SERVING)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in variables(given_model, SERVING, source).items():
            patch.setenv(name, value)
        wanted = server_command(ServerSettings(), "python3")
    assert command(given_model, ServingSettings(), source) == wanted


def test_kubernetes_reads_no_variable_in_what_the_server_is_told() -> None:
    found = env(pod(engine={"chatTemplate": "{{ $(HOME) }} $$"}, env={"CACHE": "$(HOME)/own"}))
    assert found["MODELYARD_CHAT_TEMPLATE"] == "{{ $$(HOME) }} $$$$"
    assert found["CACHE"] == "$(HOME)/own"


def test_without_our_entrypoint_vllm_gets_its_arguments() -> None:
    container = pod({"entrypoint": "vllm"}, extraArgs=["--chat-template={{ $(x) }}"])["containers"][0]
    assert container["command"] == [
        *("python3", "-m", "vllm.entrypoints.cli.main", "serve", "Qwen/Qwen2.5-1.5B-Instruct"),
        *("--served-model-name", "qwen2-1-5b", "--allowed-media-domains", "media-by-url-is-off.invalid"),
        *("--host", "0.0.0.0", "--port", "8080"),
        *("--tensor-parallel-size", "1", "--enable-auto-tool-choice", "--tool-call-parser", "hermes"),
        *("--shutdown-timeout", "120", "--chat-template={{ $$(x) }}"),
    ]
    named = {variable["name"]: variable.get("value") for variable in container["env"]}
    assert named["VLLM_NO_USAGE_STATS"] == "1"
    assert not [name for name in named if name.startswith("MODELYARD_")]


def test_an_operators_own_variables_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    before = pod({"entrypoint": "vllm"})
    monkeypatch.setenv("MODELYARD_MAX_MODEL_LEN", "17")
    assert pod({"entrypoint": "vllm"}) == before


def test_replicas_on_a_part_of_a_node_go_where_others_are_only_if_the_pool_says_so() -> None:
    packing = Placement(**{**vars(PLACEMENT), "bin_packing": True})
    others = {"app.kubernetes.io/part-of": "modelyard", "app.kubernetes.io/component": "model-service"}
    term = {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": others}}
    assert pod(placement=packing)["affinity"] == {
        "podAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 100, "podAffinityTerm": term}]}
    }
    assert "affinity" not in pod(placement=packing, gpus=2)
    assert "affinity" not in pod()


def test_packed_replicas_keep_to_the_pools_flavors() -> None:
    flavors = (Flavor("l4", {"gpu": "l4"}), Flavor("a10", {"gpu": "a10"}))
    packing = Placement(**{**vars(PLACEMENT), "bin_packing": True, "flavors": flavors})
    assert set(pod(placement=packing)["affinity"]) == {"nodeAffinity", "podAffinity"}


def test_packing_looks_for_the_labels_that_models_have() -> None:
    own = stateful_set()["spec"]["template"]["metadata"]["labels"]
    assert own.items() >= MODEL_PODS.items()

"""How weights of every source, in every cache, come into a model's pods."""

from typing import Any

import pytest
import yaml

from components.manifests import workload
from components.manifests.images import mirrored_source
from components.manifests.llmaz import model as llmaz
from components.manifests.objects import Manifest
from components.manifests.placement import Placement
from components.manifests.weights import download
from components.manifests.weights.claims import cache_claim, created_claims
from components.manifests.weights.job import PROGRAM, prefetch_job
from stacks.settings import ModelSettings, ServingSettings, load
from stacks.settings.sources import (
    BucketSource,
    ClaimSource,
    FolderSource,
    HubSource,
    ImageSource,
    WeightsSource,
    weights_source,
)
from tests.unit.test_workload import PLACEMENT

COMMIT = "b968826d9c46dd6066d109eabc6255188de91218"
DIGEST = "sha256:" + "0123456789abcdef" * 4
MODEL: dict[str, Any] = {"name": "qwen", "source": "hf://Qwen/Qwen3-8B", "pool": "gpu"}
COMPILED = "/cache/compiled/d8eb0627bd7d"
"""Where pods of vLLM's own image keep what they compile."""
TMP = "/tmp"  # noqa: S108 - the container's own
ANYWHERE = Placement(**{**vars(PLACEMENT), "node_selector": {}, "tolerations": ()})


def model(**changes: Any) -> ModelSettings:
    return ModelSettings.model_validate({**MODEL, **changes})


def replicas(serving: dict[str, Any] | None = None, **changes: Any) -> Manifest:
    """The ``spec`` of what runs a model's replicas."""
    found: Manifest = workload.replicas(
        model(**changes), PLACEMENT, ServingSettings.model_validate(serving or {}), "default"
    )["spec"]
    return found


def pod(serving: dict[str, Any] | None = None, **changes: Any) -> Manifest:
    found: Manifest = replicas(serving, **changes)["template"]["spec"]
    return found


def env(found: Manifest) -> dict[str, Any]:
    variables = found["containers"][0]["env"]
    return {variable["name"]: variable.get("value", variable.get("valueFrom")) for variable in variables}


def volumes(found: Manifest) -> list[Manifest]:
    """The volumes that weights have to do with."""
    return [volume for volume in found["volumes"] if volume["name"] in ("cache", "model")]


def mounts(found: Manifest) -> list[Manifest]:
    return [mount for mount in found["containers"][0]["volumeMounts"] if mount["name"] in ("cache", "model")]


def loaded(found: Manifest) -> str:
    """What vLLM is told to load."""
    words = found["containers"][0]["command"]
    return str(words[words.index("serve") + 1])


def secret(name: str, key: str, **more: Any) -> Manifest:
    return {"secretKeyRef": {"name": name, "key": key, **more}}


@pytest.mark.parametrize(
    ("source", "place"),
    [
        ("hf://Qwen/Qwen3-8B", HubSource("hf", "Qwen/Qwen3-8B")),
        ("modelscope://Qwen/Qwen3-8B", HubSource("modelscope", "Qwen/Qwen3-8B")),
        ("pvc://weights", ClaimSource("weights", "")),
        ("pvc://weights/a/b/", ClaimSource("weights", "a/b")),
        ("s3://models/qwen/", BucketSource("s3://models/qwen")),
        ("oci://r.example:5000/m/qwen:1", ImageSource("r.example:5000/m/qwen:1", "")),
        (f"oci://r.example/qwen:1@{DIGEST}#models/8b", ImageSource(f"r.example/qwen:1@{DIGEST}", "models/8b")),
        ("file:///data/qwen", FolderSource("/data/qwen")),
    ],
)
def test_every_source_names_a_place(source: str, place: WeightsSource) -> None:
    assert weights_source(model(source=source).source) == place


def test_hugging_face() -> None:
    found = pod(revision=COMMIT)
    assert loaded(found) == "Qwen/Qwen3-8B"
    assert f"--revision {COMMIT}" in " ".join(found["containers"][0]["command"])
    assert volumes(found) == [{"name": "cache", "emptyDir": {}}]
    assert mounts(found) == [{"name": "cache", "mountPath": "/cache"}]
    assert env(found)["HF_HUB_CACHE"] == "/cache/hub"
    assert env(found)["HF_TOKEN"] == secret("modelhub-secret", "HF_TOKEN", optional=True)
    assert env(found)["HOME"] == TMP


def test_a_secret_that_is_named_must_be_there() -> None:
    assert env(pod(weights={"tokenSecret": "team-a"}))["HF_TOKEN"] == secret("team-a", "HF_TOKEN")


def test_adapters_of_a_hub_are_fetched_with_the_same_token() -> None:
    lora = {"adapters": [{"name": "legal", "source": "hf://a/b"}]}
    found = env(pod(source="pvc://weights", lora=lora, weights={"tokenSecret": "team-a"}))
    assert found["HF_TOKEN"] == secret("team-a", "HF_TOKEN")


def test_modelscope() -> None:
    found = pod(source="modelscope://Qwen/Qwen3-8B", revision="v1.0", weights={"tokenSecret": "team-a"})
    assert loaded(found) == "Qwen/Qwen3-8B"
    assert "v1.0" in found["containers"][0]["command"]
    assert volumes(found) == [{"name": "cache", "emptyDir": {}}]
    variables = env(found)
    assert (variables["VLLM_USE_MODELSCOPE"], variables["MODELSCOPE_CACHE"]) == ("True", "/cache/modelscope")
    assert variables["MODELSCOPE_API_TOKEN"] == secret("team-a", "MODELSCOPE_API_TOKEN")
    assert "HF_TOKEN" not in variables


def test_an_image_is_mounted_read_only() -> None:
    found = pod(source=f"oci://r.example/qwen:1@{DIGEST}#models/8b")
    assert loaded(found) == "/models/models/8b"
    assert volumes(found) == [
        {"name": "model", "image": {"reference": f"r.example/qwen:1@{DIGEST}", "pullPolicy": "IfNotPresent"}}
    ]
    assert mounts(found) == [{"name": "model", "mountPath": "/models", "readOnly": True}]


@pytest.mark.parametrize(
    ("source", "mirror", "expected"),
    [
        ("oci://docker.io/a/b:1#m", "r.example/m", "oci://r.example/m/a/b:1#m"),
        ("oci://own.example/a/b:1", "r.example/m", "oci://own.example/a/b:1"),
        ("oci://docker.io/a/b:1", None, "oci://docker.io/a/b:1"),
        ("hf://a/b", "r.example/m", "hf://a/b"),
    ],
)
def test_weights_in_an_image_come_from_the_mirror(source: str, mirror: str | None, expected: str) -> None:
    assert mirrored_source(source, mirror) == expected


def test_a_bucket_of_amazons_is_read_by_the_service_account() -> None:
    found = pod(
        {"serviceAccount": "reader"}, source="s3://models/qwen", weights={"objectStore": {"region": "eu-central-1"}}
    )
    assert loaded(found) == "s3://models/qwen"
    assert not volumes(found)
    assert env(found)["AWS_DEFAULT_REGION"] == "eu-central-1"
    assert not {"AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID"} & set(env(found))
    assert found["serviceAccountName"] == "reader"
    assert found["automountServiceAccountToken"] is False


@pytest.mark.parametrize(("in_host", "shown"), [(False, "0"), (True, "1")])
def test_another_object_store_is_read_by_a_secret(in_host: bool, shown: str) -> None:
    store = {
        "endpoint": "https://minio.example:9000",
        "credentialsSecret": "minio",
        "virtualHostAddressing": in_host,
    }
    found = env(pod(source="s3://models", weights={"objectStore": store}))
    expected = {
        "AWS_ENDPOINT_URL": "https://minio.example:9000",
        "RUNAI_STREAMER_S3_USE_VIRTUAL_ADDRESSING": shown,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ACCESS_KEY_ID": secret("minio", "AWS_ACCESS_KEY_ID"),
        "AWS_SECRET_ACCESS_KEY": secret("minio", "AWS_SECRET_ACCESS_KEY"),
        "AWS_SESSION_TOKEN": secret("minio", "AWS_SESSION_TOKEN", optional=True),
    }
    assert {name: value for name, value in found.items() if name.startswith(("AWS_", "RUNAI_"))} == expected


def test_a_cache_on_the_node_is_given_to_the_pods_user() -> None:
    found = pod(weights={"cache": {"kind": "node"}})
    assert volumes(found) == [
        {"name": "cache", "hostPath": {"path": "/var/cache/modelyard", "type": "DirectoryOrCreate"}}
    ]
    assert found["initContainers"] == yaml.safe_load("""
- name: cache-owner
  image: docker.io/vllm/vllm-openai:v0.32.0
  imagePullPolicy: IfNotPresent
  command: [chown, "1000:1000", /cache]
  resources:
    requests: {cpu: 10m, memory: 16Mi}
    limits: {memory: 64Mi}
  securityContext:
    runAsNonRoot: false
    runAsUser: 0
    allowPrivilegeEscalation: false
    capabilities: {drop: [ALL], add: [CHOWN]}
    readOnlyRootFilesystem: true
  volumeMounts:
    - {name: cache, mountPath: /cache}
""")
    assert "fsGroup" not in found["securityContext"]


def test_a_folder_that_is_prepared_needs_no_root() -> None:
    found = pod(weights={"cache": {"kind": "node", "path": "/mnt/nvme/weights", "prepare": False}})
    assert volumes(found) == [{"name": "cache", "hostPath": {"path": "/mnt/nvme/weights", "type": "Directory"}}]
    assert "initContainers" not in found


def test_a_cache_on_a_claim() -> None:
    found = pod(weights={"cache": {"kind": "claim", "name": "weights"}})
    assert volumes(found) == [{"name": "cache", "persistentVolumeClaim": {"claimName": "weights"}}]
    assert mounts(found) == [{"name": "cache", "mountPath": "/cache"}]
    assert found["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": 1000,
        "runAsGroup": 1000,
        "seccompProfile": {"type": "RuntimeDefault"},
        "fsGroup": 1000,
        "fsGroupChangePolicy": "OnRootMismatch",
    }


def test_a_claim_for_each_pod() -> None:
    cache = {"kind": "claim_per_pod", "size": "100Gi", "storageClass": "fast"}
    spec = replicas(weights={"cache": cache})
    assert spec["volumeClaimTemplates"] == yaml.safe_load("""
- apiVersion: v1
  kind: PersistentVolumeClaim
  metadata:
    name: cache
    labels:
      app.kubernetes.io/name: vllm
      app.kubernetes.io/instance: qwen
      app.kubernetes.io/component: model-service
      app.kubernetes.io/part-of: modelyard
      app.kubernetes.io/managed-by: pulumi
  spec:
    accessModes: [ReadWriteOnce]
    storageClassName: fast
    resources: {requests: {storage: 100Gi}}
""")
    assert spec["persistentVolumeClaimRetentionPolicy"] == {"whenDeleted": "Delete", "whenScaled": "Retain"}
    found = spec["template"]["spec"]
    # The StatefulSet adds the volume itself.
    assert volumes(found) == []
    assert mounts(found) == [{"name": "cache", "mountPath": "/cache"}]
    assert found["securityContext"]["fsGroup"] == 1000


@pytest.mark.parametrize("kind", ["pod", "node", "claim"])
def test_other_caches_make_no_claims(kind: str) -> None:
    spec = replicas(weights={"cache": {"kind": kind, **({"name": "weights"} if kind == "claim" else {})}})
    assert not {"volumeClaimTemplates", "persistentVolumeClaimRetentionPolicy"} & set(spec)


@pytest.mark.parametrize(
    ("cache", "home"),
    [
        ({"kind": "pod"}, TMP),
        ({"kind": "node"}, f"{COMPILED}/$(POD_NAME)"),
        ({"kind": "claim", "name": "weights"}, f"{COMPILED}/$(POD_NAME)"),
        ({"kind": "claim_per_pod", "size": "1Gi"}, COMPILED),
    ],
)
@pytest.mark.parametrize("source", ["hf://a/b", "pvc://claim/m", "s3://bucket/m", "file:///m"])
def test_what_is_compiled_is_kept_for_every_source(cache: dict[str, str], home: str, source: str) -> None:
    found = pod(source=source, weights={"cache": cache})
    assert env(found)["HOME"] == home
    names = [variable["name"] for variable in found["containers"][0]["env"]]
    # Kubernetes puts in only what stands before.
    assert "$(POD_NAME)" not in home or names.index("POD_NAME") < names.index("HOME")
    assert len(set(names)) == len(names)


def test_another_image_compiles_in_another_folder() -> None:
    cache = {"weights": {"cache": {"kind": "node"}}}
    homes = {env(pod({**cache, "image": image}))["HOME"] for image in ("r.example/vllm:1", "r.example/vllm:2")}
    assert len(homes) == 2


def test_pods_of_new_names_keep_nothing_that_is_found_by_a_name() -> None:
    found = pod(weights={"cache": {"kind": "node"}}, rollout={"strategy": "surge"})
    assert env(found)["HOME"] == TMP
    assert "POD_NAME" not in env(found)
    assert env(found)["HF_HUB_CACHE"] == "/cache/hub"


def test_a_model_says_what_differs_from_the_stack() -> None:
    serving = {"weights": {"cache": {"kind": "claim", "name": "weights"}, "tokenSecret": "team-a"}}
    found = pod(serving, weights={"cache": {"kind": "pod"}})
    assert volumes(found) == [{"name": "cache", "emptyDir": {}}]
    assert env(found)["HF_TOKEN"] == secret("team-a", "HF_TOKEN")
    assert volumes(pod(serving)) == [{"name": "cache", "persistentVolumeClaim": {"claimName": "weights"}}]


PREFETCH: dict[str, Any] = {"cache": {"kind": "claim", "name": "weights"}, "prefetch": True}


def job(serving: dict[str, Any] | None = None, placement: Placement = PLACEMENT, **changes: Any) -> Manifest | None:
    return prefetch_job(
        model(**{"revision": COMMIT, "weights": PREFETCH, **changes}),
        placement,
        ServingSettings.model_validate(serving or {}),
        "llm",
    )


def made(**arguments: Any) -> Manifest:
    found = job(**arguments)
    assert found is not None
    return found


def test_a_claim_for_several_things_is_one_volume() -> None:
    adapters = {"adapters": [{"name": "sql", "source": "pvc://weights/sql"}]}
    cache = {"kind": "claim", "name": "weights"}
    found = pod(source="pvc://weights/qwen", lora=adapters)
    assert claims(found) == [{"name": "model", "persistentVolumeClaim": {"claimName": "weights", "readOnly": True}}]
    both = pod(source="pvc://weights/qwen", lora=adapters, weights={"cache": cache})
    assert claims(both) == [{"name": "model", "persistentVolumeClaim": {"claimName": "weights"}}]
    assert [mount for mount in both["containers"][0]["volumeMounts"] if mount["name"] == "model"] == [
        {"name": "model", "mountPath": "/models", "readOnly": True},
        {"name": "model", "mountPath": "/cache"},
        {"name": "model", "mountPath": "/extra/pvc/weights", "readOnly": True},
    ]


def claims(found: Manifest) -> list[Manifest]:
    return [volume for volume in found["volumes"] if "persistentVolumeClaim" in volume]


def test_the_job_that_fetches_ahead() -> None:
    found = made()
    command = found["spec"]["template"]["spec"]["containers"][0].pop("command")
    assert command == ["python3", "-c", PROGRAM.replace("$", "$$"), "Qwen/Qwen3-8B", COMMIT]
    labels = """
    app.kubernetes.io/name: weights
    app.kubernetes.io/instance: qwen
    app.kubernetes.io/component: model-service
    app.kubernetes.io/part-of: modelyard
    app.kubernetes.io/managed-by: pulumi
"""
    assert found == yaml.safe_load(f"""
apiVersion: batch/v1
kind: Job
metadata:
  name: {found["metadata"]["name"]}
  namespace: llm
  labels: &labels{labels}
  annotations: {{pulumi.com/replaceUnready: "true"}}
spec:
  backoffLimit: 6
  activeDeadlineSeconds: 21600
  podFailurePolicy:
    rules:
      - action: FailJob
        onExitCodes: {{containerName: download, operator: In, values: [2]}}
      - action: Ignore
        onPodConditions: [{{type: DisruptionTarget, status: "True"}}]
  template:
    metadata: {{labels: *labels}}
    spec:
      automountServiceAccountToken: false
      enableServiceLinks: false
      restartPolicy: Never
      securityContext:
        runAsNonRoot: true
        runAsUser: 1000
        runAsGroup: 1000
        seccompProfile: {{type: RuntimeDefault}}
        fsGroup: 1000
        fsGroupChangePolicy: OnRootMismatch
      affinity:
        nodeAffinity:
          preferredDuringSchedulingIgnoredDuringExecution:
            - weight: 100
              preference:
                matchExpressions: [{{key: cloud.example/pool, operator: NotIn, values: [l4]}}]
      containers:
        - name: download
          image: docker.io/vllm/vllm-openai:v0.32.0
          imagePullPolicy: IfNotPresent
          env:
            - {{name: HOME, value: /tmp}}
            - {{name: USER, value: modelyard}}
            - {{name: HF_HUB_CACHE, value: /cache/hub}}
            - {{name: HF_HUB_DISABLE_PROGRESS_BARS, value: "1"}}
            - name: HF_TOKEN
              valueFrom: {{secretKeyRef: {{name: modelhub-secret, key: HF_TOKEN, optional: true}}}}
          resources:
            requests: {{cpu: "1", memory: 2Gi}}
            limits: {{memory: 8Gi}}
          terminationMessagePolicy: FallbackToLogsOnError
          securityContext:
            allowPrivilegeEscalation: false
            capabilities: {{drop: [ALL]}}
            readOnlyRootFilesystem: true
          volumeMounts:
            - {{name: tmp, mountPath: /tmp}}
            - {{name: cache, mountPath: /cache}}
      volumes:
        - {{name: tmp, emptyDir: {{}}}}
        - {{name: cache, persistentVolumeClaim: {{claimName: weights}}}}
""")


def test_replicas_load_what_the_job_has_fetched_and_ask_the_hub_nothing() -> None:
    found = pod(revision=COMMIT, weights=PREFETCH)
    assert loaded(found) == f"/cache/hub/models--Qwen--Qwen3-8B/snapshots/{COMMIT}"
    assert "--revision" not in found["containers"][0]["command"]


@pytest.mark.parametrize(
    "changes",
    [
        {"revision": "a" * 40},
        {"source": "hf://Qwen/Qwen3-14B"},
        {"name": "qwen-2"},
        {"weights": {**PREFETCH, "cache": {"kind": "claim", "name": "other"}}},
    ],
)
def test_what_is_fetched_and_where_to_names_the_job(changes: dict[str, Any]) -> None:
    assert made(**changes)["metadata"]["name"] != made()["metadata"]["name"]


def test_what_does_not_change_what_is_fetched_keeps_the_jobs_name() -> None:
    other = made(serving={"image": "r.example/vllm:2"}, replicas=3)
    assert other["metadata"]["name"] == made()["metadata"]["name"]
    assert other != made()


def test_the_longest_name_is_still_a_label() -> None:
    name = made(name="a" * 45 + "-" * 6 + "a")["metadata"]["name"]
    assert len(name) <= 63
    assert "--" not in name


@pytest.mark.parametrize(
    "changes",
    [
        {"weights": {**PREFETCH, "prefetch": False}},
        {"source": "modelscope://a/b"},
        {"source": "pvc://weights/m"},
        {"source": "s3://bucket/m"},
    ],
)
def test_without_something_to_fetch_there_is_no_job(changes: dict[str, Any]) -> None:
    assert job(**changes) is None


def test_the_job_keeps_away_from_gpus_only_where_it_can() -> None:
    assert not {"affinity", "nodeSelector", "tolerations"} & set(made(placement=ANYWHERE)["spec"]["template"]["spec"])
    on_pool = made(weights={**PREFETCH, "prefetchOnPool": True})["spec"]["template"]["spec"]
    assert on_pool["nodeSelector"] == {"cloud.example/pool": "l4"}
    assert [each["key"] for each in on_pool["tolerations"]] == ["nvidia.com/gpu"]
    assert "affinity" not in on_pool


def test_the_job_runs_in_the_stacks_container() -> None:
    serving = {
        "python": "/opt/bin/python",
        "hostPaths": [{"name": "vllm", "hostPath": "/srv/vllm", "mountPath": "/opt"}],
        "imagePullSecrets": ["registry"],
        "serviceAccount": "models",
    }
    spec = made(serving=serving, env={"HTTPS_PROXY": "http://proxy.example", "HOME": "/other"})["spec"]
    found = spec["template"]["spec"]
    assert found["containers"][0]["command"][0] == "/opt/bin/python"
    assert {"name": "host-vllm", "hostPath": {"path": "/srv/vllm", "type": "Directory"}} in found["volumes"]
    assert (found["imagePullSecrets"], found["serviceAccountName"]) == ([{"name": "registry"}], "models")
    assert env(found)["HTTPS_PROXY"] == "http://proxy.example"
    assert env(found)["HOME"] == TMP


def test_the_job_has_what_a_stack_says_of_all_pods() -> None:
    said = {"podLabels": {"team": "a"}, "podAnnotations": {"sidecar.istio.io/inject": "false"}}
    found = made(serving=said)["spec"]["template"]["metadata"]
    assert found["labels"]["team"] == "a"
    assert found["annotations"] == {"sidecar.istio.io/inject": "false"}


def test_weights_in_a_second_format_are_not_fetched() -> None:
    first = ["config.json", "model.safetensors"]
    second = ["pytorch_model.bin", "pytorch_model-00001-of-00002.bin", "consolidated.pth", "consolidated.00.pth"]
    assert download.not_loaded([*first, *second, "original/params.json"]) == {*second, "original/params.json"}


def test_what_an_embedding_model_has_beside_its_safetensors_is_fetched() -> None:
    paths = ["model.safetensors", "sparse_linear.pt", "2_Dense/pytorch_model.bin", "1_Pooling/config.json"]
    assert download.not_loaded(paths) == set()


def test_weights_in_the_only_format_are_fetched() -> None:
    paths = ["config.json", "pytorch_model.bin", "original/model.safetensors"]
    assert download.not_loaded(paths) == {"original/model.safetensors"}


def stack(**cache: Any) -> dict[str, Any]:
    return {
        "cluster": {"namespace": "llm"},
        "pools": [{"name": "gpu"}],
        "serving": {"weights": {"cache": cache}},
        "models": [MODEL, {**MODEL, "name": "other"}],
    }


def test_a_claim_is_made_once_for_all_models_that_name_it() -> None:
    settings = load(stack(kind="claim", name="weights", create=True, size="500Gi", storageClass="nfs"))
    assert created_claims(settings) == {
        "weights": yaml.safe_load("""
apiVersion: v1
kind: PersistentVolumeClaim
metadata:
  name: weights
  namespace: llm
  labels:
    app.kubernetes.io/name: weights
    app.kubernetes.io/instance: weights
    app.kubernetes.io/component: model-service
    app.kubernetes.io/part-of: modelyard
    app.kubernetes.io/managed-by: pulumi
  annotations: {pulumi.com/skipAwait: "true"}
spec:
  accessModes: [ReadWriteMany]
  storageClassName: nfs
  resources: {requests: {storage: 500Gi}}
""")
    }
    assert {cache_claim(each, settings.serving) for each in settings.models} == {"weights"}


@pytest.mark.parametrize("cache", [{"kind": "claim", "name": "weights"}, {"kind": "node"}, {"kind": "pod"}])
def test_no_claim_is_made_unasked(cache: dict[str, Any]) -> None:
    assert created_claims(load(stack(**cache))) == {}


@pytest.mark.parametrize(
    ("source", "revision", "hub"),
    [
        ("hf://a/b", None, {"name": "Huggingface", "modelID": "a/b", "revision": "main"}),
        ("modelscope://a/b", None, {"name": "ModelScope", "modelID": "a/b", "revision": "master"}),
        ("modelscope://a/b", "v1", {"name": "ModelScope", "modelID": "a/b", "revision": "v1"}),
    ],
)
def test_llmaz_knows_both_hubs(source: str, revision: str | None, hub: dict[str, str]) -> None:
    found = llmaz.open_model(model(source=source, revision=revision, backend="llmaz"), ANYWHERE)
    assert found["spec"]["source"] == {"modelHub": hub}


ON_LLMAZ = {"backend": "llmaz", "probes": {"drainSeconds": 60}}


def test_a_playground_asks_modelscope_by_a_variable() -> None:
    found = llmaz.replicas(model(source="modelscope://a/b", **ON_LLMAZ), ANYWHERE, ServingSettings(), "llm")
    assert found["kind"] == "Playground"
    assert "VLLM_USE_MODELSCOPE=True" in found["spec"]["backendRuntimeConfig"]["args"]


@pytest.mark.parametrize(
    ("weights", "kind"),
    [
        ({}, "Playground"),
        ({"tokenSecret": "modelhub-secret"}, "Playground"),
        ({"tokenSecret": "team-a"}, "Service"),
        ({"cache": {"kind": "node"}}, "Service"),
        ({"cache": {"kind": "claim", "name": "weights"}}, "Service"),
    ],
)
def test_weights_that_a_playground_cannot_keep_make_an_inference_service(weights: dict[str, Any], kind: str) -> None:
    found = llmaz.replicas(model(weights=weights, **ON_LLMAZ), ANYWHERE, ServingSettings(), "llm")
    assert found["kind"] == kind


OURS: dict[str, Any] = {"entrypoint": "modelyard", "weights": {"download": "modelyard", "cacheLimit": "500Gi"}}
"""A stack whose entrypoint fetches the weights."""


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("hf://Qwen/Qwen3-8B", "Qwen/Qwen3-8B"),
        ("modelscope://Qwen/Qwen3-8B", "Qwen/Qwen3-8B"),
        ("s3://models/qwen", "s3://models/qwen"),
    ],
)
def test_the_entrypoint_is_told_where_to_keep_what_it_fetches(source: str, told: str) -> None:
    found = pod(OURS, source=source)
    assert env(found)["MODELYARD_MODEL"] == told
    assert env(found)["MODELYARD_WEIGHTS_CACHE"] == "/cache/weights"
    assert env(found)["MODELYARD_WEIGHTS_CACHE_GIB"] == "500.0"
    assert volumes(found) == [{"name": "cache", "emptyDir": {}}]
    assert mounts(found) == [{"name": "cache", "mountPath": "/cache"}]


@pytest.mark.parametrize("source", ["pvc://weights", "file:///data/qwen", "oci://r.example/qwen:1"])
def test_what_is_there_is_not_fetched(source: str) -> None:
    assert not [name for name in env(pod(OURS, source=source)) if name.startswith("MODELYARD_WEIGHTS")]


def test_a_stack_that_says_nothing_has_vllm_fetch() -> None:
    found = pod({"entrypoint": "modelyard"})
    assert not [name for name in env(found) if name.startswith("MODELYARD_WEIGHTS")]
    assert volumes(pod({"entrypoint": "modelyard"}, source="s3://models/qwen")) == []


def test_the_entrypoint_fetches_ahead_too() -> None:
    serving = ServingSettings.model_validate({**OURS, "weights": {**OURS["weights"], **PREFETCH}})
    job = prefetch_job(model(revision=COMMIT), PLACEMENT, serving, "llm")
    assert job is not None
    (container,) = job["spec"]["template"]["spec"]["containers"]
    assert container["command"] == ["python3", "-m", "serving", "--fetch-only"]
    told = {variable["name"]: variable.get("value") for variable in container["env"]}
    assert told["MODELYARD_MODEL"] == "Qwen/Qwen3-8B"
    assert told["MODELYARD_REVISION"] == COMMIT
    assert told["MODELYARD_WEIGHTS_CACHE"] == "/cache/weights"
    (hopeless, _) = job["spec"]["podFailurePolicy"]["rules"]
    assert hopeless["onExitCodes"]["values"] == [2, 14, 15, 17, 18]
    # Replicas find the commit in the same cache, and ask the hub nothing.
    replica = pod({**OURS, "weights": {**OURS["weights"], **PREFETCH}}, revision=COMMIT)
    assert env(replica)["MODELYARD_MODEL"] == "Qwen/Qwen3-8B"
    assert env(replica)["MODELYARD_WEIGHTS_CACHE"] == "/cache/weights"

"""What can't work about weights, and the sentence for it."""

from typing import Any

import pytest

from stacks.settings import SettingsError, load
from stacks.warnings.weights import weights_warnings

COMMIT = "b968826d9c46dd6066d109eabc6255188de91218"
QWEN: dict[str, Any] = {"name": "qwen", "source": "hf://Qwen/Qwen3-8B", "revision": COMMIT, "pool": "gpu"}
CLAIM = {"kind": "claim", "name": "weights"}
PER_POD = {"kind": "claim_per_pod", "size": "100Gi"}
BUCKET: dict[str, Any] = {
    "name": "qwen",
    "source": "s3://models/qwen",
    "pool": "gpu",
    "weights": {"objectStore": {"region": "eu-central-1", "credentialsSecret": "s3"}},
}


def stack(*models: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A stack of these models."""
    return {"pools": [{"name": "gpu", "gpusPerNode": 2, "maxNodes": 4}], "models": list(models), **changes}


def qwen(**weights: Any) -> dict[str, Any]:
    """A stack of one model with these settings of its weights."""
    return stack({**QWEN, "weights": weights})


def production(**changes: Any) -> dict[str, Any]:
    """A production stack of one model."""
    return stack({**QWEN, **changes}, production=True)


NO_COMMIT = (
    "in production, where a restart would take whatever the repository then has: write the commit that you have "
    "tried, 40 hexadecimal digits, as the repository's history shows it"
)
IMAGE = "oci://r.example/qwen:1"
MANAGED = "which is there already and stays as it is: write create: true, or leave it out"
NODE_SOFTWARE = (
    "belongs to the node's own software, and a cache is given to the pods' user: write a folder for the cache alone, "
    "such as /var/cache/modelyard"
)
NO_FOLDER = (
    "is no folder that a cache can have for itself: write an absolute path of two folders or more without '..', such "
    "as /var/cache/modelyard"
)

RULES = {
    "unknown scheme": (
        stack({**QWEN, "source": "gs://bucket/m"}),
        "modelyard:models[0].source: 'gs://bucket/m' is no place that weights are read from: write "
        "hf://<organisation>/<repository>, modelscope://<organisation>/<repository>, pvc://<claim>/<path in it>, "
        "s3://<bucket>/<path in it>, oci://<registry>/<image>:<tag> or file:///<path on the node>, with no '..' in it",
    ),
    "revision of a claim": (
        stack({**QWEN, "source": "pvc://weights", "revision": "main"}),
        "modelyard:models[0].revision: 'main', but 'pvc://weights' has no revisions: leave it out, or name an hf:// or "
        "modelscope:// source",
    ),
    "revision of an image": (
        stack({**QWEN, "source": IMAGE, "revision": "v1"}),
        f"modelyard:models[0].revision: 'v1', but {IMAGE!r} has no revisions: write the image's digest behind it, "
        "@sha256:..., instead",
    ),
    "no revision in production": (
        production(revision=None),
        f"modelyard:models[0].revision: nothing is given {NO_COMMIT}",
    ),
    "branch in production": (production(revision="main"), f"modelyard:models[0].revision: 'main' {NO_COMMIT}"),
    "short commit in production": (
        production(revision="b968826"),
        f"modelyard:models[0].revision: 'b968826' {NO_COMMIT}",
    ),
    "branch of ModelScope in production": (
        production(source="modelscope://Qwen/Qwen3-8B", revision="master"),
        "modelyard:models[0].revision: 'master' in production, where a restart would take whatever the repository then "
        "has: write a tag or a commit of the repository",
    ),
    "tag of an image in production": (
        stack({"name": "qwen", "source": IMAGE, "pool": "gpu"}, production=True),
        f"modelyard:models[0].source: {IMAGE!r} in production, where a restart would take whatever the tag then means: "
        "write the image's digest behind it, @sha256:...",
    ),
    "gated": (
        qwen(gated=True),
        "modelyard:models[0].source: 'hf://Qwen/Qwen3-8B' is gated, and the stack names no token, so no pod could "
        "fetch it: run `pulumi config set --secret modelyard:huggingFaceToken`, or name a Secret with HF_TOKEN in "
        "weights.tokenSecret",
    ),
    "known as gated, in production": (
        production(source="hf://meta-llama/Llama-3.1-8B-Instruct"),
        "modelyard:models[0].source: 'hf://meta-llama/Llama-3.1-8B-Instruct' is gated, and the stack names no token, "
        "so no pod could fetch it: run `pulumi config set --secret modelyard:huggingFaceToken`, or name a Secret with "
        "HF_TOKEN in weights.tokenSecret",
    ),
    "gated on ModelScope": (
        stack(
            {**QWEN, "source": "modelscope://LLM-Research/Llama", "weights": {"gated": True}}, huggingFaceToken="hf_x"
        ),
        "modelyard:models[0].source: 'modelscope://LLM-Research/Llama' is gated, and the stack names no token, so no "
        "pod could fetch it: name a Secret with MODELSCOPE_API_TOKEN in weights.tokenSecret",
    ),
    "token of a claim": (
        stack({"name": "qwen", "source": "pvc://w", "pool": "gpu", "weights": {"tokenSecret": "hub"}}),
        "modelyard:models[0].weights.tokenSecret: 'hub', but 'pvc://w' is on no model hub, and no token is asked for: "
        "leave it out",
    ),
    "unknown kind of cache": (
        qwen(cache={"kind": "nfs"}),
        "modelyard:models[0].weights.cache.kind: 'nfs' is no kind of cache: write kind: pod or kind: node or kind: "
        "claim or kind: claim_per_pod",
    ),
    "setting of another kind of cache": (
        qwen(cache={"kind": "pod", "path": "/var/cache/a"}),
        "modelyard:models[0].weights.cache.path: a cache of kind 'pod' has no such setting, and one of kind 'node' "
        "has: write kind: node, or remove the setting",
    ),
    "size of a claim that is there": (
        qwen(cache={**CLAIM, "size": "1Ti"}),
        f"modelyard:models[0].weights.cache.size: '1Ti' of claim 'weights', {MANAGED}",
    ),
    "class of a claim that is there, of the stack": (
        stack(QWEN, serving={"weights": {"cache": {**CLAIM, "storageClass": "nfs"}}}),
        f"modelyard:serving.weights.cache.storageClass: 'nfs' of claim 'weights', {MANAGED}",
    ),
    "claim without a size": (
        qwen(cache={**CLAIM, "create": True}),
        "modelyard:models[0].weights.cache.size: nothing is given, and claim 'weights' can't be made without: add it, "
        "such as 500Gi, or leave create out where the claim is there already",
    ),
    "two claims of one name": (
        stack(
            {**QWEN, "weights": {"cache": {**CLAIM, "create": True, "size": "1Ti"}}},
            {**QWEN, "name": "other", "weights": {"cache": CLAIM}},
        ),
        "modelyard:models[1].weights.cache: claim 'weights' stands at modelyard:models[0].weights.cache with other "
        "settings, and it can be only one: write the same there and here, or name another claim",
    ),
    "claims per pod on llmaz": (
        stack({**QWEN, "backend": "llmaz", "weights": {"cache": PER_POD}}),
        "modelyard:models[0].weights.cache.kind: 'claim_per_pod' with backend 'llmaz', which makes no claims for its "
        "pods: write kind: claim, with a claim that several nodes can mount",
    ),
    "claims per pod of a Deployment": (
        stack({**QWEN, "rollout": {"strategy": "surge"}, "weights": {"cache": PER_POD}}),
        "modelyard:models[0].weights.cache.kind: 'claim_per_pod' with rollout.strategy 'surge', whose pods have new "
        "names each time and would find no claim again: write kind: claim, with a claim that several nodes can mount",
    ),
    "claims per pod over nodes": (
        stack({**QWEN, "gpus": 4}, serving={"weights": {"cache": PER_POD}}),
        "modelyard:serving.weights.cache.kind: 'claim_per_pod' with 4 GPUs a replica, of several pods that all need "
        "the same weights: write kind: claim, with a claim that several nodes can mount",
    ),
    "folder of the node's system": (
        qwen(cache={"kind": "node", "path": "/etc/weights"}),
        f"modelyard:models[0].weights.cache.path: '/etc/weights' {NODE_SOFTWARE}",
    ),
    "folder of the kubelet": (
        qwen(cache={"kind": "node", "path": "/var/lib/kubelet/weights"}),
        f"modelyard:models[0].weights.cache.path: '/var/lib/kubelet/weights' {NODE_SOFTWARE}",
    ),
    "folder around the kubelet's": (
        qwen(cache={"kind": "node", "path": "/var/lib"}),
        f"modelyard:models[0].weights.cache.path: '/var/lib' {NODE_SOFTWARE}",
    ),
    "folder of everybody": (
        qwen(cache={"kind": "node", "path": "/weights"}),
        f"modelyard:models[0].weights.cache.path: '/weights' {NO_FOLDER}",
    ),
    "folder by a detour": (
        qwen(cache={"kind": "node", "path": "/var/cache/../../etc"}),
        f"modelyard:models[0].weights.cache.path: '/var/cache/../../etc' {NO_FOLDER}",
    ),
    "prefetch of a claim": (
        stack({"name": "qwen", "source": "pvc://w", "pool": "gpu", "weights": {"prefetch": True}}),
        "modelyard:models[0].weights.prefetch: true, but 'pvc://w' is no hf:// source: leave it out",
    ),
    "prefetch of a branch": (
        stack({**QWEN, "revision": "main"}, serving={"weights": {"prefetch": True, "cache": CLAIM}}),
        "modelyard:serving.weights.prefetch: true for models[0], whose revision is 'main', so replicas couldn't know "
        "what was fetched: write a commit as its revision, 40 hexadecimal digits, or prefetch: false",
    ),
    "prefetch without a claim": (
        qwen(prefetch=True, cache={"kind": "node"}),
        "modelyard:models[0].weights.prefetch: true for models[0], whose cache is of kind 'node', which no Job can "
        "fill for all replicas: write cache.kind: claim, or prefetch: false",
    ),
    "prefetch on llmaz": (
        stack({**QWEN, "backend": "llmaz", "weights": {"prefetch": True, "cache": CLAIM}}),
        "modelyard:models[0].weights.prefetch: true for models[0] with backend 'llmaz', which is told a repository and "
        "no folder: write backend native, or prefetch: false",
    ),
    "bucket that is nowhere": (
        stack({**BUCKET, "weights": {"objectStore": {"credentialsSecret": "s3"}}}),
        "modelyard:models[0].weights.objectStore: neither region nor endpoint is given, so nothing says where the "
        "bucket of 's3://models/qwen' is: add region, such as eu-central-1, or the endpoint of a store that is not "
        "Amazon's",
    ),
    "bucket that nobody may read": (
        stack({**BUCKET, "weights": {"objectStore": {"region": "eu-central-1"}}}),
        "modelyard:models[0].weights.objectStore: neither credentialsSecret nor modelyard:serving.serviceAccount is "
        "given, so the pods have no right to read 's3://models/qwen': name a Secret with AWS_ACCESS_KEY_ID and "
        "AWS_SECRET_ACCESS_KEY, or the ServiceAccount that the cloud lets read the bucket",
    ),
    "object store of a hub": (
        qwen(objectStore={"region": "eu-central-1"}),
        "modelyard:models[0].weights.objectStore: settings of an object store, but 'hf://Qwen/Qwen3-8B' is in none: "
        "leave them out",
    ),
    "endpoint without a scheme": (
        stack({**BUCKET, "weights": {"objectStore": {"endpoint": "minio:9000", "credentialsSecret": "s3"}}}),
        "modelyard:models[0].weights.objectStore.endpoint: 'minio:9000' is no address of an object store: write its "
        "scheme and host, such as https://minio.example.com:9000",
    ),
    "adapter of another hub": (
        stack(
            {
                **QWEN,
                "source": "modelscope://Qwen/Qwen3-8B",
                "lora": {"adapters": [{"name": "legal", "source": "hf://a/b"}]},
            }
        ),
        "modelyard:models[0].lora.adapters[0].source: 'hf://a/b' beside a modelscope:// model, and vLLM asks one hub "
        "for everything: put these weights on a claim and write pvc://<claim>/<path in it>",
    ),
}


@pytest.mark.parametrize(("given", "sentence"), RULES.values(), ids=RULES.keys())
def test_what_cannot_work_gets_a_sentence(given: dict[str, Any], sentence: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(given)
    assert caught.value.problems == [sentence]


WORKS = {
    "commit in production": production(),
    "tag of ModelScope in production": production(source="modelscope://Qwen/Qwen3-8B", revision="v1.0"),
    "digest in production": stack(
        {"name": "qwen", "source": f"{IMAGE}@sha256:{'0' * 64}", "pool": "gpu"}, production=True
    ),
    "Secret for an adapter's repository": stack(
        {
            **{key: value for key, value in QWEN.items() if key != "revision"},
            "source": "pvc://w",
            "weights": {"tokenSecret": "hub"},
            "lora": {"adapters": [{"name": "legal", "source": "hf://a/b"}]},
        }
    ),
    "gated with a token": {**qwen(gated=True), "huggingFaceToken": "hf_x"},
    "gated with a Secret": qwen(gated=True, tokenSecret="hub"),
    "said to be open": production(source="hf://meta-llama/Llama-3.1-8B-Instruct", weights={"gated": False}),
    "one claim for two": stack(
        QWEN, {**QWEN, "name": "other"}, serving={"weights": {"cache": {**CLAIM, "create": True, "size": "1Ti"}}}
    ),
    "a claim beside a Deployment": stack(
        {**QWEN, "rollout": {"strategy": "surge"}, "weights": {"cache": CLAIM}},
    ),
    "a cache for what is compiled": stack(
        {"name": "qwen", "source": "pvc://w", "pool": "gpu", "weights": {"cache": {"kind": "node"}}}
    ),
    "prefetch of those that can be": stack(
        QWEN,
        {"name": "other", "source": "pvc://w", "pool": "gpu"},
        serving={"weights": {"prefetch": True, "cache": CLAIM}},
    ),
    "bucket": stack(BUCKET),
    "bucket by a ServiceAccount": stack(
        {**BUCKET, "weights": {"objectStore": {"region": "eu-central-1"}}}, serving={"serviceAccount": "reader"}
    ),
    "bucket of the stack's store": stack(
        QWEN,
        {"name": "other", "source": "s3://models", "pool": "gpu"},
        serving={"weights": {"objectStore": {"endpoint": "http://minio:9000", "credentialsSecret": "s3"}}},
    ),
    "ModelScope on llmaz": stack({**QWEN, "source": "modelscope://Qwen/Qwen3-8B", "backend": "llmaz"}),
}


@pytest.mark.parametrize("given", WORKS.values(), ids=WORKS.keys())
def test_what_works_is_let_through(given: dict[str, Any]) -> None:
    assert load(given).models


GEMMA: dict[str, Any] = {"name": "gemma", "source": "hf://google/gemma-2-2b-it", "pool": "gpu"}
UNTOLD = (
    "modelyard:models[0].source: 'hf://google/gemma-2-2b-it' was gated when this was written, and the stack names no "
    "token, so its pods can't fetch it unless the Secret modelhub-secret is there already: run `pulumi config set "
    "--secret modelyard:huggingFaceToken`, or write weights.gated: false where it needs none"
)


@pytest.mark.parametrize(
    ("given", "warnings"),
    [
        (stack(GEMMA), [UNTOLD]),
        (stack(GEMMA, huggingFaceToken="hf_x"), []),
        (stack({**GEMMA, "weights": {"tokenSecret": "hub"}}), []),
        (stack({**GEMMA, "weights": {"gated": False}}), []),
        (stack(QWEN), []),
    ],
    ids=["no token", "token", "Secret", "open", "never gated"],
)
def test_a_repository_that_is_known_as_gated_is_worth_a_word(given: dict[str, Any], warnings: list[str]) -> None:
    assert weights_warnings(load(given)) == warnings


def test_folders_of_the_node_are_worth_a_word() -> None:
    models = [{**QWEN, "name": f"qwen-{number}", "weights": {"cache": {"kind": "node"}}} for number in range(5)]
    assert weights_warnings(load(stack(*models, QWEN, cluster={"namespace": "llm"}))) == [
        "modelyard:models: qwen-0 and qwen-1 and qwen-2 and 2 more with a cache of kind 'node', a folder of the node, "
        "which namespaces of Pod Security baseline or restricted refuse: label namespace 'llm' "
        "pod-security.kubernetes.io/enforce=privileged, or write kind: claim or claim_per_pod"
    ]


@pytest.mark.parametrize(
    "source",
    [
        "hf://Qwen/..",
        "pvc://weights/../qwen",
        "pvc://-weights/qwen",
        "oci://r.example/qwen:1#../qwen",
        "file:///weights/../etc",
        "file:///weights/.",
        "file:////",
        "file:///weights:qwen",
    ],
)
def test_a_place_that_no_pod_can_mount_is_none(source: str) -> None:
    with pytest.raises(SettingsError, match="is no place that weights are read from"):
        load(stack({"name": "qwen", "source": source, "pool": "gpu"}))
    if source.startswith(("hf", "pvc", "file")):
        adapters = {"adapters": [{"name": "sql", "source": source}]}
        with pytest.raises(SettingsError, match="is no place that weights beside the model's are read from"):
            load(stack({**QWEN, "lora": adapters}))


@pytest.mark.parametrize("source", ["file:///models", "file:///w/v1..2/", "pvc://weights", "hf://o/model.v2"])
def test_a_place_that_pods_can_mount_is_one(source: str) -> None:
    assert load(stack({"name": "qwen", "source": source, "pool": "gpu"})).models[0].source == source


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (
            qwen(download="modelyard"),
            "modelyard:models[0].weights.download: 'modelyard' for models[0] with serving.entrypoint 'vllm', which "
            "fetches as it does: write serving.entrypoint: modelyard, with an image that serving/Containerfile has "
            "made, or download: vllm",
        ),
        (
            qwen(cacheLimit="500Gi"),
            "modelyard:models[0].weights.cacheLimit: '500Gi' for models[0], whose weights vLLM fetches, which removes "
            "nothing: write download: modelyard, or leave it out",
        ),
        (
            stack(
                {"name": "qwen", "source": "pvc://weights", "pool": "gpu", "weights": {"download": "modelyard"}},
                serving={"entrypoint": "modelyard"},
            ),
            "modelyard:models[0].weights.download: 'modelyard', but 'pvc://weights' is not fetched over the network: "
            "leave it out",
        ),
        (
            stack(
                {**QWEN, "backend": "llmaz", "weights": {"download": "modelyard"}}, serving={"entrypoint": "modelyard"}
            ),
            "modelyard:models[0].weights.download: 'modelyard' for models[0] with backend 'llmaz', whose operator "
            "fetches weights itself: write backend native, or download: vllm",
        ),
    ],
)
def test_who_fetches(given: dict[str, Any], sentence: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(given)
    assert sentence in str(caught.value)


def test_a_whole_stack_may_fetch_by_the_entrypoint() -> None:
    weights = {"download": "modelyard", "cacheLimit": "500Gi"}
    local = {"name": "local", "source": "pvc://weights", "pool": "gpu"}
    assert load(stack(QWEN, local, serving={"entrypoint": "modelyard", "weights": weights}))

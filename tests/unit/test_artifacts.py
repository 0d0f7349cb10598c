"""What a stack has the cluster pull, and from where."""

from typing import Any

from stacks import artifacts
from stacks.artifacts import Artifact
from stacks.settings import load

HUB = "higress-registry.cn-hangzhou.cr.aliyuncs.com"
BASE: dict[str, Any] = {
    "serving": {"image": "registry.example/serving:1"},
    "pools": [{"name": "gpu"}],
    "models": [
        {"name": "qwen", "source": "hf://Qwen/Qwen2.5-1.5B", "revision": "v1", "pool": "gpu"},
        {"name": "gemma", "source": "pvc://weights/gemma", "pool": "gpu"},
    ],
}
LIMIT = {"tokenLimit": {"perMinute": 100}}


def found(gateway: dict[str, Any], **changes: Any) -> list[Artifact]:
    return artifacts.artifacts(load({**BASE, "gateway": gateway, **changes}))


def of(kind: str, everything: list[Artifact]) -> dict[str, tuple[str, str | None]]:
    return {each.name: (each.source, each.mirror) for each in everything if each.kind == kind}


def test_a_stack_without_a_mirror() -> None:
    assert found({"kind": "higress"}) == [
        Artifact("chart", "higress", "2.2.4", "https://higress.io/helm-charts"),
        Artifact("image", "gateway", "2.2.4", f"{HUB}/higress/gateway:2.2.4"),
        Artifact("image", "pilot", "2.2.4", f"{HUB}/higress/pilot:2.2.4"),
        Artifact("image", "higress", "2.2.4", f"{HUB}/higress/higress:2.2.4"),
        Artifact("image", "console", "2.2.4", f"{HUB}/higress/console:2.2.4"),
        Artifact("plugin", "ai-proxy", "2.0.1", f"oci://{HUB}/plugins/ai-proxy:2.0.1"),
        Artifact("plugin", "model-router", "2.0.1", f"oci://{HUB}/plugins/model-router:2.0.1"),
        Artifact("plugin", "model-mapper", "2.0.1", f"oci://{HUB}/plugins/model-mapper:2.0.1"),
        Artifact("plugin", "ai-statistics", "2.0.1", f"oci://{HUB}/plugins/ai-statistics:2.0.1"),
        Artifact("image", "serving", "1", "registry.example/serving:1"),
        Artifact("weights", "qwen", "v1", "hf://Qwen/Qwen2.5-1.5B"),
    ]


def test_weights_are_fetched_or_pulled_as_images() -> None:
    pinned = f"docker.io/org/qwen:1@sha256:{'0' * 64}"
    sources = {"a": "modelscope://org/qwen", "b": "s3://models/qwen", "c": f"oci://{pinned}#models", "d": "file:///m"}
    store = {"objectStore": {"region": "eu-central-1", "credentialsSecret": "s3"}}
    models = [{"name": name, "source": source, "pool": "gpu"} for name, source in sources.items()]
    everything = found(
        {},
        models=models,
        serving={"image": "registry.example/serving:1", "weights": store},
        imageMirror="mirror.example/ai",
    )
    assert everything[-3:] == [
        Artifact("weights", "a", "", "modelscope://org/qwen"),
        Artifact("weights", "b", "", "s3://models/qwen"),
        Artifact("image", "qwen", f"sha256:{'0' * 64}", pinned, pinned.replace("docker.io", "mirror.example/ai")),
    ]


def test_a_mirror_has_everything_of_higress_under_one_folder() -> None:
    everything = found(
        {"kind": "higress", "redis": {}, "dashboards": {"enabled": True}}, imageMirror="mirror.example:5000/ai"
    )
    assert of("chart", everything) == {
        "higress": ("https://higress.io/helm-charts", "oci://mirror.example:5000/ai/charts/higress")
    }
    assert of("image", everything) == {
        name: (f"{HUB}/higress/{name}:{tag}", f"mirror.example:5000/ai/higress/{name}:{tag}")
        for name, tag in {
            "gateway": "2.2.4",
            "pilot": "2.2.4",
            "higress": "2.2.4",
            "console": "2.2.4",
            "redis-stack-server": "7.4.0-v3",
            "promtail": "2.9.4",
            "grafana": "9.3.6",
            "prometheus": "v2.40.7",
            "loki": "2.9.4",
        }.items()
    } | {"serving": ("registry.example/serving:1", None)}
    assert of("plugin", everything)["ai-proxy"] == (
        f"oci://{HUB}/plugins/ai-proxy:2.0.1",
        "oci://mirror.example:5000/ai/plugins/ai-proxy:2.0.1",
    )


def test_only_plugins_that_the_stack_uses_and_each_once() -> None:
    consumer = {"name": "app", "keys": ["k-1"], **LIMIT}
    everything = found(
        {"kind": "higress", "redis": {}, "auth": {"consumers": [consumer]}, "cors": {"origins": ["*"]}},
        routes=[{"model": "qwen", **LIMIT}],
    )
    names = [each.name for each in everything if each.kind == "plugin"]
    assert sorted(names) == [
        "ai-proxy",
        "ai-statistics",
        "ai-token-ratelimit",
        "cors",
        "key-auth",
        "model-mapper",
        "model-router",
    ]


def test_plugins_by_digest_and_from_a_place_of_their_own() -> None:
    digest = f"sha256:{'0' * 64}"
    plugins = {"ai-proxy": {"digest": digest}, "model-router": {"url": "file:///opt/plugins/router.wasm"}}
    everything = found({"kind": "higress", "plugins": plugins}, imageMirror="mirror.example")
    assert (
        Artifact(
            "plugin",
            "ai-proxy",
            digest,
            f"oci://{HUB}/plugins/ai-proxy@{digest}",
            f"oci://mirror.example/plugins/ai-proxy@{digest}",
        )
        in everything
    )
    assert Artifact("plugin", "model-router", "", "file:///opt/plugins/router.wasm") in everything


def test_images_that_the_charts_values_name() -> None:
    values = {
        "global": {"enablePluginServer": True, "o11y": {"promtail": {"image": {"tag": "3"}}}},
        "higress-core": {"gateway": {"hub": "own.example", "tag": "2.2.4-fix"}, "redis": {"redis": {"tag": "8"}}},
        "higress-console": {"image": {"repository": "own.example/console", "tag": "x"}},
    }
    everything = found({"kind": "higress", "redis": {}, "dashboards": {"enabled": True}, "values": values})
    sources = {each.source for each in everything if each.kind == "image"}
    assert {
        "own.example/higress/gateway:2.2.4-fix",
        "own.example/console:x",
        f"{HUB}/higress/plugin-server:2.2.4",
        f"{HUB}/higress/redis-stack-server:8",
        f"{HUB}/higress/promtail:3",
    } <= sources


def test_the_envoy_gateway_is_one_image() -> None:
    assert found({"image": "localhost:5000/envoy@sha256:12"})[:1] == [
        Artifact("image", "envoy", "sha256:12", "localhost:5000/envoy@sha256:12")
    ]
    assert found({"image": "localhost:5000/envoy"})[:1] == [Artifact("image", "envoy", "", "localhost:5000/envoy")]


def test_llmaz_where_a_model_runs_on_it() -> None:
    models = [{**BASE["models"][0], "backend": "llmaz"}]
    chart = "oci://registry-1.docker.io/inftyai/llmaz"
    everything = found({"kind": "envoy"}, models=models, imageMirror="mirror.example/ai")
    assert Artifact("chart", "llmaz", "0.0.10", chart, "oci://mirror.example/ai/charts/llmaz") in everything
    images = of("image", everything)
    assert images["llmaz"] == ("inftyai/llmaz:v0.1.4", "mirror.example/ai/inftyai/llmaz:v0.1.4")
    assert images["lws"] == ("registry.k8s.io/lws/lws:v0.6.1", "mirror.example/ai/lws/lws:v0.6.1")
    without = found({"kind": "envoy"}, models=models, llmaz={"leaderWorkerSet": False})
    assert [each.name for each in without] == ["envoy", "llmaz", "llmaz", "serving", "qwen"]


def test_gpu_software_and_an_image_for_each_accelerator() -> None:
    pools = [{"name": "gpu"}, {"name": "mi300", "accelerator": "amd"}]
    models = [BASE["models"][1], {"name": "phi", "source": "pvc://weights/phi", "pool": "mi300"}]
    software = {"kind": "device_plugin", "metrics": {}}
    mirror = "mirror.example/ai"
    everything = found(
        {"kind": "envoy"}, gpuSoftware=software, pools=pools, models=models, serving={}, imageMirror=mirror
    )
    assert of("chart", everything) == {
        "nvidia-device-plugin": (
            "https://nvidia.github.io/k8s-device-plugin",
            f"oci://{mirror}/charts/nvidia-device-plugin",
        ),
        "dcgm-exporter": (
            "https://nvidia.github.io/dcgm-exporter/helm-charts",
            f"oci://{mirror}/charts/dcgm-exporter",
        ),
    }
    sources = {
        "k8s-device-plugin": ("nvcr.io", "nvidia/k8s-device-plugin:v0.20.0"),
        "node-feature-discovery": ("registry.k8s.io", "nfd/node-feature-discovery:v0.19.0"),
        "dcgm-exporter": ("nvcr.io", "nvidia/k8s/dcgm-exporter:4.5.3-4.8.2-distroless"),
        "vllm-openai": ("docker.io", "vllm/vllm-openai:v0.32.0"),
        "vllm-openai-rocm": ("docker.io", "vllm/vllm-openai-rocm:v0.32.0"),
    }
    assert (
        of("image", everything).items()
        >= {name: (f"{registry}/{path}", f"{mirror}/{path}") for name, (registry, path) in sources.items()}.items()
    )

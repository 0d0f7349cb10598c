"""Where images are pulled from."""

import pytest

from components.manifests.images import mirrored

MIRROR = "mirror.example.com/llm"


@pytest.mark.parametrize(
    ("image", "pulled"),
    [
        ("docker.io/vllm/vllm-openai:v0.32.0", "mirror.example.com/llm/vllm/vllm-openai:v0.32.0"),
        ("envoyproxy/envoy:v1.40.0", "mirror.example.com/llm/envoyproxy/envoy:v1.40.0"),
        ("nvcr.io/nvidia/k8s/dcgm-exporter@sha256:0a", "mirror.example.com/llm/nvidia/k8s/dcgm-exporter@sha256:0a"),
        ("redis:7", "mirror.example.com/llm/library/redis:7"),
        ("registry.example/serving:1", "registry.example/serving:1"),
        ("localhost:5000/serving", "localhost:5000/serving"),
    ],
)
def test_public_images_come_from_the_mirror(image: str, pulled: str) -> None:
    assert mirrored(image, MIRROR) == pulled
    assert mirrored(image, None) == image

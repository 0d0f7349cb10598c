"""Names and labels of llmaz and of LeaderWorkerSet, which runs its pods."""

from components.manifests.multi_node.names import SET_NAME, WORKER_INDEX
from stacks.settings import ModelSettings

CORE_API = "llmaz.io/v1alpha1"
"""The API of OpenModel."""
INFERENCE_API = "inference.llmaz.io/v1alpha1"
"""The API of Playground, Service and BackendRuntime."""
RUNNER = "model-runner"
"""The container that llmaz looks for in a pod."""
HUBS = {"hf": "Huggingface", "modelscope": "ModelScope"}
"""What an OpenModel calls the hubs, by the schemes of sources."""
BRANCHES = {"hf": "main", "modelscope": "master"}
"""The branch of each that is taken where no revision is given."""
SKIP_LOADER = {"llmaz.io/skip-model-loader": "true"}
"""vLLM fetches the weights itself, as on the native backend: llmaz's loader has a fixed image of 2025."""
PLAYGROUND_GRACE_SECONDS = 130
"""What a Playground's pod gets from the order to stop until it is killed. llmaz has it fixed."""


def backend_runtime(model: ModelSettings) -> str:
    """The name of the model's BackendRuntime, which belongs to no namespace."""
    return f"modelyard-{model.name}"


def pod_labels(model: ModelSettings) -> dict[str, str]:
    """The labels that tell the model's pods, ``<model>-0`` and up, from all others. LeaderWorkerSet writes them."""
    return {
        SET_NAME: model.name,
        WORKER_INDEX: "0",
    }

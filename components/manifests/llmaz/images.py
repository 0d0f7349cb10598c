"""The container images of llmaz's release, as its chart puts their addresses together."""

from components.manifests.llmaz import release
from stacks.settings import StackSettings

OPERATOR_TAG = "v0.1.4"
"""The operator's version in the chart that the program was built for."""


def images(stack: StackSettings) -> list[str]:
    """The addresses of all images that the release has the cluster pull."""
    values = release.values(stack)
    operator = values["controllerManager"]["manager"].get("image", {})
    found = [f"{operator.get('repository') or release.OPERATOR_IMAGE}:{operator.get('tag') or OPERATOR_TAG}"]
    if stack.llmaz.leader_worker_set:
        image = values["lws"]["image"]["manager"]
        found.append(f"{image['repository']}:{image['tag']}")
    return found

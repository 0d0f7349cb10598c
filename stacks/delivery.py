"""Has the Envoy gateway's pods take changed models and routes at once.

A kubelet brings a changed ConfigMap into the pods that mount it when it next looks at them, a minute or more later, and
at once when an annotation of theirs changes:
https://kubernetes.io/docs/tasks/configure-pod-container/configure-pod-configmap/#mounted-configmaps-are-updated-automatically
"""

from components.manifests.envoy_gateway import gateway_selector, routes_name
from stacks.kubectl import Kubectl
from stacks.settings import StackSettings

ANNOTATION = "modelyard/routes-version"
"""The version of the ConfigMap that a pod was last told of."""


def deliver(stack: StackSettings, kubectl: Kubectl | None = None) -> None:
    """Tell the gateway's pods which version of their ConfigMap there is. Pods that know it are left as they are.

    Args:
        stack: a stack whose gateway is Envoy, and runs.
        kubectl: what speaks to the cluster. Default: the stack's.

    Raises:
        KubectlError: when they could not be told. They take the changes when their kubelet next looks.
    """
    kubectl = kubectl or Kubectl.of(stack.cluster)
    routes = kubectl.get("configmap", routes_name(stack))
    if routes is None:
        # Somebody else has deleted it meanwhile, and there is nothing to take.
        return
    selector = ",".join(f"{key}={value}" for key, value in gateway_selector(stack).items())
    kubectl.annotate("pods", ANNOTATION, routes["metadata"]["resourceVersion"], selector=selector)

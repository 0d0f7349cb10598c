"""What Higress needs in a cluster before its release: its namespace and its resource definitions."""

import pulumi
from pulumi_kubernetes.apiextensions.v1 import CustomResourceDefinition
from pulumi_kubernetes.core.v1 import Namespace

from components.manifests.higress.chart import namespace
from components.manifests.higress.crds import crds
from stacks.settings import StackSettings


def make_namespace(name: str, stack: StackSettings, parent: pulumi.Resource) -> list[pulumi.Resource]:
    """Higress's namespace, where the stack makes it."""
    if not stack.higress.create_namespace:
        return []
    child = pulumi.ResourceOptions(parent=parent)
    return [Namespace(f"{name}-namespace", metadata=namespace(stack)["metadata"], opts=child)]


def make_definitions(name: str, stack: StackSettings, parent: pulumi.Resource) -> list[pulumi.Resource]:
    """Higress's custom resource definitions, where the stack makes them."""
    if not stack.higress.manage_crds:
        return []
    # Their deletion would delete every custom resource of theirs in the cluster.
    child = pulumi.ResourceOptions(parent=parent, retain_on_delete=True)
    return [
        CustomResourceDefinition(
            f"{name}-{crd['spec']['names']['plural']}", metadata=crd["metadata"], spec=crd["spec"], opts=child
        )
        for crd in crds()
    ]

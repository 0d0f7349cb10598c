"""The cluster that a stack is put on."""

from typing import Annotated, Literal

from pydantic import SecretStr

from stacks.settings.base import Form, Name, Settings

EMBEDDED_KUBECONFIG = "/var/lib/modelyard/kubeconfig"
"""Where ``make local-up`` puts the embedded cluster's kubeconfig, where nothing says otherwise."""

STACK_NAME = r"^[^/\s]+/[^/\s]+/[^/\s]+$"
"""The full name of a stack."""
StackName = Annotated[
    str,
    Form(
        STACK_NAME,
        "is no full name of a stack: write organization, project and stack with slashes between them, such as "
        "acme/platform/cluster, and for the organization the word organization where Pulumi keeps its state in files "
        "or a bucket",
    ),
]
"""A stack of any project, by its full name."""


class ClusterSettings(Settings):
    """The cluster that the stack is put on."""

    kind: Literal["embedded", "existing"] = "existing"
    """``embedded``: the single-node cluster of ``make local-up``. ``existing``: a kubeconfig context."""
    kubeconfig: str | None = None
    """Path of the kubeconfig. Default: the embedded cluster's own, or what kubectl would take."""
    kubeconfig_contents: SecretStr | None = None
    """The kubeconfig itself, where it is in no file. Set it with ``--secret``. A path in ``kubeconfig`` counts more."""
    stack_reference: StackName | None = None
    """Stack of another team, whose outputs say the cluster: ``pools``, ``namespace``, ``kubeconfig``. What this stack
    says of them counts more."""
    context: str | None = None
    """Context in the kubeconfig. Default: its current one."""
    namespace: Name = "default"
    """Namespace of the models and of the embedded gateway. It must exist."""

    @property
    def kubeconfig_path(self) -> str | None:
        """Path of the kubeconfig, or None for the one that kubectl would take."""
        if self.kubeconfig is None and self.kind == "embedded":
            return EMBEDDED_KUBECONFIG
        return self.kubeconfig

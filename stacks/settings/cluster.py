"""The cluster that a stack is put on."""

from typing import Literal

from stacks.settings.base import Name, Settings

EMBEDDED_KUBECONFIG = "/var/lib/modelyard/kubeconfig"
"""Where ``make local-up`` puts the embedded cluster's kubeconfig, where nothing says otherwise."""


class ClusterSettings(Settings):
    """The cluster that the stack is put on."""

    kind: Literal["embedded", "existing"] = "existing"
    """``embedded``: the single-node cluster of ``make local-up``. ``existing``: a kubeconfig context."""
    kubeconfig: str | None = None
    """Path of the kubeconfig. Default: the embedded cluster's own, or what kubectl would take."""
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

"""Where the embedded cluster and what is built for it lie on this machine."""

import os
from dataclasses import dataclass
from pathlib import Path

DEFAULT_HOME = Path("/var/lib/modelyard")
"""The folder as the node sees it, whatever ``MODELYARD_HOME`` says: stack files name it."""

CHECKOUT = Path(__file__).resolve().parent.parent
"""The root of this checkout."""


@dataclass(frozen=True)
class Paths:
    """The folders and files under one home.

    Everything built (``bin``, ``images``, ``vllm``, ``models``) can be deleted and is made
    again; ``cluster`` is the state of the cluster and ``pulumi`` the state of its stacks.
    """

    home: Path

    @classmethod
    def from_environment(cls) -> "Paths":
        """The paths under ``MODELYARD_HOME``, by default ``/var/lib/modelyard``."""
        return cls(Path(os.environ.get("MODELYARD_HOME", DEFAULT_HOME)).absolute())

    @property
    def bin(self) -> Path:
        """Programs: the Kubernetes components, ``pulumi`` and its plugins."""
        return self.home / "bin"

    @property
    def kwok_stages(self) -> Path:
        """How kwok plays nodes and pods."""
        return self.home / "kwok" / "stages.yaml"

    @property
    def monitoring_crds(self) -> Path:
        """The Prometheus operator's definitions of monitors and rules, which stacks make."""
        return self.home / "monitoring-crds"

    @property
    def prometheus_crds(self) -> Path:
        """Its other definitions, which it needs itself."""
        return self.home / "prometheus-crds"

    @property
    def done(self) -> Path:
        """One file a finished setup step, with the fingerprint of its inputs."""
        return self.home / "done"

    @property
    def logs(self) -> Path:
        """One log a setup step and a process of the cluster."""
        return self.home / "logs"

    @property
    def images(self) -> Path:
        """Container images as OCI archives."""
        return self.home / "images"

    @property
    def clouds(self) -> Path:
        """The Python environment with the clouds' SDKs, for tests."""
        return self.home / "clouds"

    @property
    def vllm(self) -> Path:
        """The Python environment with vLLM for CPU."""
        return self.home / "vllm"

    @property
    def models(self) -> Path:
        """Model weights, one folder a model."""
        return self.home / "models"

    @property
    def cluster(self) -> Path:
        """State of the cluster: etcd, containerd, kubelet, certificates."""
        return self.home / "cluster"

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig, whatever the home is: a stack with ``kind: embedded`` looks there."""
        # Loading all settings takes longer than what needs other paths only, such as a preview of another stack.
        from stacks.settings import EMBEDDED_KUBECONFIG

        return Path(EMBEDDED_KUBECONFIG)

    @property
    def pulumi(self) -> Path:
        """Pulumi's file backend: the state of the local stack."""
        return self.home / "pulumi"

    @property
    def pulumi_home(self) -> Path:
        """Pulumi's own folder, with links to the plugins that were built here."""
        return self.home / "pulumi-home"

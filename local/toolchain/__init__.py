"""Programs built from pinned Go modules.

Kubernetes, CoreDNS, the Pulumi CLI, its Kubernetes provider and its host for YAML, kwok, Prometheus and its operator,
and kube-network-policies.
"""

import re
import shutil
import subprocess
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import IO

from local.errors import LocalError
from local.fingerprint import fingerprint
from local.shell import output_of, run_logged

MODULES = Path(__file__).parent
KUBERNETES_VERSION = "1.33.3"
PULUMI_VERSION = "3.255.0"
PROVIDER_VERSION = "4.25.0"
"""Nearest release of the Kubernetes provider's module, which has no tagged version of its own."""

OLDEST_PULUMI = (3, 255, 0)
"""Oldest Pulumi CLI that the program is run by, and so the oldest on PATH that spares building one."""

COMPONENTS = (
    "etcd",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kube-proxy",
    "kubelet",
    "kubectl",
)
"""Names that the Kubernetes binary is called by."""

YAML_HOST = "pulumi-language-yaml"
RELOADER = "prometheus-config-reloader"
OPERATOR = "github.com/prometheus-operator/prometheus-operator"
DEFINITIONS = ("podmonitors", "prometheusrules", "servicemonitors")
"""Resource definitions of the Prometheus operator that stacks make objects of."""
OWN_DEFINITIONS = ("probes", "prometheuses", "scrapeconfigs")
"""The others that the operator itself needs."""

_VERSIONS = {
    "k8s.io/component-base/version.gitVersion": f"v{KUBERNETES_VERSION}",
    "k8s.io/component-base/version.gitMajor": KUBERNETES_VERSION.split(".")[0],
    "k8s.io/component-base/version.gitMinor": KUBERNETES_VERSION.split(".")[1],
    "k8s.io/component-base/version.gitTreeState": "clean",
    "github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/version.Version": PROVIDER_VERSION,
    "github.com/pulumi/pulumi/sdk/v3/go/common/version.Version": PULUMI_VERSION,
}


def installed_pulumi(ours: Path) -> Path | None:
    """A complete Pulumi on PATH, outside the folder ``ours``, that is recent enough; else None."""
    found = shutil.which("pulumi")
    if not found or not shutil.which("pulumi-language-python") or Path(found).parent == ours:
        return None
    version = re.match(r"v?(\d+)\.(\d+)\.(\d+)", _version_of(found))
    if version and tuple(map(int, version.groups())) >= OLDEST_PULUMI:
        return Path(found)
    return None


@cache
def _version_of(program: str) -> str:
    """What a Pulumi says of its version. Asked once a process: it takes a good part of a second."""
    return subprocess.run([program, "version"], capture_output=True, text=True, check=False).stdout


def check_go() -> None:
    """Refuse to start builds that the Go on PATH cannot do.

    Raises:
        LocalError: when there is none, or it is older than the modules need.
    """
    wanted = re.search(r"^go (\d+)\.(\d+)", (MODULES / "kubernetes" / "go.mod").read_text(), re.MULTILINE)
    assert wanted  # noqa: S101 - every go.mod has that line
    least = tuple(map(int, wanted.groups()))
    go = shutil.which("go")
    if go is None:
        raise LocalError(
            "There is no 'go' on PATH, and Kubernetes is built from its Go modules here.",
            f"Install Go {least[0]}.{least[1]} or newer and run the same command again.",
        )
    text = subprocess.run([go, "version"], capture_output=True, text=True, check=True).stdout
    found = re.search(r"go(\d+)\.(\d+)", text)
    if not found or tuple(map(int, found.groups())) < least:
        raise LocalError(
            f"'go version' says {text.strip()!r}, and the modules need {least[0]}.{least[1]}.",
            f"Install Go {least[0]}.{least[1]} or newer and run the same command again.",
        )


def kubernetes_fingerprint() -> str:
    """Inputs of the Kubernetes and CoreDNS programs."""
    return _fingerprint("kubernetes")


def pulumi_fingerprint() -> str:
    """Inputs of the Pulumi CLI."""
    return _fingerprint("pulumi")


def pulumi_yaml_fingerprint() -> str:
    """Inputs of Pulumi's language host for YAML."""
    return _fingerprint("pulumi_yaml")


def kwok_fingerprint() -> str:
    """Inputs of kwok."""
    return _fingerprint("kwok")


def prometheus_fingerprint() -> str:
    """Inputs of Prometheus and promtool."""
    return fingerprint(_fingerprint("prometheus"), _PROMETHEUS_TAGS)


def operator_fingerprint() -> str:
    """Inputs of the Prometheus operator, and of its definitions."""
    return fingerprint(_fingerprint("prometheus_operator"), *DEFINITIONS, *OWN_DEFINITIONS)


def network_policies_fingerprint() -> str:
    """Inputs of kube-network-policies."""
    return _fingerprint("kube_network_policies")


def build_kubernetes(bin_dir: Path, log: IO[str]) -> None:
    """Build the Kubernetes components, CoreDNS and the pause program into ``bin_dir``."""
    _build("kubernetes", ("./cmd/kubernetes", "./cmd/coredns", "./cmd/pause"), bin_dir, log)
    for name in COMPONENTS:
        link = bin_dir / name
        link.unlink(missing_ok=True)
        link.symlink_to("kubernetes")


def build_pulumi(bin_dir: Path, log: IO[str]) -> None:
    """Build the Pulumi CLI into ``bin_dir``."""
    _build("pulumi", ("github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",), bin_dir, log)


def build_pulumi_yaml(bin_dir: Path, log: IO[str]) -> None:
    """Build what runs Pulumi programs in YAML into ``bin_dir``."""
    _build("pulumi_yaml", (f"github.com/pulumi/pulumi-yaml/cmd/{YAML_HOST}",), bin_dir, log)


def build_kubernetes_provider(bin_dir: Path, log: IO[str]) -> None:
    """Build Pulumi's Kubernetes provider into ``bin_dir``."""
    _build("kubernetes", ("./cmd/pulumi-resource-kubernetes",), bin_dir, log)


def build_kwok(bin_dir: Path, stages: Path, log: IO[str]) -> None:
    """Build kwok, which plays nodes, into ``bin_dir``, and put its own account of nodes and pods into ``stages``."""
    _build("kwok", ("sigs.k8s.io/kwok/cmd/kwok",), bin_dir, log)
    source = output_of(["go", "-C", str(MODULES / "kwok"), "list", "-m", "-f", "{{.Dir}}", "sigs.k8s.io/kwok"]).strip()
    kinds = [Path(source, "kustomize", "stage", kind, "fast") for kind in ("node", "pod")]
    files = [file for kind in kinds for file in sorted(kind.glob(f"{kind.parent.name}-*.yaml"))]
    stages.parent.mkdir(parents=True, exist_ok=True)
    stages.write_text("---\n".join(file.read_text() for file in files))


# Without the SDKs of every cloud, by which a Prometheus finds what to scrape: most of what would be compiled.
_PROMETHEUS_TAGS = "remove_all_sd,enable_kubernetes_sd"


def build_prometheus(bin_dir: Path, log: IO[str]) -> None:
    """Build Prometheus and promtool into ``bin_dir``."""
    programs = ("prometheus", "promtool")
    packages = tuple(f"github.com/prometheus/prometheus/cmd/{program}" for program in programs)
    _build("prometheus", packages, bin_dir, log, tags=_PROMETHEUS_TAGS)


def build_prometheus_operator(bin_dir: Path, log: IO[str]) -> None:
    """Build the Prometheus operator, and what loads a Prometheus's configuration anew, into ``bin_dir``."""
    _build("prometheus_operator", (f"{OPERATOR}/cmd/operator", f"{OPERATOR}/cmd/{RELOADER}"), bin_dir, log)
    (bin_dir / "operator").rename(bin_dir / "prometheus-operator")


def build_network_policies(bin_dir: Path, log: IO[str]) -> None:
    """Build kube-network-policies, which enforces NetworkPolicies, into ``bin_dir``."""
    _build("kube_network_policies", ("sigs.k8s.io/kube-network-policies/cmd",), bin_dir, log)
    (bin_dir / "cmd").rename(bin_dir / "kube-network-policies")


def copy_definitions(kinds: Iterable[str], folder: Path, log: IO[str]) -> None:
    """Put resource definitions that the Prometheus operator publishes into ``folder``."""
    module = MODULES / "prometheus_operator"
    run_logged(["go", "mod", "download", OPERATOR], log, cwd=module, env={"GOFLAGS": "-mod=readonly"})
    source = output_of(["go", "-C", str(module), "list", "-m", "-f", "{{.Dir}}", OPERATOR]).strip()
    folder.mkdir(parents=True, exist_ok=True)
    for kind in kinds:
        text = Path(source, "example", "prometheus-operator-crd", f"monitoring.coreos.com_{kind}.yaml").read_text()
        (folder / f"{kind}.yaml").write_text(text)


def _build(module: str, packages: tuple[str, ...], bin_dir: Path, log: IO[str], *, tags: str = "") -> None:
    # A program that runs cannot be written over, but its name can be given to another one.
    fresh = bin_dir / ".building"
    fresh.mkdir(parents=True, exist_ok=True)
    flags = " ".join(["-s", "-w", *(f"-X {name}={value}" for name, value in _VERSIONS.items())])
    run_logged(
        ["go", "build", f"-tags={tags}", "-trimpath", f"-ldflags={flags}", "-o", f"{fresh}/", *packages],
        log,
        cwd=MODULES / module,
        env={"CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly -buildvcs=false"},
    )
    for package in packages:
        (fresh / Path(package).name).rename(bin_dir / Path(package).name)


def _fingerprint(module: str) -> str:
    sources = [path for path in sorted((MODULES / module).rglob("*")) if path.suffix in {".go", ".mod", ".sum"}]
    return fingerprint(*sources, repr(sorted(_VERSIONS.items())))

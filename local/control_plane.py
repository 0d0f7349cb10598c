"""Command lines and configuration files of the cluster's programs, as pure functions.

Flags follow the Kubernetes 1.33 reference. What is left at its default is not written.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.network import (
    API_PORT,
    CLUSTER_DOMAIN,
    DNS_SERVICE,
    NODE_ADDRESS,
    POD_GATEWAY,
    POD_RANGE,
    SERVICE_RANGE,
)
from local.paths import Paths

NODE_NAME = "modelyard-local"
PAUSE_IMAGE = "modelyard.local/pause:1"


@dataclass(frozen=True)
class Program:
    """One process of the cluster: the name it runs by, and its arguments."""

    name: str
    argv: tuple[str, ...]


def programs(paths: Paths) -> tuple[Program, ...]:
    """Every process of the cluster, in the order in which they start."""
    return (
        Program("etcd", _etcd(paths)),
        Program("kube-apiserver", _apiserver(paths)),
        Program("kube-controller-manager", _controller_manager(paths)),
        Program("kube-scheduler", _scheduler(paths)),
        Program("containerd", ("containerd", "--config", str(_config(paths) / "containerd.toml"))),
        Program(
            "kubelet",
            (
                str(paths.bin / "kubelet"),
                f"--config={_config(paths) / 'kubelet.yaml'}",
                f"--kubeconfig={_pki(paths) / 'kubelet.kubeconfig'}",
                f"--root-dir={paths.cluster / 'kubelet'}",
                f"--hostname-override={NODE_NAME}",
                f"--node-ip={NODE_ADDRESS}",
                "--node-labels=modelyard.dev/pool=gpu",
            ),
        ),
        Program("kube-proxy", (str(paths.bin / "kube-proxy"), f"--config={_config(paths) / 'kube-proxy.yaml'}")),
    )


def config_files(paths: Paths) -> dict[str, str | dict[str, Any]]:
    """The programs' configuration files, by name: text as it is, or a document for YAML."""
    return {
        "containerd.toml": _containerd(paths),
        "cni/10-modelyard.conflist": _cni(paths),
        "kubelet.yaml": _kubelet(paths),
        "kube-proxy.yaml": _proxy(paths),
    }


def _config(paths: Paths) -> Path:
    return paths.cluster / "config"


def _pki(paths: Paths) -> Path:
    return paths.cluster / "pki"


def _flags(program: str, flags: dict[str, object]) -> tuple[str, ...]:
    return (program, *(f"--{name}={value}" for name, value in flags.items()))


def _etcd(paths: Paths) -> tuple[str, ...]:
    pki = _pki(paths)
    return _flags(
        str(paths.bin / "etcd"),
        {
            "name": "modelyard",
            "data-dir": paths.cluster / "etcd",
            "listen-client-urls": "https://127.0.0.1:2379",
            "advertise-client-urls": "https://127.0.0.1:2379",
            "listen-peer-urls": "http://127.0.0.1:2380",
            "initial-advertise-peer-urls": "http://127.0.0.1:2380",
            "initial-cluster": "modelyard=http://127.0.0.1:2380",
            "client-cert-auth": "true",
            "trusted-ca-file": pki / "etcd-ca.crt",
            "cert-file": pki / "etcd.crt",
            "key-file": pki / "etcd.key",
            # The state can be made again, and syncing every write is most of a small machine's disk time.
            "unsafe-no-fsync": "true",
            "log-level": "warn",
        },
    )


def _apiserver(paths: Paths) -> tuple[str, ...]:
    pki = _pki(paths)
    return _flags(
        str(paths.bin / "kube-apiserver"),
        {
            "advertise-address": NODE_ADDRESS,
            "bind-address": NODE_ADDRESS,
            "secure-port": API_PORT,
            "anonymous-auth": "false",
            "authorization-mode": "Node,RBAC",
            "enable-admission-plugins": "NodeRestriction",
            "client-ca-file": pki / "ca.crt",
            "tls-cert-file": pki / "apiserver.crt",
            "tls-private-key-file": pki / "apiserver.key",
            "etcd-servers": "https://127.0.0.1:2379",
            "etcd-cafile": pki / "etcd-ca.crt",
            "etcd-certfile": pki / "etcd-client.crt",
            "etcd-keyfile": pki / "etcd-client.key",
            "kubelet-client-certificate": pki / "apiserver-kubelet-client.crt",
            "kubelet-client-key": pki / "apiserver-kubelet-client.key",
            "kubelet-certificate-authority": pki / "ca.crt",
            # The node's name is in no DNS; its address is always right.
            "kubelet-preferred-address-types": "InternalIP",
            "service-account-issuer": f"https://kubernetes.default.svc.{CLUSTER_DOMAIN}",
            "service-account-key-file": pki / "service-account.pub",
            "service-account-signing-key-file": pki / "service-account.key",
            "service-cluster-ip-range": SERVICE_RANGE,
            "profiling": "false",
        },
    )


def _controller_manager(paths: Paths) -> tuple[str, ...]:
    pki = _pki(paths)
    kubeconfig = pki / "kube-controller-manager.kubeconfig"
    return _flags(
        str(paths.bin / "kube-controller-manager"),
        {
            "kubeconfig": kubeconfig,
            "authentication-kubeconfig": kubeconfig,
            "authorization-kubeconfig": kubeconfig,
            "bind-address": "127.0.0.1",
            "cluster-cidr": POD_RANGE,
            "service-cluster-ip-range": SERVICE_RANGE,
            "cluster-signing-cert-file": pki / "ca.crt",
            "cluster-signing-key-file": pki / "ca.key",
            "root-ca-file": pki / "ca.crt",
            "service-account-private-key-file": pki / "service-account.key",
            "use-service-account-credentials": "true",
            "leader-elect": "false",
            "profiling": "false",
        },
    )


def _scheduler(paths: Paths) -> tuple[str, ...]:
    kubeconfig = _pki(paths) / "kube-scheduler.kubeconfig"
    return _flags(
        str(paths.bin / "kube-scheduler"),
        {
            "kubeconfig": kubeconfig,
            "authentication-kubeconfig": kubeconfig,
            "authorization-kubeconfig": kubeconfig,
            "bind-address": "127.0.0.1",
            "leader-elect": "false",
            "profiling": "false",
        },
    )


def _containerd(paths: Paths) -> str:
    return f"""version = 2
root = "{paths.cluster / "containerd"}"
state = "/run/containerd"
disabled_plugins = ["io.containerd.internal.v1.opt"]

[grpc]
  address = "/run/containerd/containerd.sock"

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{PAUSE_IMAGE}"
  # Without CAP_SYS_RESOURCE a lower score than the parent's cannot be set, and every sandbox would fail.
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "{_config(paths) / "cni"}"
"""


def _cni(paths: Paths) -> dict[str, Any]:
    return {
        "cniVersion": "0.4.0",
        "name": "modelyard",
        "plugins": [
            {
                "type": "bridge",
                "bridge": "cni0",
                "isGateway": True,
                # A pod that reaches itself through its Service comes back over the same port of the bridge.
                "hairpinMode": True,
                "ipam": {
                    "type": "host-local",
                    "dataDir": "/run/cni-ipam",
                    "ranges": [[{"subnet": POD_RANGE, "gateway": POD_GATEWAY}]],
                    "routes": [{"dst": "0.0.0.0/0"}],
                },
            },
            {"type": "portmap", "capabilities": {"portMappings": True}},
        ],
    }


def _kubelet(paths: Paths) -> dict[str, Any]:
    pki = _pki(paths)
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": NODE_ADDRESS,
        "healthzPort": 0,
        "readOnlyPort": 0,
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(pki / "ca.crt")},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": str(pki / "kubelet-server.crt"),
        "tlsPrivateKeyFile": str(pki / "kubelet-server.key"),
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": "/modelyard",
        "clusterDNS": [DNS_SERVICE],
        "clusterDomain": CLUSTER_DOMAIN,
        "containerRuntimeEndpoint": "unix:///run/containerd/containerd.sock",
        "failSwapOn": False,
        "localStorageCapacityIsolation": False,
        "makeIPTablesUtilChains": True,
        # Nothing outside the cluster can be reached, so no resolver of this machine is of use to a pod.
        "resolvConf": "",
        "nodeStatusReportFrequency": "1m",
        "evictionHard": {
            "memory.available": "100Mi",
            "nodefs.available": "1%",
            "imagefs.available": "1%",
            "nodefs.inodesFree": "1%",
        },
        "imageGCHighThresholdPercent": 100,
        "imageMinimumGCAge": "8760h",
    }


def _proxy(paths: Paths) -> dict[str, Any]:
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "clientConnection": {"kubeconfig": str(_pki(paths) / "kube-proxy.kubeconfig")},
        "mode": "iptables",
        "clusterCIDR": POD_RANGE,
        "hostnameOverride": NODE_NAME,
        "healthzBindAddress": "",
        "metricsBindAddress": "127.0.0.1:10249",
        # This machine's connection tracking table belongs to it, not to the node.
        "conntrack": {"maxPerCore": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
    }

"""Kubeconfigs: one a component, each with its own client certificate."""

import base64
from pathlib import Path

import yaml

from local.network import API_URL

COMPONENTS = ("admin", "kube-controller-manager", "kube-scheduler", "kube-proxy", "kubelet")


def kubeconfig(pki: Path, user: str) -> str:
    """The kubeconfig of a component, with the certificates of the folder ``pki`` inside."""

    def data(name: str) -> str:
        return base64.b64encode((pki / name).read_bytes()).decode()

    return yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "modelyard-local",
            "clusters": [
                {
                    "name": "modelyard-local",
                    "cluster": {"server": API_URL, "certificate-authority-data": data("ca.crt")},
                }
            ],
            "users": [
                {
                    "name": user,
                    "user": {
                        "client-certificate-data": data(f"{user}.crt"),
                        "client-key-data": data(f"{user}.key"),
                    },
                }
            ],
            "contexts": [{"name": "modelyard-local", "context": {"cluster": "modelyard-local", "user": user}}],
        },
        sort_keys=False,
    )


def write_kubeconfigs(pki: Path, admin: Path) -> None:
    """Write ``<component>.kubeconfig`` beside the certificates, and the administrator's to ``admin``."""
    admin.parent.mkdir(parents=True, exist_ok=True)
    for user in COMPONENTS:
        path = admin if user == "admin" else pki / f"{user}.kubeconfig"
        path.touch(mode=0o600)
        path.write_text(kubeconfig(pki, user))

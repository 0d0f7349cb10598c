"""Debian packages that the embedded cluster stands on."""

import shutil
import subprocess
from typing import IO

from local.errors import LocalError
from local.shell import run_logged

PACKAGES = (
    "buildah",
    "conntrack",
    "containerd",
    "containernetworking-plugins",
    "iproute2",
    "ipset",
    "iptables",
    "libgomp1",
    "libnuma1",
    "mmdebstrap",
    "python3.11",
    "runc",
    "socat",
    "tini",
    "util-linux",
)


def missing_packages() -> list[str]:
    """The packages that are not installed.

    Raises:
        LocalError: when this is no Debian, so that nobody can tell.
    """
    if shutil.which("dpkg-query") is None:
        raise LocalError(
            "There is no 'dpkg-query' on PATH: the embedded cluster is put together from Debian 12's packages.",
            "Run it on Debian 12, or put the stack on a cluster of your own with `cluster: {kind: existing}`.",
        )
    listed = subprocess.run(
        ["dpkg-query", "--show", "--showformat=${Package} ${db:Status-Status}\n", *PACKAGES],
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    installed = {line.split()[0] for line in listed.splitlines() if line.endswith(" installed")}
    return [package for package in PACKAGES if package not in installed]


def install_packages(log: IO[str]) -> None:
    """Install what is missing."""
    missing = missing_packages()
    if not missing:
        return
    # Debian starts a package's services at once; the cluster starts its own containerd.
    environment = {"DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    run_logged(["apt-get", "update"], log, env=environment)
    install = ["apt-get", "install", "--yes", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=300"]
    run_logged([*install, *missing], log, env=environment)

"""Debian packages that the embedded cluster stands on."""

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
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

BROWSER = ("chromium", "chromium-driver", "fonts-dejavu-core")
"""What tests look at pages with. The cluster needs none of it."""
CHROMIUM = Path("/usr/bin/chromium")
CHROMEDRIVER = Path("/usr/bin/chromedriver")

COMPILER = ("tcc",)
"""What tests compile a library with that moves a process's clock. The cluster needs none of it."""
TCC = Path("/usr/bin/tcc")


def missing_packages(packages: Sequence[str] = PACKAGES) -> list[str]:
    """Those of the packages that are not installed.

    Raises:
        LocalError: when this is no Debian, so that nobody can tell.
    """
    if shutil.which("dpkg-query") is None:
        raise LocalError(
            "There is no 'dpkg-query' on PATH: the embedded cluster is put together from Debian 12's packages.",
            "Run it on Debian 12, or put the stack on a cluster of your own with `cluster: {kind: existing}`.",
        )
    listed = subprocess.run(
        ["dpkg-query", "--show", "--showformat=${Package} ${db:Status-Status}\n", *packages],
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    installed = {line.split()[0] for line in listed.splitlines() if line.endswith(" installed")}
    return [package for package in packages if package not in installed]


def install_packages(log: IO[str], packages: Sequence[str] = PACKAGES) -> None:
    """Install what is missing of the packages."""
    missing = missing_packages(packages)
    if not missing:
        return
    # Debian starts a package's services at once; the cluster starts its own containerd.
    environment = {"DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    run_logged(["apt-get", "update"], log, env=environment)
    install = ["apt-get", "install", "--yes", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=300"]
    run_logged([*install, *missing], log, env=environment)

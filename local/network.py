"""Addresses of the embedded cluster.

All of them lie in 198.18.0.0/15, which RFC 2544 sets aside for tests: nothing on a real
network answers there, and the node's network namespace has no way out of this machine.
"""

import os

TEST_RANGE = "198.18.0.0/15"
"""Every address of the cluster."""

HOST_LINK = "modelyard0"
"""This machine's end of the cable to the node."""
NODE_LINK = "eth0"
"""The node's end of it."""
HOST_ADDRESS = "198.18.0.1"
NODE_ADDRESS = "198.18.0.2"
LINK_PREFIX = 30

POD_RANGE = "198.18.16.0/24"
POD_GATEWAY = "198.18.16.1"
SERVICE_RANGE = "198.19.0.0/20"
API_SERVICE = "198.19.0.1"
DNS_SERVICE = "198.19.0.10"
CLUSTER_DOMAIN = "cluster.local"

API_PORT = 6443
API_URL = f"https://{NODE_ADDRESS}:{API_PORT}"


def bypass_proxies() -> None:
    """Keep this program, and every one that it starts, from asking a proxy for addresses of this machine."""
    for name in ("NO_PROXY", "no_proxy"):
        listed = [part for part in os.environ.get(name, "").split(",") if part]
        os.environ[name] = ",".join([*listed, "127.0.0.1", "localhost", TEST_RANGE])

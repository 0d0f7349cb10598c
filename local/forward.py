"""The way from this machine's loopback to the gateway in the node."""

import contextlib
import socket

import psutil

from local.errors import LocalError
from local.network import NODE_ADDRESS
from local.paths import Paths
from local.shell import start_detached
from local.waiting import wait_for


def start_forward(paths: Paths, port: int, node_port: int) -> None:
    """Listen on ``127.0.0.1:<port>`` and pass every connection on to the node's ``node_port``.

    Raises:
        LocalError: when another program holds the port.
    """
    arguments = _socat(port, node_port)
    if _listens(port) and any(process.info["cmdline"] == arguments for process in _forwards()):
        return
    # One that no longer listens may still hold connections.
    stop_forwards()
    check_free(port)
    start_detached(arguments, paths.logs / "forward.log")
    wait_for(lambda: _listens(port) or None, f"the forward on port {port}")


def stop_forwards() -> None:
    """End every forward to the node, and the connections through it."""
    ended = list(_forwards())
    for process in ended:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(ended, timeout=10)


def _socat(port: int, node_port: int) -> list[str]:
    return [
        "socat",
        f"TCP-LISTEN:{port},bind=127.0.0.1,fork,reuseaddr,nodelay",
        f"TCP:{NODE_ADDRESS}:{node_port},nodelay",
    ]


def _forwards() -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter(["cmdline"]):
        arguments = process.info["cmdline"] or [""]
        if arguments[0] == "socat" and arguments[-1].startswith(f"TCP:{NODE_ADDRESS}:"):
            found.append(process)
    return found


def check_port(port: int) -> None:
    """Refuse a port that a program other than the forward listens on.

    Raises:
        LocalError: naming that program.
    """
    if not _forwards():
        check_free(port)


def check_free(port: int) -> None:
    """Refuse a port that any program listens on.

    Raises:
        LocalError: naming that program.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            raise LocalError(
                f"modelyard:gateway.baseUrl in stacks/Pulumi.local.yaml says port {port}, and {_holder(port)} "
                "listens there.",
                "Stop that program, or write another port there, and run the same command again.",
            ) from None


def _holder(port: int) -> str:
    for connection in psutil.net_connections("tcp"):
        if connection.laddr and connection.laddr.port == port and connection.status == psutil.CONN_LISTEN:
            with contextlib.suppress(psutil.Error):
                return f"{psutil.Process(connection.pid).name()!r} (process {connection.pid})"
    return "another program"


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0

"""The user's own ``kubectl``, typed: it knows every way to log in to a cluster, and so does what is built on it."""

import atexit
import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from threading import Thread, Timer
from typing import IO, Any

from stacks.settings import EMBEDDED_KUBECONFIG, ClusterSettings

Object = dict[str, Any]
"""A Kubernetes object as plain data."""

ANSWER_SECONDS = 30
"""How long the cluster may take to answer a request that neither waits nor follows."""

FORWARD_SECONDS = 20
"""How long a port forward may take until it listens."""

END_SECONDS = 5
"""How long a kubectl that was told to end may take until it is killed."""


class KubectlError(Exception):
    """Something of ``kubectl`` or the cluster that the person can put right.

    Args:
        problem: one sentence: what was asked, and why it failed.
        remedy: what to do about it.
    """

    def __init__(self, problem: str, remedy: str) -> None:
        self.problem = problem
        self.remedy = remedy
        super().__init__(f"{problem}\n{remedy}")


class MissingKubectlError(KubectlError):
    """There is no ``kubectl``."""


class UnreachableClusterError(KubectlError):
    """The cluster does not answer, or there is no kubeconfig that says where it is."""


class CredentialsError(KubectlError):
    """The cluster does not know the caller: a login has expired, or a plugin that makes one is missing."""


class ForbiddenError(KubectlError):
    """The cluster knows the caller, who may not do this."""


class NotFoundError(KubectlError):
    """There is no such object, or no such kind of object."""


@dataclass(frozen=True)
class Kubectl:
    """``kubectl`` against one cluster."""

    program: str
    """The program, found on PATH where it is a bare name."""
    kubeconfig: str | None
    """Path of the kubeconfig. None: what kubectl takes by itself."""
    context: str | None
    """Context in it. None: its current one."""
    namespace: str
    """Namespace of every request that names no other."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Added to its environment, such as ``KUBECONFIG`` or what a credential plugin reads."""

    @classmethod
    def of(cls, cluster: ClusterSettings, environment: Mapping[str, str] | None = None) -> "Kubectl":
        """The one for a stack's cluster. Nothing is asked of the cluster yet.

        Args:
            cluster: the stack's cluster.
            environment: what is added to the environment of ``kubectl``. Default: nothing.
        """
        return cls(_program(cluster), _kubeconfig(cluster), cluster.context, cluster.namespace, environment or {})

    @property
    def command(self) -> list[str]:
        """The beginning of every command line: the program, and which cluster it speaks to."""
        return [
            self.program,
            *([f"--kubeconfig={self.kubeconfig}"] if self.kubeconfig else []),
            *([f"--context={self.context}"] if self.context else []),
        ]

    def run(self, *arguments: str, stdin: str | None = None, seconds: float = ANSWER_SECONDS) -> str:
        """What kubectl prints.

        Raises:
            KubectlError: when it fails, as the subclass that says why.
        """
        argv = [*self.command, *arguments]
        try:
            done = subprocess.run(
                argv, input=stdin, capture_output=True, text=True, timeout=seconds, check=False, env=self._environment
            )
        except FileNotFoundError:
            raise _missing(self.program) from None
        except subprocess.TimeoutExpired:
            raise self._refusal(arguments, f"i/o timeout: no answer within {seconds:.0f} s") from None
        if done.returncode:
            raise self._refusal(arguments, done.stderr.strip() or done.stdout.strip())
        return done.stdout

    def get(self, kind: str, name: str, *, namespace: str | None = None) -> Object | None:
        """The object of that name, or None where there is none.

        Raises:
            KubectlError: for every other failure.
        """
        shown = self.run("get", kind, name, *self._in(namespace), "--ignore-not-found", "--output=json")
        found: Object | None = json.loads(shown) if shown else None
        return found

    def find(self, kind: str, *, selector: str | None = None, namespace: str | None = None) -> list[Object]:
        """The objects of a kind, those with some labels only where ``selector`` says so.

        Raises:
            KubectlError: when there is no such kind too.
        """
        wanted = [f"--selector={selector}"] if selector else []
        found: list[Object] = json.loads(self.run("get", kind, *self._in(namespace), *wanted, "--output=json"))["items"]
        return found

    def delete(self, kind: str, *names: str, namespace: str | None = None, now: bool = False) -> list[str]:
        """Delete objects, and return when the cluster has taken the order. What is gone already is left out.

        Args:
            kind: their kind.
            names: their names.
            namespace: where they are. Default: ``self.namespace``.
            now: whether pods are killed without their time to stop.

        Returns:
            The names of those that there were.

        Raises:
            KubectlError: when one of them was not deleted. Others may have been.
        """
        at_once = ["--force", "--grace-period=0"] if now else []
        told = ["--wait=false", "--ignore-not-found", "--output=name"]
        deleted = self.run("delete", kind, *names, *self._in(namespace), *told, *at_once)
        return [line.rpartition("/")[2] for line in deleted.splitlines()]

    def annotate(self, kind: str, name: str, value: str, *, selector: str, namespace: str | None = None) -> None:
        """Give an annotation to the objects of a kind that have some labels, or change it.

        Raises:
            KubectlError: when one of them did not get it. Others may have.
        """
        self.run("annotate", kind, f"{name}={value}", *self._in(namespace), f"--selector={selector}", "--overwrite")

    def logs(
        self,
        pod: str,
        *,
        container: str | None = None,
        namespace: str | None = None,
        tail: int | None = None,
        follow: bool = False,
        previous: bool = False,
    ) -> Iterator[str]:
        """The lines that a pod has written, without their ends. With ``follow`` until the pod stops.

        Closing the iterator stops it.

        Raises:
            KubectlError: when they cannot be had.
        """
        arguments = [
            "logs",
            pod,
            *self._in(namespace),
            *([f"--container={container}"] if container else []),
            *([f"--tail={tail}"] if tail is not None else []),
            *(["--follow"] if follow else []),
            *(["--previous"] if previous else []),
        ]
        with self._started(arguments) as (process, output, (complaints,)):
            for line in output:
                yield line.rstrip("\n")
            if process.wait():
                raise self._refusal(arguments, complaints.text())

    @contextmanager
    def port_forward(self, target: str, port: int, *, namespace: str | None = None) -> Iterator[str]:
        """A way from this machine's loopback to a port in the cluster, as long as the context lasts.

        Args:
            target: what has the port, such as ``service/gateway`` or ``pod/gateway-0``.
            port: the port.
            namespace: where the target is. Default: ``self.namespace``.

        Yields:
            The local URL, such as ``http://127.0.0.1:40123``.

        Raises:
            KubectlError: when there is no such target, or it has no pod that runs.
        """
        arguments = ["port-forward", target, f":{port}", *self._in(namespace), "--address=127.0.0.1"]
        wait = f"--pod-running-timeout={FORWARD_SECONDS}s"
        with self._started([*arguments, wait]) as (process, output, drained):
            # A plugin that waits for somebody to log in would have it wait for ever.
            patience = Timer(FORWARD_SECONDS + ANSWER_SECONDS, process.terminate)
            patience.daemon = True
            patience.start()
            try:
                # Its first line comes when it listens; it ends without one when it cannot.
                said = re.search(r"127\.0\.0\.1:(\d+)", output.readline())
            finally:
                patience.cancel()
            if said is None:
                raise self._refusal(arguments, drained[0].text() or "i/o timeout: it did not come to listen")
            # It writes a line a connection, and a full pipe would stop it.
            drained.append(_Drained(output))
            yield f"http://127.0.0.1:{said[1]}"

    @property
    def _environment(self) -> dict[str, str]:
        return {**os.environ, **self.environment}

    def _in(self, namespace: str | None) -> list[str]:
        return [f"--namespace={namespace or self.namespace}"]

    @contextmanager
    def _started(self, arguments: Sequence[str]) -> Iterator["tuple[subprocess.Popen[str], IO[str], list[_Drained]]"]:
        """A kubectl that runs as long as the context: its process, its output, and the pipes that threads read.

        The first of these has what it complains of. Whoever has a thread read the output adds it.
        """
        try:
            process = subprocess.Popen(
                [*self.command, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                env=self._environment,
            )
        except FileNotFoundError:
            raise _missing(self.program) from None
        if process.stdout is None or process.stderr is None:
            raise AssertionError("both are pipes")
        drained = [_Drained(process.stderr)]
        try:
            yield process, process.stdout, drained
        finally:
            process.terminate()
            try:
                process.wait(timeout=END_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            # None may be closed while its thread still reads.
            for pipe in drained:
                pipe.text()
            process.stdout.close()

    def _refusal(self, arguments: Sequence[str], said: str) -> KubectlError:
        asked = "kubectl " + " ".join(argument for argument in arguments if not argument.startswith("--"))
        failed = f"`{asked}` failed against {self._cluster}"
        lines = [line.strip() for line in said.splitlines()] or ["it said nothing"]
        for error, pattern, remedy in _REFUSALS:
            # Advice may follow.
            meant = [line for line in lines if re.search(pattern, line, re.IGNORECASE)]
            if meant:
                return error(f"{failed}: {meant[-1]}", remedy)
        return KubectlError(f"{failed}: {lines[-1]}", "Read its message, and try it by hand.")

    @property
    def _cluster(self) -> str:
        where = f"the context '{self.context}'" if self.context else "the current context"
        return f"{where} of {self.kubeconfig or 'the kubeconfig'}"


class _Drained:
    """What a program writes to a pipe, read in a thread so that the pipe never fills up."""

    def __init__(self, pipe: IO[str]) -> None:
        self._lines: list[str] = []
        self._thread = Thread(target=self._read, args=(pipe,), daemon=True)
        self._thread.start()

    def _read(self, pipe: IO[str]) -> None:
        with pipe:
            for line in pipe:
                self._lines.append(line)

    def text(self) -> str:
        """All of it, once the program has ended."""
        self._thread.join()
        return "".join(self._lines).strip()


_SETUP = "Check modelyard:cluster.kubeconfig and modelyard:cluster.context, or the environment variable KUBECONFIG."

_REFUSALS: tuple[tuple[type[KubectlError], str, str], ...] = (
    (
        CredentialsError,
        r"executable .* not found",
        "Install that program, by which the kubeconfig logs in to the cluster, and see that it is on PATH.",
    ),
    (
        CredentialsError,
        r"unauthorized|must be logged in|provide credentials|getting credentials|certificate has expired|"
        r"no auth provider found|token .*expired",
        "Log in to the cluster again, as its provider says (`aws sso login`, `gcloud auth login`, `az login`, ...), "
        "and check it by `kubectl auth whoami`.",
    ),
    (
        UnreachableClusterError,
        r"kubeconfig|no such file or directory|context .* does not exist|missing or incomplete configuration|"
        r"error loading config file",
        _SETUP,
    ),
    (
        UnreachableClusterError,
        r"localhost:8080 was refused",
        "That is what kubectl asks where it has no kubeconfig. " + _SETUP,
    ),
    (
        ForbiddenError,
        r"forbidden",
        "Ask who runs the cluster for that permission, or use a context that has it.",
    ),
    (NotFoundError, r"notfound|not found|doesn't have a resource type", "Check the name and the namespace."),
    (
        UnreachableClusterError,
        r"unable to connect|connection .*refused|dial tcp|i/o timeout|no such host|no route to host|"
        r"tls handshake|deadline exceeded|x509|connection reset|eof$",
        "Check that the cluster runs and that this machine reaches it (a VPN, a firewall). " + _SETUP,
    ),
)
"""What kubectl complains of, by its words; the first that fits counts."""


def _program(cluster: ClusterSettings) -> str:
    # The embedded cluster brings its own, for machines that have none.
    built = Path(EMBEDDED_KUBECONFIG).parent / "bin" / "kubectl"
    if cluster.kind == "embedded" and shutil.which("kubectl") is None and built.exists():
        return str(built)
    return "kubectl"


def _kubeconfig(cluster: ClusterSettings) -> str | None:
    if cluster.kubeconfig_path is None and cluster.kubeconfig_contents is not None:
        return _file_of(cluster.kubeconfig_contents.get_secret_value())
    return cluster.kubeconfig_path


@cache
def _file_of(contents: str) -> str:
    """A file that only this user can read, and that goes when this process does: kubectl takes a kubeconfig by path."""
    descriptor, path = tempfile.mkstemp(prefix="modelyard-", suffix=".kubeconfig")
    atexit.register(Path(path).unlink, missing_ok=True)
    os.close(descriptor)
    Path(path).write_text(contents)
    return path


def _missing(program: str) -> MissingKubectlError:
    return MissingKubectlError(
        f"There is no '{program}' on PATH, and the cluster is asked through it.",
        "Install it, in a version near the cluster's: https://kubernetes.io/docs/tasks/tools/",
    )

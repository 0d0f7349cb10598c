"""One plugin written in Python that the engine has asked the language host to run: a component or a policy pack."""

import subprocess
import threading
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from local.plugins.children import Children, interrupt
from local.plugins.interpreter import environment_for
from local.plugins.output import Output
from local.plugins.policy_proxy import PackEndedError, PolicyProxy
from local.plugins.server import listen

ANALYZER = "analyzer"
"""The kind of a policy pack."""


class NotRunnableError(Exception):
    """The plugin's folder has nothing in it that could be started."""


class PluginRun:
    """A plugin's process, its output and its exit code.

    Args:
        request: a `RunPluginRequest` of the language protocol.
        python: the interpreter.
        children: takes charge of the process.

    Raises:
        NotRunnableError: there is neither a `__main__.py` nor a package.
    """

    def __init__(self, request: Any, python: Path, children: Children) -> None:
        self.output = Output()
        self.code = 0
        self._children = children
        self._policy_pack = request.kind == ANALYZER
        self._command = command(request, python)
        self._folder = request.info.program_directory if self._policy_pack else request.pwd
        self._environment = environment_for(python, dict(each.split("=", 1) for each in request.env))
        self._process: subprocess.Popen[bytes] | None = None
        self._finished = threading.Event()

    def start(self) -> None:
        """Start the plugin; a policy pack's own process follows when its stack is known."""
        if not self._policy_pack:
            threading.Thread(target=self._follow, args=(self._spawn({}),)).start()
            return
        proxy = PolicyProxy(self._start_pack)
        server, port = listen(lambda server: server.add_generic_rpc_handlers((proxy,)))
        self.output.write(("stdout", f"{port}\n".encode()))

        def close() -> None:
            self._finished.wait()
            server.stop(grace=None)
            proxy.close()

        threading.Thread(target=close).start()

    def stop(self) -> None:
        """End the plugin; its output ends when the process has."""
        if self._process is None:
            self._finish(0)
        else:
            interrupt(self._process)

    def _spawn(self, variables: Mapping[str, str]) -> "subprocess.Popen[bytes]":
        self._process = subprocess.Popen(
            self._command,
            cwd=self._folder or None,
            env={**self._environment, **variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
        )
        self._children.add(self._process)
        return self._process

    def _start_pack(self, variables: Mapping[str, str]) -> int:
        process = self._spawn(variables)
        # They are pipes, see _spawn.
        assert process.stdout is not None  # noqa: S101
        assert process.stderr is not None  # noqa: S101
        port = None
        while port is None and (line := process.stdout.readline()):
            if line.strip().isdigit():
                port = int(line)
            else:  # a pack may print before it is ready
                self.output.write(("stdout", line))
        said = process.stderr.read() if port is None else b""
        if said:
            self.output.write(("stderr", said))
        threading.Thread(target=self._follow, args=(process,)).start()
        if port is None:
            raise PackEndedError(said.decode(errors="replace"))
        return port

    def _follow(self, process: "subprocess.Popen[bytes]") -> None:
        code = self.output.copy(process)
        self._children.discard(process)
        self._finish(code)

    def _finish(self, code: int) -> None:
        if not self._finished.is_set():
            self.code = code
            self._finished.set()
            self.output.close()


def command(request: Any, python: Path) -> list[str]:
    """The command line of a plugin.

    A policy pack runs under the SDK's `pulumi.policy`, which takes its folder as the last argument. A folder with a
    `__main__.py` is run as it is, and a Python package under the SDK's `pulumi.run.plugin`.

    Raises:
        NotRunnableError: the folder is none of these.
    """
    folder = Path(request.info.program_directory)
    if request.kind == ANALYZER:
        return [str(python), "-u", "-m", "pulumi.policy", *request.args, str(folder)]
    if (folder / "__main__.py").is_file():
        return [str(python), "-u", str(folder), *request.args]
    return [str(python), "-u", "-m", "pulumi.run.plugin", _package_name(folder), *request.args]


def _package_name(folder: Path) -> str:
    try:
        project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))
        return str(project["project"]["name"])
    except (FileNotFoundError, KeyError):
        raise NotRunnableError(
            f"the plugin in {folder} has no __main__.py and no pyproject.toml with a project name, so there is nothing "
            "to start. Add a __main__.py that calls pulumi.provider.experimental.component_provider_host"
        ) from None

"""The Pulumi language runtime for Python: `pulumi-language-python` where the official one can't be had.

It speaks `pulumirpc.LanguageRuntime` as the official host does for what running programs, policy packs and component
plugins needs. It generates no code and installs nothing: `make setup` makes the virtual environment.
"""

import json
import os
import subprocess
import sys
from base64 import b64decode
from collections.abc import Iterator
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import Any, NoReturn

import grpc
from google.protobuf.empty_pb2 import Empty

from local.plugins import packages, program
from local.plugins.children import Children, interrupt, outcome
from local.plugins.interpreter import InterpreterError, environment_for, python_for
from local.plugins.server import engine_address, serve
from local.plugins.stubs import language_pb2, language_pb2_grpc, plugin_pb2

SAFE_PATH = "-P"
"""Keeps the folder of the scripts that are started here out of the program's import path."""


class LanguageHost(language_pb2_grpc.LanguageRuntimeServicer):
    """The service; one process serves one run of the CLI.

    Args:
        engine: the engine's address.
    """

    def __init__(self, engine: str | None) -> None:
        self._engine = engine or ""
        self._children = Children()

    def stop(self) -> None:
        """End every program and plugin that is still running, and wait for it."""
        self._children.stop()

    def Handshake(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Learn the engine's address where the command line did not have it."""
        self._engine = request.engine_address
        return language_pb2.LanguageHandshakeResponse()

    def GetPluginInfo(self, request: Any, context: Any) -> Any:  # noqa: N802
        """The version: that of the SDK whose protocol this is."""
        return plugin_pb2.PluginInfo(version=metadata.version("pulumi"))

    def GetRequiredPackages(self, request: Any, context: Any) -> Any:  # noqa: N802
        """The resource plugins that the packages of the program's environment belong to."""
        plugins = self._listed("plugins", request.info, context)
        return language_pb2.GetRequiredPackagesResponse(packages=[package_dependency(each) for each in plugins])

    def GetProgramDependencies(self, request: Any, context: Any) -> Any:  # noqa: N802
        """The distributions of the program's environment; without `transitive` those that no other one requires."""
        found = self._listed("distributions", request.info, context)
        return language_pb2.GetProgramDependenciesResponse(
            dependencies=[
                language_pb2.DependencyInfo(name=each["name"], version=each["version"])
                for each in found
                if request.transitiveDependencies or not each["required"]
            ]
        )

    def About(self, request: Any, context: Any) -> Any:  # noqa: N802
        """The interpreter and its version."""
        python = _python(request.info, context)
        version = subprocess.run([python, "--version"], capture_output=True, text=True, check=True).stdout
        return language_pb2.AboutResponse(executable=str(python), version=version.removeprefix("Python ").strip())

    def RuntimeOptionsPrompts(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Nothing to ask: the virtual environment is the only option, and it has a default."""
        return language_pb2.RuntimeOptionsResponse()

    def Template(self, request: Any, context: Any) -> Any:  # noqa: N802
        """A new project needs nothing more."""
        return language_pb2.TemplateResponse()

    def InstallDependencies(self, request: Any, context: Any) -> Iterator[Any]:  # noqa: N802
        """Check that the environment is there; making it is the work of `make setup`."""
        python = _python(request.info, context)
        line = f"Using the packages of {python}; make setup changes them.\n"
        yield language_pb2.InstallDependenciesResponse(stdout=line.encode())

    def GeneratePackage(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Refused: the code generator is part of the official host."""
        context.abort(
            grpc.StatusCode.UNIMPLEMENTED,
            "this language host can't generate a Python SDK: the generator is part of Pulumi's own release. "
            "Install Pulumi from its release and run the command again",
        )

    def Cancel(self, request: Any, context: Any) -> Any:  # noqa: N802
        """End what is running; the calls that started it answer then."""
        self._children.interrupt()
        return Empty()

    def Run(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Run a program to its end. Its output goes where this process's own goes, which the engine reads."""
        python = _python(request.info, context)
        process = subprocess.Popen(
            [python, SAFE_PATH, "-u", program.__file__, json.dumps(program_request(request, self._engine))],
            cwd=request.pwd or None,
            env=environment_for(python, {**os.environ, **config_variables(request)}),
            stdin=subprocess.DEVNULL,
        )
        self._children.add(process)
        if not context.add_callback(lambda: interrupt(process)):
            interrupt(process)
        code = process.wait()
        self._children.discard(process)
        if code in (0, program.ALREADY_REPORTED) or self._children.stopping:
            return language_pb2.RunResponse(bail=code != 0)
        return language_pb2.RunResponse(error=outcome(code))

    def RunPlugin(self, request: Any, context: Any) -> Iterator[Any]:  # noqa: N802
        """Run a component plugin or a policy pack, and stream its output and its exit code where that is not zero."""
        # Most runs of the CLI start no plugin through this host, and all wait until it has started.
        from local.plugins.plugin_run import NotRunnableError, PluginRun

        python = _python(request.info, context)
        try:
            run = PluginRun(request, python, self._children)
        except NotRunnableError as error:
            _refuse(error, context)
        run.start()
        if not context.add_callback(run.stop):
            run.stop()
        for name, data in run.output:
            yield (
                language_pb2.RunPluginResponse(stdout=data)
                if name == "stdout"
                else language_pb2.RunPluginResponse(stderr=data)
            )
        if run.code:
            yield language_pb2.RunPluginResponse(exitcode=run.code)

    def _listed(self, what: str, info: Any, context: Any) -> list[dict[str, Any]]:
        python = _python(info, context)
        listed = subprocess.run(
            [python, SAFE_PATH, packages.__file__, what],
            env=environment_for(python, os.environ),
            capture_output=True,
            text=True,
            check=False,
        )
        if listed.returncode:
            _refuse(
                f"{python} could not list its packages ({listed.stderr.strip().splitlines()[-1]}), so the plugins that "
                "the program needs are not known. Make the virtual environment again with make setup",
                context,
            )
        result: list[dict[str, Any]] = json.loads(listed.stdout)
        return result


def program_request(request: Any, engine: str) -> dict[str, Any]:
    """The argument of `program.py` for a `RunRequest` of the language protocol."""
    return {
        "program": str(Path(request.info.program_directory) / request.info.entry_point),
        "args": list(request.args),
        "settings": {
            "project": request.project,
            "stack": request.stack,
            "parallel": request.parallel,
            "engine": engine,
            "monitor": request.monitor_address,
            "dry_run": request.dryRun,
            "organization": request.organization,
            "root_directory": request.info.root_directory,
        },
    }


def config_variables(request: Any) -> dict[str, str]:
    """The stack's configuration, where the SDK looks for it."""
    return {
        "PULUMI_CONFIG": json.dumps(dict(request.config)),
        "PULUMI_CONFIG_SECRET_KEYS": json.dumps(list(request.configSecretKeys)),
    }


def package_dependency(plugin: dict[str, Any]) -> Any:
    """What a package's `pulumi-plugin.json` says, in the terms of the language protocol."""
    version = plugin["version"]
    dependency = plugin_pb2.PackageDependency(
        name=plugin["name"],
        kind="resource",
        version=f"v{version.removeprefix('v')}" if version else "",
        server=plugin.get("server", ""),
    )
    if parameter := plugin.get("parameterization"):
        dependency.parameterization.name = parameter["name"]
        dependency.parameterization.version = parameter["version"]
        dependency.parameterization.value = b64decode(parameter["value"])
    return dependency


def _python(info: Any, context: Any) -> Path:
    try:
        return python_for(info)
    except InterpreterError as error:
        _refuse(error, context)


def _refuse(reason: object, context: Any) -> NoReturn:
    context.abort(grpc.StatusCode.FAILED_PRECONDITION, str(reason))
    raise AssertionError("abort raises")


def main(arguments: list[str]) -> None:
    """Serve the engine that started this process with `arguments`."""
    host = LanguageHost(engine_address(arguments))
    serve(lambda server: language_pb2_grpc.add_LanguageRuntimeServicer_to_server(host, server), host.stop, arguments)


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        main(sys.argv[1:])

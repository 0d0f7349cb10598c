"""The language host over gRPC, as the engine calls it, but without an engine behind it."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib import metadata
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.empty_pb2 import Empty
from google.protobuf.struct_pb2 import Struct
from pulumi.runtime.proto import (
    engine_pb2,
    engine_pb2_grpc,
    language_pb2,
    language_pb2_grpc,
    resource_pb2,
    resource_pb2_grpc,
)

from tests.plugins.conftest import PLUGIN_SECONDS


class Monitor(resource_pb2_grpc.ResourceMonitorServicer):
    """As much of a resource monitor as a program needs that makes nothing but its stack."""

    def SupportsFeature(self, request: Any, context: Any) -> Any:  # noqa: N802
        return resource_pb2.SupportsFeatureResponse(hasSupport=request.id in {"secrets", "outputValues"})

    def RegisterResource(self, request: Any, context: Any) -> Any:  # noqa: N802
        urn = f"urn:pulumi:dev::sample::{request.type}::{request.name}"
        return resource_pb2.RegisterResourceResponse(urn=urn, object=request.object)

    def RegisterResourceOutputs(self, request: Any, context: Any) -> Any:  # noqa: N802
        return Empty()

    def SignalAndWaitForShutdown(self, request: Any, context: Any) -> Any:  # noqa: N802
        return Empty()


class Engine(engine_pb2_grpc.EngineServicer):
    """As much of an engine as such a program needs: it keeps what is logged."""

    def __init__(self) -> None:
        self.errors: list[str] = []
        self.reached = threading.Event()

    def Log(self, request: Any, context: Any) -> Any:  # noqa: N802
        if request.severity == engine_pb2.ERROR:
            self.errors.append(request.message)
        if request.message == "reached":
            self.reached.set()
        return Empty()


@pytest.fixture
def engine() -> Iterator[tuple[Engine, str]]:
    service = Engine()
    server = grpc.server(ThreadPoolExecutor(4))
    engine_pb2_grpc.add_EngineServicer_to_server(service, server)
    resource_pb2_grpc.add_ResourceMonitorServicer_to_server(Monitor(), server)
    address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    yield service, address
    server.stop(grace=None).wait()


@pytest.fixture
def host(start_plugin: Callable[..., Any], launchers: Path, engine: tuple[Engine, str]) -> Any:
    channel, _ = start_plugin(launchers / "pulumi-language-python", engine[1])
    return language_pb2_grpc.LanguageRuntimeStub(channel)


def program_info(folder: Path, **options: str) -> Any:
    struct = Struct()
    struct.update({"virtualenv": sys.prefix} | options)
    return language_pb2.ProgramInfo(
        root_directory=str(folder), program_directory=str(folder), entry_point=".", options=struct
    )


def run_request(folder: Path, monitor: str, **fields: Any) -> Any:
    return language_pb2.RunRequest(
        project="sample",
        stack="dev",
        pwd=str(folder),
        parallel=4,
        monitor_address=monitor,
        info=program_info(folder),
        **fields,
    )


def program(folder: Path, source: str) -> Path:
    (folder / "__main__.py").write_text(source, encoding="utf-8")
    return folder


def test_its_version_is_that_of_the_sdk(host: Any) -> None:
    assert host.GetPluginInfo(Empty()).version == metadata.version("pulumi")


def test_about_names_the_interpreter_of_the_project(host: Any, tmp_path: Path) -> None:
    about = host.About(language_pb2.AboutRequest(info=program_info(tmp_path)))
    assert about.executable == str(Path(sys.prefix) / "bin" / "python")
    assert about.version == sys.version.split()[0]


def test_the_required_packages_are_those_with_a_resource_plugin(host: Any, tmp_path: Path) -> None:
    answer = host.GetRequiredPackages(language_pb2.GetRequiredPackagesRequest(info=program_info(tmp_path)))
    found = {(each.kind, each.name, each.version) for each in answer.packages}
    assert found == {("resource", name, f"v{metadata.version(f'pulumi-{name}')}") for name in ("kubernetes", "random")}


def test_dependencies_are_all_or_the_ones_nothing_else_requires(host: Any, tmp_path: Path) -> None:
    def names(transitive: bool) -> set[str]:
        request = language_pb2.GetProgramDependenciesRequest(
            info=program_info(tmp_path), transitiveDependencies=transitive
        )
        return {each.name for each in host.GetProgramDependencies(request).dependencies}

    assert {"pulumi-random", "grpcio"} <= names(transitive=True)
    # The project itself is installed, and is what requires the rest.
    assert "modelyard" in names(transitive=False)
    assert names(transitive=False).isdisjoint({"pulumi-random", "grpcio"})


def test_install_names_the_environment_it_will_use(host: Any, tmp_path: Path) -> None:
    request = language_pb2.InstallDependenciesRequest(info=program_info(tmp_path))
    [answer] = host.InstallDependencies(request)
    python = Path(sys.prefix) / "bin" / "python"
    assert answer.stdout == f"Using the packages of {python}; make setup changes them.\n".encode()


def answers(call: Callable[[Any], Any], request: Any) -> Iterator[Any]:
    """The answers of a call, whether it gives one or a stream."""
    answer = call(request)
    yield from answer if hasattr(answer, "__next__") else [answer]


@pytest.mark.parametrize("call", ["GetRequiredPackages", "Run", "InstallDependencies", "About"])
def test_a_missing_virtual_environment_is_said_with_what_to_do(host: Any, tmp_path: Path, call: str) -> None:
    requests = {
        "GetRequiredPackages": language_pb2.GetRequiredPackagesRequest,
        "Run": language_pb2.RunRequest,
        "InstallDependencies": language_pb2.InstallDependenciesRequest,
        "About": language_pb2.AboutRequest,
    }
    request = requests[call](info=program_info(tmp_path, virtualenv=".venv"))
    with pytest.raises(grpc.RpcError) as refused:
        next(answers(getattr(host, call), request))
    assert refused.value.code() is grpc.StatusCode.FAILED_PRECONDITION
    assert refused.value.details() == (
        f"virtualenv '.venv' of the project in {tmp_path}: there is no {tmp_path}/.venv/bin/python, so the program "
        "can't run. Run make setup in the checkout, which makes it, or name another folder"
    )


def test_a_virtualenv_option_that_is_no_path_is_refused(host: Any, tmp_path: Path) -> None:
    info = program_info(tmp_path)
    info.options.update({"virtualenv": 3})
    with pytest.raises(grpc.RpcError, match=r"virtualenv is 3\.0: it has to be a path"):
        host.About(language_pb2.AboutRequest(info=info))


def test_a_program_runs_with_its_settings_configuration_and_environment(
    host: Any, engine: tuple[Engine, str], tmp_path: Path
) -> None:
    seen = tmp_path / "seen.json"
    source = f"""
import json, os, sys
from pathlib import Path
import pulumi
config = pulumi.Config("sample")
Path({str(seen)!r}).write_text(json.dumps({{
    "project": pulumi.get_project(), "stack": pulumi.get_stack(), "organization": pulumi.get_organization(),
    "preview": pulumi.runtime.is_dry_run(), "root": pulumi.get_root_directory(),
    "plain": config.require("plain"), "secret": config.require_secret("hidden") is not None,
    "secret_keys": json.loads(os.environ["PULUMI_CONFIG_SECRET_KEYS"]),
    "cwd": os.getcwd(), "argv": sys.argv, "prefix": sys.prefix, "virtual_env": os.environ.get("VIRTUAL_ENV"),
    "python": os.environ["PATH"].split(":")[0], "pythonpath": os.environ.get("PYTHONPATH"),
}}))
"""
    answer = host.Run(
        run_request(
            program(tmp_path, source),
            engine[1],
            organization="organization",
            dryRun=True,
            args=["--flag"],
            config={"sample:plain": "p", "sample:hidden": "h"},
            configSecretKeys=["sample:hidden"],
        )
    )
    assert (answer.error, answer.bail) == ("", False)
    assert json.loads(seen.read_text()) == {
        "project": "sample",
        "stack": "dev",
        "organization": "organization",
        "preview": True,
        "root": str(tmp_path),
        "plain": "p",
        "secret": True,
        "secret_keys": ["sample:hidden"],
        "cwd": str(tmp_path),
        "argv": [str(tmp_path), "--flag"],
        "prefix": sys.prefix,
        "virtual_env": sys.prefix,
        "python": str(Path(sys.prefix) / "bin"),
        "pythonpath": None,
    }


def test_an_exception_is_one_error_with_the_programs_own_frames(
    host: Any, engine: tuple[Engine, str], tmp_path: Path
) -> None:
    (tmp_path / "helper.py").write_text("def fail():\n    raise ValueError('no such thing')\n", encoding="utf-8")
    answer = host.Run(run_request(program(tmp_path, "from helper import fail\nfail()\n"), engine[1]))
    assert (answer.error, answer.bail) == ("", True)
    assert engine[0].errors == [
        "Program failed with an unhandled exception:\n"
        "Traceback (most recent call last):\n"
        f'  File "{tmp_path}/__main__.py", line 2, in <module>\n'
        "    fail()\n"
        f'  File "{tmp_path}/helper.py", line 2, in fail\n'
        "    raise ValueError('no such thing')\n"
        "ValueError: no such thing\n"
    ]


def test_a_syntax_error_names_its_line(host: Any, engine: tuple[Engine, str], tmp_path: Path) -> None:
    answer = host.Run(run_request(program(tmp_path, "x = = 3\n"), engine[1]))
    assert answer.bail
    assert engine[0].errors == [
        "Program failed with an unhandled exception:\n"
        f'  File "{tmp_path}/__main__.py", line 1\n'
        "    x = = 3\n"
        "        ^\n"
        "SyntaxError: invalid syntax\n"
    ]


def test_a_run_error_is_its_sentence_and_nothing_more(host: Any, engine: tuple[Engine, str], tmp_path: Path) -> None:
    answer = host.Run(
        run_request(program(tmp_path, "import pulumi\nraise pulumi.RunError('write a model')\n"), engine[1])
    )
    assert (answer.error, answer.bail) == ("", True)
    assert engine[0].errors == ["write a model"]


def test_a_folder_without_a_program_is_said(host: Any, engine: tuple[Engine, str], tmp_path: Path) -> None:
    answer = host.Run(run_request(tmp_path, engine[1]))
    assert answer.bail
    assert engine[0].errors == [
        f"the program {tmp_path} has no __main__.py, so there is nothing to run. Add one, or set main: in Pulumi.yaml."
    ]


@pytest.mark.parametrize(
    ("source", "error"),
    [
        ("import sys\nsys.exit(3)\n", "program exited with non-zero exit code: 3"),
        ("import sys\nsys.exit(0)\n", ""),
        ("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n", "program was stopped by signal 9"),
    ],
)
def test_the_exit_code_is_the_answer(
    host: Any, engine: tuple[Engine, str], tmp_path: Path, source: str, error: str
) -> None:
    answer = host.Run(run_request(program(tmp_path, source), engine[1]))
    assert (answer.error, answer.bail) == (error, False)


WAITS = "import pulumi, time\npulumi.log.info('reached')\ntime.sleep(600)\n"


def test_cancel_ends_a_running_program(host: Any, engine: tuple[Engine, str], tmp_path: Path) -> None:
    running = host.Run.future(run_request(program(tmp_path, WAITS), engine[1]))
    assert engine[0].reached.wait(PLUGIN_SECONDS)
    host.Cancel(Empty())
    answer = running.result(timeout=PLUGIN_SECONDS)
    assert (answer.error, answer.bail) == ("", True)
    assert engine[0].errors == []


def test_a_program_that_ignores_the_interrupt_is_killed(host: Any, engine: tuple[Engine, str], tmp_path: Path) -> None:
    ignores = "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n" + WAITS
    running = host.Run.future(run_request(program(tmp_path, ignores), engine[1]))
    assert engine[0].reached.wait(PLUGIN_SECONDS)
    host.Cancel(Empty())
    assert running.result(timeout=PLUGIN_SECONDS).bail


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_host_quietly(
    start_plugin: Callable[..., Any], launchers: Path, number: signal.Signals
) -> None:
    _, process = start_plugin(launchers / "pulumi-language-python", stderr=subprocess.PIPE)
    process.send_signal(number)
    assert process.communicate(timeout=PLUGIN_SECONDS) == ("", "")
    assert process.returncode == 0


def test_the_host_ends_with_its_engine(start_plugin: Callable[..., Any], launchers: Path) -> None:
    server = grpc.server(ThreadPoolExecutor(1))
    engine_pb2_grpc.add_EngineServicer_to_server(Engine(), server)
    address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    channel, process = start_plugin(launchers / "pulumi-language-python", address)
    language_pb2_grpc.LanguageRuntimeStub(channel).GetPluginInfo(Empty())
    wait_for_connection(process.pid, address)
    server.stop(grace=None).wait()
    assert process.wait(PLUGIN_SECONDS) == 0


def wait_for_connection(pid: int, address: str) -> None:
    """Wait until a process has an established connection to an address of loopback."""
    import time

    import psutil

    port = int(address.rsplit(":", 1)[1])
    deadline = time.monotonic() + PLUGIN_SECONDS
    while time.monotonic() < deadline:
        connections = psutil.Process(pid).net_connections(kind="tcp")
        if any(each.raddr and each.raddr.port == port and each.status == "ESTABLISHED" for each in connections):
            return
        time.sleep(0.05)
    pytest.fail(f"the host never connected to {address}")


def run_plugin(host: Any, folder: Path, *args: str) -> tuple[bytes, bytes, int]:
    request = language_pb2.RunPluginRequest(
        pwd=str(folder.parent),
        info=program_info(folder),
        kind="resource",
        args=args,
        env=[f"{name}={value}" for name, value in os.environ.items()],
    )
    out, err, code = b"", b"", 0
    for answer in host.RunPlugin(request):
        out += answer.stdout
        err += answer.stderr
        code = answer.exitcode or code
    return out, err, code


def test_a_plugins_streams_and_exit_code_come_through(host: Any, tmp_path: Path) -> None:
    folder = tmp_path / "plugin"
    folder.mkdir()
    program(folder, "import os, sys\nprint(sys.argv[1:], os.getcwd())\nprint('oh', file=sys.stderr)\nsys.exit(5)\n")
    assert run_plugin(host, folder, "127.0.0.1:1") == (f"['127.0.0.1:1'] {tmp_path}\n".encode(), b"oh\n", 5)


def test_a_plugin_that_ends_well_has_no_exit_code(host: Any, tmp_path: Path) -> None:
    assert run_plugin(host, program(tmp_path, "print('done')\n")) == (b"done\n", b"", 0)


def test_a_package_is_run_by_the_sdk(host: Any, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "no-such-plugin"\n', encoding="utf-8")
    out, err, code = run_plugin(host, tmp_path)
    assert (out, code) == (b"", 1)
    assert err.endswith(b"ModuleNotFoundError: No module named 'no_such_plugin'\n")


def test_a_folder_with_nothing_to_start_is_refused(host: Any, tmp_path: Path) -> None:
    with pytest.raises(grpc.RpcError) as refused:
        run_plugin(host, tmp_path)
    assert refused.value.details() == (
        f"the plugin in {tmp_path} has no __main__.py and no pyproject.toml with a project name, so there is nothing "
        "to start. Add a __main__.py that calls pulumi.provider.experimental.component_provider_host"
    )


def test_generating_code_is_refused_with_what_to_use(host: Any, tmp_path: Path) -> None:
    with pytest.raises(grpc.RpcError) as refused:
        host.GeneratePackage(language_pb2.GeneratePackageRequest(directory=str(tmp_path)))
    assert refused.value.code() is grpc.StatusCode.UNIMPLEMENTED
    assert "Install Pulumi from its release" in refused.value.details()

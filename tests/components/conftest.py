"""Runs parts of the program against a monitor that keeps what it was asked to register."""

import asyncio
import contextvars
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import pulumi
import pytest
from google.protobuf import json_format
from pulumi.runtime import mocks
from pulumi.runtime import settings as runtime
from pulumi.runtime.stack import run_in_stack

from components import delivery, verification
from stacks.settings import StackSettings
from stacks.verify import Report, Verdict

SECRET_SIGNATURE = "4dabf18193072939515e22adb298388d"
"""The key by which Pulumi's wire format marks a wrapped value, and its value for secrets."""
SECRET_KIND = "1b47061264138c4ac30d75fd1eb44270"

RELEASE = "kubernetes:helm.sh/v3:Release"
RANDOM_PASSWORD = "random:index/randomPassword:RandomPassword"


@dataclass(frozen=True)
class Registered:
    """One resource as the program registered it."""

    token: str
    name: str
    urn: str
    parent: str
    inputs: dict[str, Any]
    request: Any

    @property
    def secrets(self) -> set[str]:
        """The inputs that are secret as a whole."""
        return {
            key
            for key, value in self.inputs.items()
            if isinstance(value, dict) and value.get(SECRET_SIGNATURE) == SECRET_KIND
        }

    @property
    def dependencies(self) -> set[str]:
        """The names of the resources that it waits for."""
        return {urn.rpartition("::")[2] for urn in self.request.dependencies}

    @property
    def provider(self) -> str:
        """The name of its explicit provider."""
        return str(self.request.provider).rpartition("::")[0].rpartition("::")[2]


@dataclass
class Program:
    """What a program registered."""

    resources: list[Registered] = field(default_factory=list)
    outputs: dict[str, dict[str, Any]] = field(default_factory=dict)
    messages: list[str] = field(default_factory=list)

    def named(self, name: str) -> Registered:
        """The one resource of that name."""
        (found,) = [resource for resource in self.resources if resource.name == name]
        return found

    def of(self, token: str) -> list[Registered]:
        """The resources of a type."""
        return [resource for resource in self.resources if resource.token == token]


class _Ids(mocks.Mocks):
    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        if args.resource_id:
            # Read, and not made: a Service that a chart has made, at a load balancer.
            return args.resource_id, {"status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.7"}]}}}
        made: dict[Any, Any] = {}
        if args.typ == RANDOM_PASSWORD:
            made["result"] = "x" * int(args.inputs["length"])
        if args.typ == RELEASE:
            made["status"] = {"namespace": args.inputs["namespace"]}
        return f"{args.name}-id", {**args.inputs, **made}

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[Any, Any], list[tuple[str, str]] | None]:
        if args.token == "pulumi:pulumi:readStackOutputs":
            return {"outputs": {}}, []
        raise AssertionError(f"the program calls {args.token}")


class _Monitor(mocks.MockMonitor):
    def __init__(self, program: Program) -> None:
        super().__init__(_Ids())
        self.program = program

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 - the name of the RPC
        response = super().RegisterResource(request)  # type: ignore[no-untyped-call]
        self.program.resources.append(
            Registered(
                token=request.type,
                name=request.name,
                urn=response.urn,
                parent=request.parent.rpartition("::")[2],
                inputs=json_format.MessageToDict(request.object),
                request=request,
            )
        )
        return response

    def RegisterResourceOutputs(self, request: Any) -> Any:  # noqa: N802 - the name of the RPC
        self.program.outputs[request.urn.rpartition("::")[2]] = json_format.MessageToDict(request.outputs)
        return super().RegisterResourceOutputs(request)  # type: ignore[no-untyped-call]


class _Engine(mocks.MockEngine):
    def __init__(self, program: Program) -> None:
        super().__init__(None)
        self.program = program

    def Log(self, request: Any) -> None:  # noqa: N802 - the name of the RPC
        self.program.messages.append(request.message)


WELL = Report("base_url", (Verdict("reachable", None, "the gateway answers at base_url", "passed", "it does"),))
"""What a verification finds that nobody has made: no gateway answers here."""


@pytest.fixture(autouse=True)
def found(monkeypatch: pytest.MonkeyPatch) -> Callable[[Report], list[str]]:
    """Sets what verifications find, and gives the URLs that they are told, which come as they are made."""
    told: list[str] = []

    def find(report: Report) -> list[str]:
        def verify(_: StackSettings, base_url: str) -> Report:
            told.append(base_url)
            return report

        monkeypatch.setattr(verification, "_report", verify)
        return told

    find(WELL)
    return find


@pytest.fixture(autouse=True)
def deliveries(monkeypatch: pytest.MonkeyPatch) -> Callable[[str | None], list[StackSettings]]:
    """Sets why deliveries of routes fail, if they do, and gives the stacks whose routes were delivered."""
    stacks: list[StackSettings] = []

    def fail(why: str | None) -> list[StackSettings]:
        def deliver(stack: StackSettings) -> str | None:
            stacks.append(stack)
            return why

        monkeypatch.setattr(delivery, "_deliver", deliver)
        return stacks

    fail(None)
    return fail


Run = Callable[..., Program]


@pytest.fixture
def run() -> Iterator[Run]:
    """Runs a function as a Pulumi program and returns what it registered."""
    before = runtime.SETTINGS
    yield run_program
    runtime.configure(before)
    pulumi.runtime.set_all_config({})


def run_program(build: Callable[[], object], *, preview: bool = False) -> Program:
    """What a function registers as a Pulumi program. It leaves the runtime set up for it: tests take ``run``."""
    found = Program()

    def once() -> None:
        build()

    async def program() -> None:
        _configure(found, preview=preview)
        loop = asyncio.get_running_loop()
        # One thread with a loop that is closed: the mocks would open one a thread and leave it.
        loop.set_default_executor(ThreadPoolExecutor(max_workers=1, initializer=_open_loop))
        try:
            await run_in_stack(once)
        finally:
            await loop.run_in_executor(None, _close_loop)

    contextvars.copy_context().run(asyncio.run, program())
    return found


def _configure(program: Program, *, preview: bool) -> None:
    runtime.configure(
        mocks.MockSettings(  # type: ignore[no-untyped-call]
            monitor=_Monitor(program),
            engine=_Engine(program),
            project="modelyard",
            stack="test",
            dry_run=preview,
            organization=None,
        )
    )
    # Each program has a root resource of its own.
    runtime.set_root_resource(None)  # type: ignore[arg-type]


def _open_loop() -> None:
    asyncio.set_event_loop(asyncio.new_event_loop())


def _close_loop() -> None:
    asyncio.get_event_loop().close()
    asyncio.set_event_loop(None)

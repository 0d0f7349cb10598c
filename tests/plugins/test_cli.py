"""The real Pulumi CLI with these plugins: up, preview, refresh, failures, policy packs, components, Automation API."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from pulumi import automation

from tests.plugins.conftest import PLUGIN_SECONDS, Cli

pytestmark = pytest.mark.pulumi

PROGRAM = """
import pulumi
import pulumi_random as random


class Group(pulumi.ComponentResource):
    def __init__(self, name: str) -> None:
        super().__init__("sample:index:Group", name)
        self.key = random.RandomPassword(
            f"{name}-key", length=LENGTH, special=False, opts=pulumi.ResourceOptions(parent=self)
        )
        self.register_outputs({"key": self.key.result})


config = pulumi.Config()
group = Group("clients")
print("the program prints")
pulumi.export("greeting", config.require("greeting"))
pulumi.export("token", config.require_secret("token"))
pulumi.export("key", group.key.result)
pulumi.export("hash", group.key.bcrypt_hash)
"""

PACK = """
import pulumi
from pulumi_policy import EnforcementLevel, PolicyPack, ResourceValidationPolicy


def check(args, report):
    if args.resource_type != "random:index/randomPassword:RandomPassword":
        return
    least = int(pulumi.Config("sample").require("least"))
    if args.props["length"] < least:
        report(f"a key of {pulumi.get_stack()} has {args.props['length']:.0f} characters, fewer than {least}")


print("the pack prints")
PolicyPack(
    "sample",
    enforcement_level=EnforcementLevel.MANDATORY,
    policies=[ResourceValidationPolicy(name="long-keys", description="Keys are long enough.", validate=check)],
)
"""

COMPONENT = """
from typing import TypedDict

import pulumi
from pulumi.provider.experimental import component_provider_host


class GreetingArgs(TypedDict):
    who: pulumi.Input[str]


class Greeting(pulumi.ComponentResource):
    text: pulumi.Output[str]

    def __init__(self, name: str, args: GreetingArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("greeter:index:Greeting", name, {}, opts)
        self.text = pulumi.Output.concat("hello ", args["who"])
        self.register_outputs({"text": self.text})


if __name__ == "__main__":
    component_provider_host(name="greeter", components=[Greeting])
"""


def program(length: int) -> str:
    return PROGRAM.replace("LENGTH", str(length))


def outputs(cli: Cli, *arguments: str) -> dict[str, str]:
    said = cli.run("stack", "output", "--json", *arguments)
    result: dict[str, str] = json.loads(said)
    return result


@pytest.fixture
def configured(cli: Cli) -> Cli:
    """The CLI with the sample program and its configuration."""
    cli.write(program(20))
    cli.run("config", "set", "greeting", "hello")
    cli.run("config", "set", "--secret", "token", "t0ken")
    return cli


def test_a_stack_from_preview_to_destroy(configured: Cli) -> None:
    assert "+ 3 to create" in configured.run("preview")

    printed = configured.run("up", "--yes", "--skip-preview")
    assert "+ 3 created" in printed
    assert "the program prints" in printed
    assert "warning" not in printed

    first = outputs(configured, "--show-secrets")
    assert first["greeting"] == "hello"
    assert first["token"] == "t0ken"
    assert len(first["key"]) == 20
    assert first["key"].isalnum()
    hidden = outputs(configured)
    assert (hidden["token"], hidden["key"], hidden["hash"]) == ("[secret]",) * 3

    configured.run("up", "--yes", "--skip-preview", "--expect-no-changes")
    configured.run("refresh", "--yes", "--skip-preview", "--expect-no-changes")

    configured.write(program(24))
    assert "+-1 to replace" in configured.run("preview")
    configured.run("up", "--yes", "--skip-preview")
    second = outputs(configured, "--show-secrets")
    assert len(second["key"]) == 24

    assert "- 3 deleted" in configured.run("destroy", "--yes", "--skip-preview")
    assert json.loads(configured.run("stack", "export"))["deployment"].get("resources", []) == []


def test_secrets_are_encrypted_in_the_state(configured: Cli, tmp_path: Path) -> None:
    configured.run("up", "--yes", "--skip-preview")
    key = outputs(configured, "--show-secrets")["key"]
    [state] = (tmp_path / "state").rglob("dev.json")
    assert key not in state.read_text(encoding="utf-8")


def test_an_exception_is_shown_once_with_its_traceback(cli: Cli) -> None:
    cli.write("def fail():\n    raise ValueError('no such thing')\n\n\nfail()\n")
    printed = cli.run("preview", code=1)
    assert "1 error" in printed
    assert "an unhandled error occurred" not in printed
    diagnostics = printed.partition("Diagnostics:")[2]
    assert "error: Program failed with an unhandled exception:" in diagnostics
    assert f'File "{cli.project}/__main__.py", line 5, in <module>' in diagnostics
    assert diagnostics.count("ValueError: no such thing") == 1


def test_a_run_error_is_shown_as_its_sentence(cli: Cli) -> None:
    cli.write("import pulumi\n\nraise pulumi.RunError('write at least one model')\n")
    printed = cli.run("preview", code=1)
    diagnostics = printed.partition("Diagnostics:")[2]
    assert "error: write at least one model\n" in diagnostics
    assert "1 error" in printed
    assert "Traceback" not in printed
    assert "unhandled" not in printed


def test_a_refused_password_is_shown_at_its_resource(cli: Cli) -> None:
    cli.write("import pulumi_random\n\npulumi_random.RandomPassword('key', length=3, min_upper=4)\n")
    diagnostics = cli.run("preview", code=1).partition("Diagnostics:")[2]
    assert "random:index:RandomPassword (key):" in diagnostics
    assert "length is 3, less than minUpper 4: they don't fit. Write 4" in diagnostics
    assert "KeyboardInterrupt" not in diagnostics


def test_a_missing_virtual_environment_is_said_before_anything_runs(configured: Cli) -> None:
    project = configured.project / "Pulumi.yaml"
    project.write_text(project.read_text().replace(sys.prefix, ".venv"), encoding="utf-8")
    printed = configured.run("preview", code=1)
    assert f"there is no {configured.project}/.venv/bin/python, so the program can't run. Run make setup" in printed


def test_an_interrupted_preview_ends_the_program(cli: Cli) -> None:
    started = cli.project / "started"
    cli.write(f"import time\nfrom pathlib import Path\n\nPath({str(started)!r}).touch()\ntime.sleep(600)\n")
    process = subprocess.Popen(
        [cli.program, "preview", "--non-interactive"],
        cwd=cli.project,
        env=cli.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    deadline = time.monotonic() + PLUGIN_SECONDS
    while not started.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    printed, _ = process.communicate(timeout=PLUGIN_SECONDS)
    assert started.exists()
    assert process.returncode == 1
    assert "preview canceled" in printed
    assert "Traceback" not in printed


@pytest.mark.parametrize(("least", "code"), [("24", 1), ("8", 0)])
def test_a_policy_pack_sees_the_stack_and_its_configuration(configured: Cli, least: str, code: int) -> None:
    pack = configured.project / "policies"
    pack.mkdir()
    runtime = f"{{name: python, options: {{virtualenv: {sys.prefix}}}}}"
    (pack / "PulumiPolicy.yaml").write_text(f"description: sample\nruntime: {runtime}\n", encoding="utf-8")
    (pack / "__main__.py").write_text(PACK, encoding="utf-8")
    configured.run("config", "set", "least", least)
    printed = configured.run("preview", "--policy-pack", "policies", code=code)
    violation = "a key of dev has 20 characters, fewer than 24"
    assert (violation in printed) == (code == 1)
    assert "the pack prints" in printed
    assert "sample@v0.0.1 (local: policies)" in printed


def test_a_policy_pack_that_fails_shows_why(configured: Cli) -> None:
    pack = configured.project / "policies"
    pack.mkdir()
    runtime = f"{{name: python, options: {{virtualenv: {sys.prefix}}}}}"
    (pack / "PulumiPolicy.yaml").write_text(f"runtime: {runtime}\n", encoding="utf-8")
    (pack / "__main__.py").write_text("raise ValueError('bad pack')\n", encoding="utf-8")
    printed = configured.run("preview", "--policy-pack", "policies", code=1)
    assert "ValueError: bad pack" in printed
    assert "the policy pack ended before it was ready" in printed


def test_a_component_plugin_gives_its_schema(cli: Cli) -> None:
    plugin = cli.project / "greeter"
    plugin.mkdir()
    runtime = f"{{name: python, options: {{virtualenv: {sys.prefix}}}}}"
    (plugin / "PulumiPlugin.yaml").write_text(f"runtime: {runtime}\n", encoding="utf-8")
    (plugin / "__main__.py").write_text(COMPONENT, encoding="utf-8")
    printed = cli.run("package", "get-schema", str(plugin))
    schema = json.loads(printed[printed.index("{") :])
    assert list(schema["resources"]) == ["greeter:index:Greeting"]


def test_the_automation_api_drives_the_same_program(configured: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in configured.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("PULUMI_PYTHON_CMD", raising=False)
    stack = automation.create_or_select_stack(stack_name="dev", work_dir=str(configured.project))
    preview = stack.preview()
    assert preview.change_summary == {automation.OpType.CREATE: 3}
    up = stack.up()
    assert up.summary.result == "succeeded"
    assert (up.outputs["greeting"].value, up.outputs["greeting"].secret) == ("hello", False)
    assert (len(up.outputs["key"].value), up.outputs["key"].secret) == (20, True)
    assert stack.up().summary.resource_changes == {"same": 3}
    stack.destroy()
    assert stack.outputs() == {}


def test_the_automation_api_raises_what_the_program_said(configured: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in configured.environment.items():
        monkeypatch.setenv(name, value)
    configured.write("import pulumi\n\nraise pulumi.RunError('write at least one model')\n")
    stack = automation.create_or_select_stack(stack_name="dev", work_dir=str(configured.project))
    with pytest.raises(automation.CommandError, match="error: write at least one model"):
        stack.preview()

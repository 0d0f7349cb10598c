"""Verification and drill on the embedded cluster: real pods, real vLLM, a real ``kubectl``."""

import json
from pathlib import Path
from typing import Any

import pytest

from local import pulumi as pulumi_command
from local.paths import Paths
from local.pulumi_cli import STACK
from local.stack import local_settings
from stacks.drill import drill, page, table
from stacks.verify import Report, verify
from tests.live.conftest import StackFile

pytestmark = [pytest.mark.live, pytest.mark.timeout(1200)]

CHECKS = ["reachable", "models", "models", "auth", "plain", "streamed", "fallback", "plain", "streamed"]
METRICS = ["metrics", "metrics", "metrics"]


def base_url() -> str:
    found = local_settings().gateway.base_url
    assert found
    return found


def failures(report: Report) -> list[str]:
    return [f"{verdict.route}: {verdict.what}: {verdict.why}" for verdict in report.failed]


def output(paths: Paths) -> dict[str, Any]:
    done = pulumi_command.pulumi(paths, ["stack", "output", "verify", f"--stack={STACK}", "--json"], capture=True)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_an_update_ends_with_the_verdicts_and_the_next_one_has_the_same(stack: Paths) -> None:
    arguments = ["up", f"--stack={STACK}", "--yes", "--skip-preview", "--non-interactive", "--expect-no-changes"]
    outputs = []
    for _ in range(2):
        done = pulumi_command.pulumi(stack, arguments, capture=True)
        assert done.returncode == 0, done.stdout + done.stderr
        outputs.append(output(stack))
    assert outputs[0] == outputs[1]
    assert outputs[0]["passed"], outputs[0]
    assert outputs[0]["through"] == "base_url"
    assert [verdict["check"] for verdict in outputs[0]["verdicts"]] == [*CHECKS, *METRICS]


def test_a_gateway_whose_url_is_not_reached_is_asked_by_a_port_forward(stack: Paths) -> None:
    report = verify(local_settings(), "http://gateway.default.svc.cluster.local:8080/v1", seconds=100)
    assert failures(report) == []
    assert report.passed
    assert report.through == "port_forward"
    assert report.verdicts[0].why == (
        "http://gateway.default.svc.cluster.local:8080/v1 is a URL inside the cluster; asked by a port forward to "
        "service/gateway"
    )


def test_a_strict_stack_fails_where_the_gateway_says_otherwise(stack: Paths, stack_file: StackFile) -> None:
    """It expects callers to be known, of whom the gateway's pods were never told: that update never comes."""

    def elsewhere(config: dict[str, Any]) -> None:
        config["modelyard:gateway"]["baseUrl"] = "http://127.0.0.1:9/v1"
        config["modelyard:verify"] = {"strict": True, "through": "base_url", "timeoutSeconds": 10}

    arguments = ["up", f"--stack={STACK}", "--yes", "--skip-preview", "--non-interactive"]
    changed = [*arguments, f"--config-file={stack_file(elsewhere)}"]
    done = pulumi_command.pulumi(stack, changed, capture=True)
    assert done.returncode != 0
    said = done.stdout + done.stderr
    assert "The update is done, and the gateway does not keep what it promises:" in said
    assert "the gateway answers at base_url: failed, for http://127.0.0.1:9/v1 is not reached from here" in said
    assert "Traceback" not in said
    assert pulumi_command.pulumi(stack, arguments, capture=True).returncode == 0
    assert output(stack)["passed"]


@pytest.mark.faults
def test_a_drill(stack: Paths, tmp_path: Path) -> None:
    report = drill(local_settings(), base_url(), name=STACK, per_second=1, recovery_seconds=600)
    assert report.passed, [loss.problems for loss in report.losses]
    (loss,) = report.losses
    assert (loss.route, loss.killed) == ("qwen2-1-5b", ("qwen2-1-5b-0",))
    assert loss.failed_requests == 0
    assert {sample.served_by for sample in loss.samples if sample.error is None} == {"qwen2-1-5b", "gemma-2-2b"}
    assert "qwen2-1-5b-0" in table(report)
    written = tmp_path / "drill.html"
    written.write_text(page(report))
    assert written.read_text().count("<circle") == len(loss.samples) + 3

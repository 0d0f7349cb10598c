"""What is changed by the upgrade, and what plain vLLM is that ours is measured beside."""

import copy

import pytest
import yaml

from bench.rolling import RESTART_GATEWAY, RESTART_MODEL, RESTART_PLAIN, UPGRADE, Arm, figures, plain_objects, upgraded
from local.stack import local_settings
from stacks.stack_file import FOLDER


def test_the_upgrade_changes_one_argument_of_one_model_and_the_gateways_memory() -> None:
    written = yaml.safe_load((FOLDER / "Pulumi.local.yaml").read_text())["config"]
    changed = copy.deepcopy(written)
    upgraded(changed)
    first, second = changed["modelyard:models"]
    assert first["engine"] == {**written["modelyard:models"][0]["engine"], "maxModelLen": 1024}
    assert second == written["modelyard:models"][1]
    assert changed["modelyard:gateway"] == {**written["modelyard:gateway"], "memory": "640Mi"}


def test_plain_vllm_has_kubernetes_defaults() -> None:
    deployment, service = plain_objects(local_settings())
    spec = deployment["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    assert "strategy" not in deployment["spec"]
    assert "terminationGracePeriodSeconds" not in spec
    assert container["command"][2:4] == ["vllm.entrypoints.cli.main", "serve"]
    drain = container["command"].index("--shutdown-timeout")
    assert container["command"][drain + 1] == "0"
    assert [field for field in container if field.endswith("Probe") or field == "lifecycle"] == ["readinessProbe"]
    assert service["spec"]["selector"] == deployment["spec"]["template"]["metadata"]["labels"]


@pytest.mark.parametrize("lost_by", [RESTART_MODEL, RESTART_GATEWAY])
def test_the_figures_count_failed_requests(lost_by: str) -> None:
    failed = {RESTART_MODEL: 0, RESTART_GATEWAY: 0, UPGRADE: 2, RESTART_PLAIN: 7} | {lost_by: 3}
    arms = [Arm(what, 100, count, 0, 1.0, 60.0, ()) for what, count in failed.items()]
    assert figures(arms) == {"rolling_failed": 3, "upgrade_failed": 2, "plain_failed": 7}

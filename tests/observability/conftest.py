"""promtool, which is Prometheus's own reader of rules and its own engine."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.manifests.alerts import rule_groups
from local.extras import prepare_browser, prepare_prometheus
from local.paths import Paths
from stacks.settings import StackSettings
from tests.live.conftest import Quiet
from tests.observability.stacks import of

Promtool = Callable[..., str]
Told = Callable[..., None]


@pytest.fixture(scope="session")
def paths() -> Paths:
    """Where Prometheus, promtool and the operator's definitions are. They are made where they are not."""
    found = Paths.from_environment()
    prepare_prometheus(found, Quiet())
    return found


@pytest.fixture
def promtool(paths: Paths, tmp_path: Path) -> Promtool:
    """Runs promtool on files that it is given as data, and gives what it says."""

    def run(*arguments: str, **files: Any) -> str:
        for name, content in files.items():
            (tmp_path / f"{name}.yaml").write_text(yaml.safe_dump(content))
        done = subprocess.run(
            [paths.bin / "promtool", *arguments], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


@pytest.fixture
def told(promtool: Promtool) -> Told:
    """Holds what a stack's rules make of series against what is expected."""

    def hold(stack: StackSettings, series: dict[str, str], expected: dict[tuple[str, str], dict[str, float]]) -> None:
        """Hold it.

        Args:
            stack: whose rules.
            series: values minute by minute, in promtool's notation.
            expected: by time and expression, the samples with their values.
        """
        asked = [
            {
                "expr": expression,
                "eval_time": time,
                "exp_samples": [{"labels": labels, "value": value} for labels, value in samples.items()],
            }
            for (time, expression), samples in expected.items()
        ]
        inputs = [{"series": name, "values": values} for name, values in series.items()]
        test = {"interval": "1m", "input_series": inputs, "promql_expr_test": asked}
        rules = json.loads(json.dumps({"groups": rule_groups(stack, of(stack))}))
        promtool(
            "test", "rules", "test.yaml",
            rules=rules,
            test={"rule_files": ["rules.yaml"], "evaluation_interval": "1m", "fuzzy_compare": True, "tests": [test]},
        )  # fmt: skip

    return hold


@pytest.fixture(scope="session")
def chromium() -> None:
    """A Chromium and its driver. They are installed where they are not."""
    prepare_browser(Paths.from_environment(), Quiet())

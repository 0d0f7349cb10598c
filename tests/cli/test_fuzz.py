"""Whatever is wrong with a stack file is told in sentences: 10,000 mutations of the examples, and no traceback."""

import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import yaml

from stacks import stack_file
from stacks.artifacts import artifacts
from stacks.cli.exits import ExitCode
from stacks.cli.shown import models_document, models_table
from stacks.fit.report import problems, report, table
from stacks.settings import SettingsError, StackSettings, load_config
from stacks.warnings import warnings
from tests.cli.conftest import Stacks, run
from tests.cli.mutations import of_text, of_values

EXAMPLES = sorted(stack_file.FOLDER.glob("Pulumi.*.yaml"))
UNCOUNTED = {"JwtSettings", "TokenLimitSettings"}
"""Settings whose integers only the gateway reads."""
OF_VALUES, OF_TEXT, THROUGH_THE_COMMAND = 8_000, 2_000, 60


def use(stack: StackSettings) -> None:
    """Do with a stack what commands and previews do without a cluster."""
    warnings(stack)
    table(report(stack))
    problems(stack)
    artifacts(stack)
    models_document("mutated", stack)
    models_table(stack)


def test_other_values() -> None:
    documents = [yaml.safe_load(file.read_text()) for file in EXAMPLES]
    passed = refused = 0
    for mutated in islice(of_values(1, documents), OF_VALUES):
        config = mutated.get("config")
        if not isinstance(config, dict):
            continue
        try:
            stack = load_config({str(key): value for key, value in config.items()})
        except SettingsError:
            refused += 1
        else:
            use(stack)
            passed += 1
    # Neither is what was tried all nonsense, nor does everything pass.
    assert refused > 0.3 * OF_VALUES
    assert passed > 0.01 * OF_VALUES


def test_other_text(tmp_path: Path) -> None:
    file = tmp_path / "Pulumi.mutated.yaml"
    passed = 0
    for text in islice(of_text(2, [each.read_text() for each in EXAMPLES]), OF_TEXT):
        file.write_text(text)
        try:
            stack = stack_file.read(file)
        except SettingsError:
            continue
        use(stack)
        passed += 1
    assert 0.1 * OF_TEXT < passed < 0.9 * OF_TEXT


@pytest.mark.parametrize("command", ["models", "fit", "artifacts"])
def test_through_the_command(stacks: Stacks, command: str) -> None:
    texts = [each.read_text() for each in EXAMPLES]
    for text in islice(of_text(3, texts), THROUGH_THE_COMMAND):
        stacks.write_text(text)
        shown = run(command)
        assert shown.exit_code in (ExitCode.OK, ExitCode.FAILED, ExitCode.SETTINGS), shown.output
        assert "Traceback" not in shown.output
        if shown.exit_code == ExitCode.SETTINGS:
            assert shown.stderr.startswith("This stack cannot work as it is written:\n")


def integers(part: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], dict[str, Any]]]:
    """Every integer that a JSON schema describes, and where."""
    if isinstance(part, dict) and part.get("type") == "integer":
        yield place, part
    for key in part if isinstance(part, dict) else range(len(part)) if isinstance(part, list) else ():
        yield from integers(part[key], (*place, key))


def test_every_integer_has_an_end() -> None:
    schema = json.loads((stack_file.FOLDER / "schema.json").read_text())
    found = dict(integers(schema))
    endless = {place[1] for place, kind in found.items() if "maximum" not in kind and "enum" not in kind}
    assert endless <= UNCOUNTED
    assert len(found) > 50


@pytest.mark.parametrize("number", [10**9, 10**30])
@pytest.mark.parametrize(
    ("place", "changes"),
    [
        ("pools[0].gpusPerNode", {"pools": [{"name": "gpu", "gpusPerNode": None, "nodeSelector": {"pool": "gpu"}}]}),
        ("pools[0].maxNodes", {"pools": [{"name": "gpu", "maxNodes": None, "nodeSelector": {"pool": "gpu"}}]}),
        ("models[0].gpus", {"models": [{"name": "qwen", "source": "pvc://w/q", "pool": "gpu", "gpus": None}]}),
        ("models[0].replicas", {"models": [{"name": "qwen", "source": "pvc://w/q", "pool": "gpu", "replicas": None}]}),
        ("gateway.replicas", {"gateway": {"kind": "envoy", "replicas": None, "baseUrl": "http://llm.example.com/v1"}}),
    ],
)
def test_numbers_that_no_cluster_has(stacks: Stacks, place: str, changes: dict[str, Any], number: int) -> None:
    stacks.write(**json.loads(json.dumps(changes).replace("null", str(number))), routes=[])
    shown = run("models")
    assert shown.exit_code == ExitCode.SETTINGS
    assert f"modelyard:{place}: " in shown.stderr
    assert "less than or equal to" in shown.stderr


def test_a_stack_of_the_largest_numbers_is_told_in_time(stacks: Stacks) -> None:
    pool = {"name": "gpu", "gpusPerNode": 1024, "maxNodes": 100_000, "nodeSelector": {"pool": "gpu"}}
    model = {"name": "qwen", "source": "pvc://weights/qwen", "pool": "gpu", "replicas": 10_000}
    stacks.write(pools=[pool], models=[model], routes=[])
    use(stack_file.read_named("mine"))

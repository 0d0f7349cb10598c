"""Options about policy packs that Pulumi could not use are told as such, before it is run."""

from pathlib import Path

import pytest

from stacks import automation
from stacks.cli.exits import ExitCode
from tests.cli.conftest import Stacks, run


@pytest.fixture(autouse=True)
def nothing_runs(mine: Stacks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with a pack, and with files that are none of its parameters; Pulumi is not to be run."""
    for operation in ("preview", "up"):
        monkeypatch.setattr(automation, operation, lambda *_, **__: pytest.fail("Pulumi was run"))
    monkeypatch.chdir(tmp_path)
    for name, text in {
        "pack/PulumiPolicy.yaml": "runtime: python\n",
        "empty/README.md": "",
        "good.json": "{}",
        "broken.json": "{",
        "list.json": "[]",
        "binary.json": "\udcff",
    }.items():
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8", errors="surrogateescape")


@pytest.mark.parametrize("command", ["preview", "up --yes", "up --yes --json"])
@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ("--policy-pack nopack", "--policy-pack nopack: there is no such folder."),
        ("--policy-pack good.json", "--policy-pack good.json: there is no such folder."),
        ("--policy-pack empty", "--policy-pack empty: it has no PulumiPolicy.yaml, so it is no policy pack."),
        (
            "--policy-pack-config good.json",
            "--policy-pack-config good.json: 1 given for 0 of --policy-pack, and each is for the pack at its place.",
        ),
        (
            "--policy-pack pack --policy-pack pack --policy-pack-config good.json",
            "--policy-pack-config good.json: 1 given for 2 of --policy-pack, and each is for the pack at its place.",
        ),
        (
            "--policy-pack pack --policy-pack-config none.json",
            "--policy-pack-config none.json: No such file or directory.",
        ),
        ("--policy-pack pack --policy-pack-config pack", "--policy-pack-config pack: Is a directory."),
        (
            "--policy-pack pack --policy-pack-config broken.json",
            "--policy-pack-config broken.json: it is no JSON: Expecting property name enclosed in double quotes",
        ),
        ("--policy-pack pack --policy-pack-config binary.json", "--policy-pack-config binary.json: it is no JSON: "),
        (
            "--policy-pack pack --policy-pack-config list.json",
            "--policy-pack-config list.json: it has no parameters by rule in it.",
        ),
    ],
)
def test_what_pulumi_could_not_use(command: str, options: str, problem: str) -> None:
    shown = run(*command.split(), *options.split())
    assert shown.exit_code == ExitCode.USAGE
    assert problem in shown.output

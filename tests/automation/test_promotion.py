"""Shares of a route that a script moves: how they are worked out, and what is to be committed."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from stacks.automation import SettingsRefusedError
from stacks.automation.patch import patch_of
from stacks.automation.promotion import shares
from stacks.settings import UpstreamSettings

FILE = """\
# Our platform.
config:
  modelyard:models: [{name: old}, {name: new}]
  modelyard:routes:
    - model: chat # asked most
      upstreams: # a canary
        - { model: old, weight: 90 } # proven
        - { model: new, weight: 10 }
      fallback: [old]
    - model: chat
      headers: { x-group: b }
      upstreams: [{ model: old, weight: 50 }, { model: new, weight: 50 }]
    - model: short
      upstreams: [{ model: old }, { model: new, weight: 0 }]
    - model: aliased
      upstreams: &both [{ model: old, weight: 30 }, { model: new, weight: 70 }]
    - model: alias
      upstreams: *both
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A stack file of a checkout."""
    found = tmp_path / "stacks" / "Pulumi.prod.yaml"
    found.parent.mkdir()
    found.write_text(FILE, encoding="utf-8")
    return found


def upstreams(*weights: int) -> list[UpstreamSettings]:
    return [UpstreamSettings(model=f"m{index}", weight=weight) for index, weight in enumerate(weights)]


@pytest.mark.parametrize(
    ("weights", "index", "percent", "expected"),
    [
        ((90, 10), 1, 100, [0, 100]),
        ((90, 10), 1, 50, [50, 50]),
        ((90, 10), 0, 100, [100, 0]),
        ((90, 10), 1, 0, [100, 0]),
        ((0, 100), 1, 30, [70, 30]),
        ((60, 30, 10), 2, 40, [40, 20, 40]),
        ((50, 40, 10), 2, 25, [42, 33, 25]),
        ((0, 0, 100), 2, 51, [25, 24, 51]),
    ],
)
def test_the_others_divide_what_is_left(
    weights: Sequence[int], index: int, percent: int, expected: Sequence[int]
) -> None:
    found = shares(upstreams(*weights), index, percent)
    assert found == expected
    assert sum(found) == 100


@pytest.mark.parametrize("percent", [-1, 101])
def test_what_is_no_share(percent: int) -> None:
    with pytest.raises(SettingsRefusedError, match=f"{percent} is no share in percent"):
        shares(upstreams(90, 10), 1, percent)


def test_the_patch_changes_the_weights_and_nothing_else(file: Path) -> None:
    patch = patch_of(file, "chat", {}, [0, 100])
    assert patch.splitlines()[:2] == ["--- a/stacks/Pulumi.prod.yaml", "+++ b/stacks/Pulumi.prod.yaml"]
    assert file.read_text(encoding="utf-8") == FILE
    subprocess.run(["git", "init", "--quiet"], cwd=file.parent.parent, check=True)
    subprocess.run(["git", "apply"], cwd=file.parent.parent, input=patch, text=True, check=True)
    assert file.read_text(encoding="utf-8") == FILE.replace("weight: 90 } # proven", "weight: 0 } # proven").replace(
        "weight: 10 }", "weight: 100 }"
    )


@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["LF", "CRLF"])
@pytest.mark.parametrize("last", ["", "\n"], ids=["open", "ended"])
def test_the_patch_fits_whatever_ends_the_lines(file: Path, end: str, last: str) -> None:
    text = FILE[: FILE.index("    - model: chat\n")].replace("# asked most", "# asked \u2028 # \x85 # most").rstrip()
    text = f"{text}{last}".replace("\n", end)
    file.write_bytes(text.encode())
    patch = patch_of(file, "chat", {}, [0, 100])
    subprocess.run(["git", "init", "--quiet"], cwd=file.parent.parent, check=True)
    subprocess.run(["git", "apply"], cwd=file.parent.parent, input=patch.encode(), check=True)
    assert file.read_bytes().decode() == text.replace("weight: 90", "weight: 0").replace("weight: 10 ", "weight: 100 ")


def test_the_patch_is_for_the_route_with_these_headers(file: Path) -> None:
    patch = patch_of(file, "chat", {"x-group": "b"}, [0, 100])
    assert "+      upstreams: [{ model: old, weight: 0 }, { model: new, weight: 100 }]" in patch
    assert len([line for line in patch.splitlines()[2:] if line.startswith(("+", "-"))]) == 2


@pytest.mark.parametrize(
    ("route", "weights"),
    [("chat", [90, 10]), ("short", [0, 100]), ("aliased", [0, 100]), ("alias", [0, 100]), ("elsewhere", [0, 100])],
)
def test_no_patch_where_there_is_nothing_to_write_or_no_place(file: Path, route: str, weights: Sequence[int]) -> None:
    assert patch_of(file, route, {}, weights) == ""

"""What the documentation shows is what the program takes, and what it names is there."""

import re
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import yaml

from stacks.settings import ModelSettings, load_config

CHECKOUT = Path(__file__).parents[2]
PAGES = [CHECKOUT / "README.md", CHECKOUT / "CONTRIBUTING.md", *sorted((CHECKOUT / "docs").rglob("*.md"))]
OF_OTHERS = {"apiVersion", "rules", "served_names"}
"""Keys of examples that are for the cluster, for Prometheus Adapter, or for the entrypoint."""
MODEL = {field.alias for field in ModelSettings.model_fields.values()}
ROOMS = "bench|components|docs|local|serving|stacks|tests"


def blocks(page: Path) -> Iterator[tuple[str, str]]:
    """The YAML examples of a page, each with the page and line that it begins at."""
    text = page.read_text(encoding="utf-8")
    for found in re.finditer(r"```yaml\n(.*?)```", text, re.DOTALL):
        yield f"{page.name}:{text.count(chr(10), 0, found.start()) + 2}", found[1]


def examples() -> list[Any]:
    """Those that are no fragments of pools, which have tests of their own, and no objects of others."""
    shown = [(place, yaml.safe_load(block)) for page in PAGES for place, block in blocks(page)]
    return [
        pytest.param(value, id=place)
        for place, value in shown
        if not (isinstance(value, dict) and OF_OTHERS & value.keys())
        and not (isinstance(value, list) and "adapter" in value[0])
        and not (isinstance(value, dict) and "capacity" in value)
    ]


def completed(example: Any) -> dict[str, Any]:
    """A whole stack with an example in it: what it leaves out is added, and what it refers to is there."""
    stack = {f"modelyard:{key.removeprefix('modelyard:')}": value for key, value in _stack(example).items()}
    models = stack.setdefault("modelyard:models", [])
    named = {model["name"] for model in models}
    for name in _referred(stack) - named:
        models.append({"name": name})
    pools = stack.setdefault("modelyard:pools", [])
    for model in models:
        model.setdefault("source", f"pvc://weights/{model['name']}")
        model.setdefault("pool", pools[0]["name"] if pools else "gpu")
        if model["pool"] not in {pool["name"] for pool in pools}:
            pools.append({"name": model["pool"], "gpusPerNode": 8, "maxNodes": 9})
        if isinstance(model.get("config"), str):
            del model["config"]
        if (model.get("autoscaling") or {}).get("kind") == "keda":
            stack.setdefault("modelyard:prometheus", {"url": "http://prometheus.monitoring:9090"})
    numbers = count(1)
    return {key: _readable(value, numbers) for key, value in stack.items()}


def _stack(example: Any) -> dict[str, Any]:
    if isinstance(example, list):
        return {"models": example}
    if "speculativeConfig" in example:
        return {"models": [{"name": "m", "engine": example}]}
    if example.keys() <= MODEL:
        return {"models": [{"name": "m", **example}]}
    if "resources" in example:
        (platform,) = example["resources"].values()
        return dict(platform["properties"])
    return dict(example)


def _referred(stack: dict[str, Any]) -> set[str]:
    names: set[str] = set()
    for route in stack.get("modelyard:routes", []):
        upstreams = route.get("upstreams") or [{"model": route["model"]}]
        names |= {upstream["model"] for upstream in upstreams} | set(route.get("fallback", []))
    return names


def _readable(value: Any, numbers: Iterator[int]) -> Any:
    if isinstance(value, list):
        return [_readable(item, numbers) for item in value]
    if not isinstance(value, dict):
        return value
    if value.keys() == {"secure"}:
        return f"a-secret-that-is-long-enough-{next(numbers)}"
    return {key: _readable(item, numbers) for key, item in value.items()}


@pytest.mark.parametrize("example", examples())
def test_examples_load(example: Any) -> None:
    load_config(completed(example))


def test_most_examples_are_looked_at() -> None:
    assert len(examples()) > 25


def _headings(page: Path) -> set[str]:
    """The anchors of a page, as GitHub makes them of headings."""
    prose = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    found = re.findall(r"^#+ (.*)$", prose, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in found}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if re.match(r"https?:", target):
            continue
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        if not there.exists() or (anchor and anchor not in _headings(there)):
            broken.append(target)
    assert broken == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_that_are_named_exist(page: Path) -> None:
    named = re.findall(rf"`((?:{ROOMS})/[\w./-]+)`", page.read_text(encoding="utf-8"))
    assert [name for name in named if not (CHECKOUT / name).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_that_are_named_exist(page: Path) -> None:
    makefile = (CHECKOUT / "Makefile").read_text(encoding="utf-8")
    targets = {name for line in re.findall(r"^([a-z][a-z -]*):", makefile, re.MULTILINE) for name in line.split()}
    named = re.findall(r"(?:^|`)make (?:-s )?([a-z-]+)", page.read_text(encoding="utf-8"), re.MULTILINE)
    assert set(named) <= targets


def test_every_page_is_reached_from_the_readme() -> None:
    readme = (CHECKOUT / "README.md").read_text(encoding="utf-8")
    pages = {f"docs/{page.name}" for page in (CHECKOUT / "docs").glob("*.md")}
    assert pages <= {target.partition("#")[0] for target in re.findall(r"\]\(([^)\s]+)\)", readme)}


def test_every_folder_of_code_is_in_the_architecture() -> None:
    text = (CHECKOUT / "docs" / "architecture.md").read_text(encoding="utf-8")
    modules = [file for file in (CHECKOUT / "stacks").glob("*.py") if file.name != "__init__.py"]
    folders = [file.parent for room in ("stacks", "components") for file in (CHECKOUT / room).glob("*/__init__.py")]
    assert [file.name for file in modules if f"{file.name}`" not in text] == []
    assert [folder.name for folder in folders if f"/{folder.name}/`" not in text] == []
    tests = next(line for line in text.splitlines() if line.startswith("| `tests/` |"))
    tested = [file.parent.name for file in (CHECKOUT / "tests").glob("*/__init__.py")]
    assert [name for name in tested if name not in tests] == []

"""What is shipped is pinned by a hash, and its bills of materials name all of it."""

import json
import re
import tomllib
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from local import sbom
from local.paths import CHECKOUT
from stacks.artifacts import artifacts
from stacks.stack_file import read_named

LOCK = tomllib.loads((CHECKOUT / "uv.lock").read_text())
MODULES = sorted(CHECKOUT.glob("local/toolchain/*/go.mod"))


def read(text: str) -> dict[str, Any]:
    problem = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    assert problem is None, problem
    found: dict[str, Any] = json.loads(text)
    return found


def test_every_python_package_is_locked_with_a_hash() -> None:
    others = [package for package in LOCK["package"] if package["source"] != {"editable": "."}]
    assert len(others) > 50
    for package in others:
        files = [*package.get("wheels", []), *([package["sdist"]] if "sdist" in package else [])]
        assert files, package["name"]
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", file["hash"]) for file in files), package["name"]


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.parent.name)
def test_every_go_module_has_its_hash(module: Any) -> None:
    text = module.read_text()
    required = set(re.findall(r"^\s*(?:require\s+)?(\S+\.\S+) (v\S+)", text, re.MULTILINE))
    replaced = {name for name, _ in re.findall(r"^\s*(?:replace\s+)?(\S+)(?: v\S+)? => (\S+)", text, re.MULTILINE)}
    sums = {tuple(line.split()[:2]) for line in (module.parent / "go.sum").read_text().splitlines()}
    kept = {(name, version) for name, version in required if name not in replaced}
    assert kept
    assert {(name, f"{version}/go.mod") for name, version in kept} <= sums


def test_the_bill_of_go_names_what_the_cluster_is_built_from() -> None:
    found = read(sbom.bill("cluster", sbom.go_modules()))
    (etcd,) = [each for each in found["components"] if each["name"] == "go.etcd.io/etcd/server/v3"]
    assert etcd["purl"] == f"pkg:golang/go.etcd.io/etcd/server/v3@{etcd['version']}"
    assert etcd["properties"][0]["value"].startswith("h1:")
    names = {each["name"] for each in found["components"]}
    assert {"k8s.io/kubernetes", "github.com/coredns/coredns", "sigs.k8s.io/kwok"} <= names


@pytest.mark.parametrize("stack", ["local", "seed", "prod"])
def test_the_bill_of_a_stack_names_all_that_is_pulled(stack: str) -> None:
    listed = artifacts(read_named(stack))
    found = read(sbom.bill(stack, sbom.pulled(listed)))
    assert {(each["name"], each.get("version", "")) for each in found["components"]} == {
        (each.name, each.version) for each in listed
    }
    assert "machine-learning-model" in {each["type"] for each in found["components"]} or stack == "local"

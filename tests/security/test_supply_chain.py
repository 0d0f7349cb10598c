"""What is shipped is pinned by a hash, and its bills of materials name all of it."""

import json
import os
import re
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
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


@pytest.mark.parametrize("file", [*sbom.OF_SERVING, CHECKOUT / "local" / "uv.txt"], ids=lambda file: file.name)
def test_what_pip_installs_for_who_ships_is_pinned_by_hashes(file: Path) -> None:
    lines = [line for line in file.read_text().replace("\\\n", "").splitlines() if not line.startswith("#")]
    assert lines
    assert all(re.fullmatch(r"[\w.-]+==\S+( +--hash=sha256:[0-9a-f]{64})+", line) for line in lines), lines


def test_images_are_made_with_these_files_alone() -> None:
    text = (CHECKOUT / "serving" / "Containerfile").read_text().replace("\\\n", "")
    installs = [line for line in text.splitlines() if "pip install" in line]
    assert installs
    assert all("--require-hashes" in line and "--no-deps" in line and "==" not in line for line in installs)
    assert re.search(r"COPY ((\S+ )+)/opt/modelyard/\n", text).group(1).split() == [  # type: ignore[union-attr]
        str(file.relative_to(CHECKOUT)) for file in sbom.OF_SERVING
    ]
    assert "pip install --quiet --disable-pip-version-check --require-hashes" in (CHECKOUT / "Makefile").read_text()


def test_the_bills_of_requirements_name_each_package() -> None:
    serving = read(sbom.bill("serving", sbom.python_packages(*sbom.OF_SERVING)))["components"]
    assert {"boto3", "botocore", "modelscope-hub"} <= {each["name"] for each in serving}
    for each in serving:
        (archives,) = each["externalReferences"]
        assert {one["alg"] for one in archives["hashes"]} == {"SHA-256"}
        assert each["purl"] == f"pkg:pypi/{each['name']}@{each['version']}"
    vllm = read(sbom.bill("vllm", sbom.python_packages(*sbom.VLLM)))["components"]
    lines = [line for line in sbom.VLLM[0].read_text().splitlines() if line and not line.startswith(("#", " "))]
    assert len(vllm) == len(lines) > 100
    assert ("torch", "2.13.0") in {(each["name"], each["version"]) for each in vllm}


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


@contextmanager
def osv(*vulnerable: str, status: int = 200) -> Iterator[str]:
    """A database of vulnerabilities that knows one of each of these packages, in the words of https://osv.dev."""
    flaw = {"id": "GHSA-0000-0000-0000", "modified": "2026-01-01T00:00:00Z"}

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["content-length"])))["queries"]
            self._answer({"results": [{"vulns": [flaw]} if _name(each) in vulnerable else {} for each in asked]})

        def do_GET(self) -> None:
            self._answer({**flaw, "schema_version": "1.6.0", "summary": "made up", "affected": []})

        def _answer(self, body: dict[str, Any]) -> None:
            text = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: Any) -> None:
            """Nothing goes to stderr."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


def _name(query: dict[str, Any]) -> str:
    return str(query["package"]["name"])


def make(target: str, *variables: str, folder: Path = CHECKOUT) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["make", "--no-print-directory", target, *variables],
        cwd=folder,
        env={**os.environ, "NO_PROXY": "127.0.0.1", "UV_NO_PROGRESS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


NOT_AUDITED = "not audited: OSV, the database of vulnerabilities, is not reached from here"


@pytest.mark.parametrize("package", ["pulumi", "moto"])
def test_an_audit_fails_on_a_vulnerable_package_of_any_group(package: str) -> None:
    with osv(package) as url:
        done = make("audit", f"OSV={url}")
    assert done.returncode != 0
    assert package in done.stderr
    assert "GHSA-0000-0000-0000" in done.stderr
    assert NOT_AUDITED not in done.stderr


def test_an_audit_passes_where_nothing_is_known() -> None:
    with osv("torch") as url:
        done = make("audit", f"OSV={url}")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_an_audit_that_could_ask_nobody_says_so_and_fails_nothing() -> None:
    with osv(status=503) as url:
        busy = make("audit", f"OSV={url}")
    away = make("audit", f"OSV={url}")
    for done in (busy, away):
        assert (done.returncode, done.stderr.splitlines()[-1]) == (0, NOT_AUDITED)


def test_an_audit_that_could_not_begin_fails(tmp_path: Path) -> None:
    for name in ("Makefile", "pyproject.toml", "uv.lock"):
        shutil.copy(CHECKOUT / name, tmp_path)
    with (tmp_path / "uv.lock").open("a") as lock:
        lock.write("no lock [")
    done = make("audit", folder=tmp_path)
    assert done.returncode != 0
    assert "uv.lock" in done.stderr
    assert NOT_AUDITED not in done.stderr


def test_lint_which_ci_runs_audits() -> None:
    assert re.search(r"^make lint$", (CHECKOUT / ".ci" / "run").read_text(), re.MULTILINE)
    planned = subprocess.run(["make", "--dry-run", "lint"], cwd=CHECKOUT, capture_output=True, text=True, check=True)
    assert "audit --quiet --frozen" in planned.stdout


def test_make_sbom_writes_valid_bills_with_the_hash_of_every_package(tmp_path: Path) -> None:
    done = make("sbom", f"SBOM={tmp_path}", "STACK=prod")
    assert done.returncode == 0, done.stderr
    python = (tmp_path / "python.cdx.json").read_text()
    problem = JsonStrictValidator(SchemaVersion.V1_5).validate_str(python)
    assert problem is None, problem
    found = {each["name"]: each for each in json.loads(python)["components"]}
    # The program's own, those of clouds, and what the embedded cluster needs beside.
    assert {"pulumi", "pydantic", "pulumi-aws", "cryptography", "openai"} <= found.keys()
    for each in found.values():
        hashes = [made["hashes"] for made in each["externalReferences"] if made["type"] == "distribution"]
        assert hashes, each["name"]
        assert all(one["alg"] == "SHA-256" for made in hashes for one in made), each["name"]
    for name in ("go", "vllm", "serving", "stack"):
        read((tmp_path / f"{name}.cdx.json").read_text())

"""Bills of materials of what is not Python, in CycloneDX: ``python -m local.sbom <folder> <stack>``.

``go.cdx.json`` has the modules that the embedded cluster and its tools are built from, with the hashes by which Go
checks them. ``vllm.cdx.json`` has the packages of the embedded cluster's vLLM, ``serving.cdx.json`` those that
``serving/Containerfile`` adds to an image of vLLM's, and ``stack.cdx.json`` what a stack has its cluster pull. Of this
program's own packages, uv writes one from its lock.
"""

import json
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from cyclonedx.model import ExternalReference, ExternalReferenceType, HashAlgorithm, HashType, Property, XsUri
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from packageurl import PackageURL

from local.paths import CHECKOUT
from stacks.artifacts import Artifact, artifacts
from stacks.stack_file import read_named

TOOLCHAIN = CHECKOUT / "local" / "toolchain"
VLLM = (CHECKOUT / "local" / "vllm" / "requirements.txt",)
"""The packages of the embedded cluster's vLLM."""
OF_SERVING = (CHECKOUT / "serving" / "boto3.txt", CHECKOUT / "serving" / "modelscope-hub.txt")
"""What ``serving/Containerfile`` adds to an image."""

_TYPES = {
    "image": ComponentType.CONTAINER,
    "weights": ComponentType.MACHINE_LEARNING_MODEL,
    "chart": ComponentType.APPLICATION,
    "plugin": ComponentType.APPLICATION,
}

_PINNED = re.compile(r"^([\w.-]+)==(\S+)((?:.*\\\n)*.*)$", re.MULTILINE)
_SHA256 = re.compile(r"sha256:([0-9a-f]{64})")


def go_modules(folder: Path = TOOLCHAIN) -> Iterator[Component]:
    """The Go modules that programs under a folder are built from, each once, with the hash in ``go.sum``."""
    found = {line for sums in sorted(folder.rglob("go.sum")) for line in sums.read_text(encoding="utf-8").splitlines()}
    for name, version, digest in sorted(tuple(line.split()) for line in found):
        # Of the others only the list of what they need is read.
        if not version.endswith("/go.mod"):
            yield _component(
                ComponentType.LIBRARY, name, version, PackageURL("golang", *_parted(name), version), ("go.sum", digest)
            )


def python_packages(*files: Path) -> Iterator[Component]:
    """The packages of files of requirements, with the hashes of all their archives where the file has them."""
    for file in files:
        for name, version, rest in _PINNED.findall(file.read_text(encoding="utf-8")):
            found = _component(
                ComponentType.LIBRARY, name, version, PackageURL("pypi", None, name, version), ("file", file.name)
            )
            archives = [HashType(alg=HashAlgorithm.SHA_256, content=digest) for digest in _SHA256.findall(rest)]
            where = XsUri(f"https://pypi.org/project/{name}/{version}/")
            if archives:
                kind = ExternalReferenceType.DISTRIBUTION
                found.external_references.add(ExternalReference(type=kind, url=where, hashes=archives))
            yield found


def pulled(found: Iterable[Artifact]) -> Iterator[Component]:
    """Images, charts, plugins and weights."""
    for each in found:
        yield _component(_TYPES[each.kind], each.name, each.version, None, ("source", each.source))


def bill(name: str, components: Iterable[Component]) -> str:
    """The bill of some components, as JSON of CycloneDX 1.6."""
    whole = Component(name=name, type=ComponentType.APPLICATION, bom_ref=name)
    bom = Bom(components=components)
    bom.metadata.component = whole
    bom.register_dependency(whole, bom.components)
    text = make_outputter(bom, OutputFormat.JSON, SchemaVersion.V1_6).output_as_string()
    return json.dumps(json.loads(text), indent=2) + "\n"


def _component(
    kind: ComponentType, name: str, version: str, purl: PackageURL | None, said: tuple[str, str]
) -> Component:
    title, value = said
    return Component(
        type=kind,
        name=name,
        version=version or None,
        purl=purl,
        bom_ref=f"{kind.value}:{name}@{version}",
        properties=[Property(name=f"modelyard:{title}", value=value)],
    )


def _parted(name: str) -> tuple[str, str]:
    namespace, _, last = name.rpartition("/")
    return namespace, last


def main(folder: Path, stack: str) -> None:
    """Write them all."""
    bills = {
        "go": bill("modelyard-embedded-cluster", go_modules()),
        "vllm": bill("modelyard-embedded-vllm", python_packages(*VLLM)),
        "serving": bill("modelyard-serving", python_packages(*OF_SERVING)),
        "stack": bill(stack, pulled(artifacts(read_named(stack)))),
    }
    for name, text in bills.items():
        (folder / f"{name}.cdx.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])

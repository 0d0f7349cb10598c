"""Bills of materials of what is not Python, in CycloneDX: ``python -m local.sbom <folder> <stack>``.

``go.cdx.json`` has the modules that the embedded cluster and its tools are built from, with the hashes by which Go
checks them. ``stack.cdx.json`` has what a stack has its cluster pull. Of Python, uv writes one from its lock.
"""

import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from cyclonedx.model import Property
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from packageurl import PackageURL

from local.paths import CHECKOUT
from stacks.artifacts import Artifact, artifacts
from stacks.stack_file import read_named

TOOLCHAIN = CHECKOUT / "local" / "toolchain"

_TYPES = {
    "image": ComponentType.CONTAINER,
    "weights": ComponentType.MACHINE_LEARNING_MODEL,
    "chart": ComponentType.APPLICATION,
    "plugin": ComponentType.APPLICATION,
}


def go_modules(folder: Path = TOOLCHAIN) -> Iterator[Component]:
    """The Go modules that programs under a folder are built from, each once, with the hash in ``go.sum``."""
    found = {line for sums in sorted(folder.rglob("go.sum")) for line in sums.read_text(encoding="utf-8").splitlines()}
    for name, version, digest in sorted(tuple(line.split()) for line in found):
        # Of the others only the list of what they need is read.
        if not version.endswith("/go.mod"):
            yield _component(
                ComponentType.LIBRARY, name, version, PackageURL("golang", *_parted(name), version), ("go.sum", digest)
            )


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
    """Write both bills."""
    (folder / "go.cdx.json").write_text(bill("modelyard-embedded-cluster", go_modules()), encoding="utf-8")
    (folder / "stack.cdx.json").write_text(bill(stack, pulled(artifacts(read_named(stack)))), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])

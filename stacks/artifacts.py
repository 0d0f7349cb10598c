"""Everything that a stack has the cluster pull, for who fills the mirror of a site without internet.

``modelyard artifacts`` prints it: charts, images, Wasm plugins and weights, each with its
public address and with the one that the stack takes it from. It reads the stack file alone, and
needs neither Pulumi nor the stack's passphrase.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from components.manifests.gpu_software import release as gpu_software
from components.manifests.helm import ChartSource
from components.manifests.higress import chart, collection
from components.manifests.higress.images import images
from components.manifests.images import mirrored
from components.manifests.llmaz import release as llmaz
from components.manifests.llmaz.images import images as llmaz_images
from components.manifests.multi_node import release as leader_worker_set
from stacks.settings import StackSettings
from stacks.settings.sources import BucketSource, HubSource, ImageSource, weights_source


@dataclass(frozen=True)
class Artifact:
    """A thing to be pulled."""

    kind: Literal["chart", "image", "plugin", "weights"]
    """What it is."""
    name: str
    """What it is called."""
    version: str
    """Its tag, digest, revision or chart version. Empty where its address says none."""
    source: str
    """Where it is published, or what the stack says of it."""
    mirror: str | None = None
    """Where the stack takes it from instead. None: from its source."""


def artifacts(stack: StackSettings) -> list[Artifact]:
    """Everything that the stack has the cluster pull."""
    public = stack.model_copy(update={"image_mirror": None})
    found = [
        replace(there, mirror=None if here.source == there.source else here.source)
        for there, here in zip(_pulled(public), _pulled(stack), strict=True)
    ]
    # A plugin may be on the gateway more than once.
    return list(dict.fromkeys(found))


def table(found: list[Artifact]) -> str:
    """The artifacts as lines of columns."""
    rows = [("KIND", "NAME", "VERSION", "SOURCE", "MIRROR")]
    rows += [(each.kind, each.name, each.version or "-", each.source, each.mirror or "-") for each in found]
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def _pulled(stack: StackSettings) -> Iterator[Artifact]:
    if stack.gateway.kind == "higress":
        yield from _higress(stack)
    else:
        yield _image(mirrored(stack.envoy.image, stack.image_mirror))
    if any(model.backend == "llmaz" for model in stack.models):
        yield _chart(llmaz.RELEASE, llmaz.source(stack))
        yield from map(_image, llmaz_images(stack))
    if sets := leader_worker_set.release(stack):
        yield _chart(sets.name, sets.source)
        yield _image(leader_worker_set.image(stack))
    if stack.gpu_software.kind != "none":
        for release in gpu_software.releases(stack, stack.gpu_software):
            yield _chart(release.name, release.source)
        yield from map(_image, gpu_software.images(stack, stack.gpu_software))
    pools = {pool.name: pool for pool in stack.pools}
    for image in dict.fromkeys(stack.serving.image_on(pools[model.pool].accelerator) for model in stack.models):
        yield _image(mirrored(image, stack.image_mirror))
    for model in stack.models:
        match weights_source(model.source):
            case HubSource() | BucketSource():
                yield Artifact("weights", model.name, model.revision or "", model.source)
            case ImageSource(reference=reference):
                yield _image(mirrored(reference, stack.image_mirror))


def _higress(stack: StackSettings) -> Iterator[Artifact]:
    yield _chart(chart.RELEASE, chart.chart_source(stack))
    yield from map(_image, images(stack))
    for manifest in collection.plugin_objects(stack):
        if manifest["kind"] == "WasmPlugin":
            address = manifest["spec"]["url"]
            name = manifest["metadata"]["labels"]["higress.io/wasm-plugin-name"]
            yield Artifact("plugin", name, _version(address), address)


def _chart(name: str, source: ChartSource) -> Artifact:
    return Artifact("chart", name, source.version or "", source.repository or source.chart)


def _image(address: str) -> Artifact:
    version = _version(address)
    name = address.rpartition("/")[2].partition("@")[0].partition(":")[0]
    return Artifact("image", name, version, address)


def _version(address: str) -> str:
    last = address.rpartition("/")[2]
    return last.partition("@" if "@" in last else ":")[2]

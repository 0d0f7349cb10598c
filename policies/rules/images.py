"""Images and plugins: what runs tomorrow is what was tried today."""

import re
from collections.abc import Iterator

from policies.pack.kubernetes.pods import Pod, pods
from policies.pack.resource import RELEASE, Resource
from policies.pack.rule import Parameter, Problem, Rule, View, each
from policies.pack.values import at, items, leaves, mapping, text

RANGE = re.compile(r"[\^~*<>=|,\s]|(?:^|\.)[xX](?:\.|$)|^v?\d+(?:\.\d+)?$")
"""What Helm takes for several versions: 1.2 stands for all of 1.2.x."""
RELEASE_IN_PATH = re.compile(r"\d+\.\d+")
"""A version, in the path of a file."""


def _images(view: View) -> Iterator[Problem]:
    digests = bool(view.parameters["requireDigest"])
    yield from each(pods(view), lambda pod: _of_pod(pod, digests))
    yield from each(view.resources, lambda resource: _of_resource(resource, digests))


def _of_pod(pod: Pod, digests: bool) -> Iterator[Problem]:
    for container in pod.all_containers:
        yield from _judged(pod.resource, f"{container.name} runs", text(container.spec, "image"), digests)
    for volume in items(pod.spec, "volumes"):
        if at(volume, "image") is not None:
            reference = text(volume, "image", "reference")
            yield from _judged(pod.resource, f"volume {text(volume, 'name')!r} is", reference, digests)


def _of_resource(resource: Resource, digests: bool) -> Iterator[Problem]:
    if resource.type == RELEASE:
        yield from _chart(resource)
        for path, value in leaves(mapping(resource.props, "values")):
            name = ".".join(path)
            if path[-1].lower() in ("tag", "imagetag") and isinstance(value, str) and _moves(value):
                yield Problem(resource, f"the chart's value {name} is {value!r}")
            if path[-1] == "image" and isinstance(value, str) and "/" in value:
                yield from _judged(resource, f"the chart's value {name} is", value, digests)
    elif resource.kind == "WasmPlugin":
        yield from _plugin(resource, digests)
    elif resource.kind == "BackendRuntime":
        image = f"{text(resource.props, 'spec', 'image')}:{text(resource.props, 'spec', 'version')}"
        yield from _judged(resource, "models run", image, digests)


def _plugin(resource: Resource, digests: bool) -> Iterator[Problem]:
    url = text(resource.props, "spec", "url")
    scheme, has_scheme, rest = url.partition("://")
    if text(resource.props, "spec", "sha256") or scheme == "file":
        return
    if not has_scheme or scheme == "oci":
        yield from _judged(resource, "the plugin is", rest or url, digests)
    elif digests or not RELEASE_IN_PATH.search(rest.partition("/")[2]):
        yield Problem(resource, f"the plugin is {url!r}, a file that may change", "write its checksum as `sha256`")


def _chart(resource: Resource) -> Iterator[Problem]:
    chart = text(resource.props, "chart")
    is_local = chart.startswith((".", "/")) or chart.endswith(".tgz")
    version = text(resource.props, "version")
    if chart and not is_local and RANGE.search(version):
        yield Problem(
            resource,
            f"the chart {chart!r} has the version {version!r}, which stands for several",
            "write the version that was tried as `version`",
        )
    elif chart and not is_local and not version:
        yield Problem(
            resource,
            f"the chart {chart!r} has no version",
            "write the version that was tried as `version`",
        )


def _judged(resource: Resource, begin: str, image: str, digests: bool) -> Iterator[Problem]:
    if not image or re.search(r"@sha256:[0-9a-f]{64}$", image):
        return
    name, _, tag = image.rpartition("/")[2].partition(":")
    if not tag:
        yield Problem(resource, f"{begin} {image!r}, which has no tag, so latest", f"write {name}@sha256:..., or a tag")
    elif _moves(tag):
        yield Problem(resource, f"{begin} {image!r}")
    elif digests:
        yield Problem(
            resource,
            f"{begin} {image!r}, a tag where digests are asked for",
            f"write {name}@sha256:... with the digest that `crane digest {image}` prints",
        )


def _moves(tag: str) -> bool:
    # Without a number it names no release, but a branch or a kind, such as `cpu`.
    if not re.search(r"\d", tag):
        return True
    words = re.split(r"[-_.]", tag.lower())
    return "latest" in words or "nightly" in words


RULES = (
    Rule(
        id="pinned-images",
        what="Images, plugins and charts are named by a digest, or by a tag that stays.",
        why="so a restart may bring another program than the one that was tried",
        instead="write a digest (name@sha256:...) or the tag of a release",
        severity="high",
        scope="resource",
        check=_images,
        parameters=(Parameter("requireDigest", "boolean", "Whether a tag will not do, only a digest", False),),
    ),
)

"""Where a model's weights are: the places that a ``source`` can name."""

from dataclasses import dataclass
from typing import Annotated, Literal

from stacks.settings.base import Form

Source = Annotated[
    str,
    Form(
        r"^(?!.*[/#]\.{1,2}(/|#|$))"
        r"((hf|modelscope)://[\w.-]+/[\w.-]+"
        r"|pvc://[a-z0-9]([-a-z0-9.]*[a-z0-9])?(/.*)?"
        r"|s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[^\s?#]*)?"
        r"|oci://[\w.-]+(:[0-9]+)?(/[a-z0-9._-]+)+(:\w[\w.-]{0,127})?(@sha256:[0-9a-f]{64})?(#[\w./-]+)?"
        r"|file:///[^/:\n][^:\n]*)$",
        "is no place that weights are read from: write hf://<organisation>/<repository>, "
        "modelscope://<organisation>/<repository>, pvc://<claim>/<path in it>, s3://<bucket>/<path in it>, "
        "oci://<registry>/<image>:<tag> or file:///<path on the node>, with no '..' in it",
    ),
]
"""Where weights are, as a stack file writes it."""


@dataclass(frozen=True)
class HubSource:
    """A repository of a model hub."""

    hub: Literal["hf", "modelscope"]
    """Hugging Face or ModelScope."""
    repository: str
    """Organisation and repository."""


@dataclass(frozen=True)
class ClaimSource:
    """A folder of a PersistentVolumeClaim that exists."""

    claim: str
    """The claim's name."""
    path: str
    """The folder in it. Empty for its root."""


@dataclass(frozen=True)
class BucketSource:
    """Objects of a bucket, which are streamed into the GPU's memory and kept nowhere."""

    uri: str
    """Bucket and path as vLLM takes them, beginning with ``s3://``."""


@dataclass(frozen=True)
class ImageSource:
    """A container image, or an OCI artifact, with the weights in it."""

    reference: str
    """The image's address, with its tag, its digest or both."""
    folder: str
    """The folder in it. Empty for its root."""

    @property
    def pinned(self) -> bool:
        """Whether the address can only ever mean this one image."""
        return "@sha256:" in self.reference


@dataclass(frozen=True)
class FolderSource:
    """A folder of every node of the pool."""

    path: str
    """Its absolute path."""


WeightsSource = HubSource | ClaimSource | BucketSource | ImageSource | FolderSource
"""Any place that weights can be."""


def weights_source(source: str) -> WeightsSource:
    """The place that a ``source`` names."""
    scheme, _, place = source.partition("://")
    match scheme:
        case "hf" | "modelscope":
            return HubSource(scheme, place)
        case "pvc":
            claim, _, path = place.partition("/")
            return ClaimSource(claim, path.strip("/"))
        case "s3":
            return BucketSource(source.rstrip("/"))
        case "oci":
            reference, _, folder = place.partition("#")
            return ImageSource(reference, folder.strip("/"))
        case _:
            return FolderSource(place)

"""The container that every model runs in."""

from typing import Annotated, Literal

from pydantic import Field

from stacks.accelerators import ACCELERATORS, AcceleratorName
from stacks.settings.base import AbsolutePath, Form, Name, Settings
from stacks.settings.weights import WeightsSettings

LabelKey = Annotated[
    str,
    Form(
        r"^([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$",
        "is no key that Kubernetes takes for a label or an annotation: write one such as team or example.com/team",
    ),
]
"""The key of a label or an annotation."""
LabelValue = Annotated[
    str,
    Form(
        r"^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$",
        "is nothing that Kubernetes takes for a label: use up to 63 letters, digits, '-', '_' and '.', and begin and "
        "end with a letter or a digit",
    ),
]
"""The value of a label."""


class HostPathMount(Settings):
    """A folder of the node that every model container sees, read-only."""

    name: Name
    """Name of the volume."""
    host_path: AbsolutePath
    """Absolute path on the node."""
    mount_path: AbsolutePath
    """Absolute path in the container."""


class ServingSettings(Settings):
    """The container that every model runs in."""

    image: str = Field(default=ACCELERATORS["nvidia"].image, min_length=1)
    """Image with vLLM, for models on any accelerator. Default: by the accelerator of a model's pool, this one for
    GPUs of NVIDIA's."""
    images: dict[AcceleratorName, Annotated[str, Field(min_length=1)]] = {}
    """Images for models on an accelerator, before ``image``."""
    entrypoint: Literal["vllm", "modelyard"] = "vllm"
    """What the container runs: ``vllm serve``, or Modelyard's ``serving`` package, for an image that
    ``serving/Containerfile`` has made."""
    preflight: Literal["refuse", "warn"] = "refuse"
    """Whether a replica starts although a check before its start failed. For ``entrypoint: modelyard``."""
    image_pull_policy: Literal["IfNotPresent", "Always", "Never"] = "IfNotPresent"
    """When the node pulls the image."""
    python: str = "python3"
    """The Python that has vLLM, in the container."""
    host_paths: tuple[HostPathMount, ...] = ()
    """Folders of the node to mount, read-only."""
    weights: WeightsSettings = WeightsSettings()
    """How weights come into the pods of models that say nothing else, and where they are kept."""
    runtime_class: str | None = None
    """The pods' RuntimeClass, such as ``nvidia``."""
    service_account: Name | None = None
    """The pods' ServiceAccount, for clouds that give rights to it. Its token is not in the container."""
    image_pull_secrets: tuple[Name, ...] = ()
    """Secrets of the models' namespace with which the image is pulled."""
    pod_labels: dict[LabelKey, LabelValue] = {}
    """Further labels of the pods."""
    pod_annotations: dict[LabelKey, str] = {}
    """Further annotations of the pods."""

    def image_on(self, accelerator: AcceleratorName) -> str:
        """The image of models on an accelerator."""
        if accelerator in self.images:
            return self.images[accelerator]
        return self.image if "image" in self.model_fields_set else ACCELERATORS[accelerator].image

"""A resource as the engine shows it to policies."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pulumi_policy.proxy import unknown_checking_proxy

from policies.pack.values import Properties, mapping, text

SIGNATURE = "4dabf18193072939515e22adb298388d"
"""The key by which Pulumi's wire format marks a wrapped value, and its value for secrets."""
SECRET = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - a mark of the protocol

STACK = "pulumi:pulumi:Stack"
"""The type of the resource whose properties are the stack's outputs."""
RELEASE = "kubernetes:helm.sh/v3:Release"
"""The type of a Helm release."""
NO_OBJECTS = ("kubernetes:helm.sh/", "kubernetes:yaml", "kubernetes:kustomize", "kubernetes:index")
"""Types of the Kubernetes provider that are no objects themselves."""

Path = tuple[str, ...]
"""Keys from a resource's properties down to a value."""


@dataclass(frozen=True)
class Resource:
    """A resource of a stack. What is looked at in ``props`` and not known yet raises ``UnknownValueError``."""

    urn: str
    type: str
    """The type's token, such as ``kubernetes:apps/v1:StatefulSet``."""
    name: str
    """The name that the program gives it."""
    props: Properties
    """What the program asks for, and in a whole stack, what is there."""
    secrets: frozenset[Path] = frozenset()
    """Where secrets stand in them."""

    @property
    def is_object(self) -> bool:
        """Whether it is a whole Kubernetes object: no chart, and no part of an object of others."""
        return (
            self.type.startswith("kubernetes:")
            and not self.type.startswith(NO_OBJECTS)
            and not self.type.endswith("Patch")
        )

    @cached_property
    def kind(self) -> str:
        """The kind of a Kubernetes object, or nothing."""
        return self.type.rpartition(":")[2] if self.is_object else ""

    @cached_property
    def api_version(self) -> str:
        """The ``apiVersion`` of a Kubernetes object, or nothing."""
        if not self.is_object:
            return ""
        return text(self.props, "apiVersion") or self.type.split(":")[1].removeprefix("core/")

    @property
    def group(self) -> str:
        """The API group of a Kubernetes object, or nothing."""
        return self.api_version.rpartition("/")[0]

    @property
    def metadata(self) -> Properties:
        """Its metadata."""
        return mapping(self.props, "metadata")

    @property
    def namespace(self) -> str:
        """Its namespace."""
        return text(self.metadata, "namespace") or "default"

    @property
    def object_name(self) -> str:
        """Its name in the cluster."""
        return text(self.metadata, "name")

    @property
    def labels(self) -> Properties:
        """Its labels."""
        return mapping(self.metadata, "labels")

    @property
    def annotations(self) -> Properties:
        """Its annotations."""
        return mapping(self.metadata, "annotations")

    def is_secret(self, path: Path) -> bool:
        """Whether the value there, or something around it, is marked as a secret."""
        return any(path[: len(secret)] == secret for secret in self.secrets)


def resource(urn: str, type_: str, name: str, wire: Mapping[str, Any]) -> Resource:
    """A resource out of its properties as they come over the wire."""
    secrets: set[Path] = set()
    plain = _plain(wire, (), secrets)
    return Resource(urn, type_, name, unknown_checking_proxy(plain), frozenset(secrets))


def _plain(value: Any, path: Path, secrets: set[Path]) -> Any:
    """The value without marks, with whole numbers as such."""
    if isinstance(value, Mapping):
        if value.get(SIGNATURE) == SECRET:
            secrets.add(path)
            return _plain(value.get("value"), path, secrets)
        return {key: _plain(each, (*path, str(key)), secrets) for key, each in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(each, (*path, str(index)), secrets) for index, each in enumerate(value)]
    return int(value) if isinstance(value, float) and value.is_integer() else value

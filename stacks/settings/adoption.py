"""Objects that are in the cluster before the stack, and that it takes over."""

from typing import Annotated

from stacks.settings.base import Form, Settings

Kind = Annotated[
    str,
    Form(
        r"^[A-Z][A-Za-z0-9]*$",
        "is no kind of Kubernetes: write one as objects have it, such as Deployment, or Release for a Helm release",
    ),
]
"""The kind of an object, or ``Release``."""
AnyName = Annotated[
    str,
    Form(
        r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$",
        "is no name that Kubernetes gives to objects: use lower-case letters, digits, '-' and '.'",
    ),
]
"""The name of an object of any kind."""


class AdoptedSettings(Settings):
    """An object that is there, and that the stack would make."""

    kind: Kind
    """Its kind, such as ``Deployment``, or ``Release`` for a Helm release."""
    name: AnyName
    """Its name."""
    namespace: AnyName | None = None
    """Its namespace. Default: the models', or none for kinds that have none."""

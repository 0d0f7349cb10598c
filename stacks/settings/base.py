"""What all settings have in common: their base, and the types of their values."""

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

NAME_LIMIT = 52
"""The longest name: a StatefulSet's revision label is the name and 11 characters more, 63 in all."""


def _dns_label(value: str) -> str:
    # Services must begin with a letter (RFC 1035), so a model's name must too.
    if len(value) <= NAME_LIMIT and re.fullmatch(r"[a-z]([-a-z0-9]*[a-z0-9])?", value):
        return value
    raise PydanticCustomError(
        "dns_label",
        "{given} names Kubernetes objects and must be a DNS label: use lower-case letters, digits and '-', "
        "begin with a letter, and stay within {limit} characters",
        {"given": repr(value), "limit": NAME_LIMIT},
    )


Name = Annotated[str, AfterValidator(_dns_label)]
Quantity = Annotated[str, Field(pattern=r"^[0-9]+(\.[0-9]+)?(m|k|M|G|T|Ki|Mi|Gi|Ti)?$")]
"""A Kubernetes quantity, such as ``500m`` or ``16Gi``."""
Cpu = Annotated[str, Field(pattern=r"^[0-9]+(\.[0-9]+)?m?$")]
"""A number of CPUs, such as ``4``, ``0.5`` or ``500m``."""
EnvName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
"""The name of an environment variable."""


class Settings(BaseModel):
    """The base of every settings model: frozen, camelCase in YAML, unknown keys refused."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        alias_generator=to_camel,
        populate_by_name=True,
        use_attribute_docstrings=True,
    )

"""What all settings have in common: their base, and the types of their values."""

import re
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.alias_generators import to_camel
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

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


@dataclass(frozen=True)
class Form:
    """What a text has to look like, for the annotation of its type."""

    pattern: str
    """What the whole of it matches, for Python and for the JSON schema."""
    otherwise: str
    """What is said behind a text that does not: why it cannot work, and what to write instead."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {**handler(schema), "pattern": self.pattern}

    def _check(self, value: str) -> str:
        if re.fullmatch(self.pattern, value):
            return value
        raise refusal(self.otherwise)


def refusal(otherwise: str) -> PydanticCustomError:
    """The error of a value, which ``reading`` quotes ahead of why it cannot work and what to write instead."""
    return PydanticCustomError("refused", "{otherwise}", {"otherwise": otherwise})


Name = Annotated[str, AfterValidator(_dns_label)]
Int32 = Annotated[int, Field(le=2**31 - 1)]
"""A number that Kubernetes, or what runs there, keeps in 32 bits: seconds, tokens, requests."""
Replicas = Annotated[int, Field(le=10_000)]
"""A number of replicas. Each is placed on its own where it is asked whether they fit."""
Gpus = Annotated[int, Field(le=10_000)]
"""A number of GPUs of one replica, which may span nodes."""
Nodes = Annotated[int, Field(le=100_000)]
"""A number of nodes. Kubernetes is tested with 5,000 of them."""
Quantity = Annotated[
    str,
    Form(
        r"^[0-9]+(\.[0-9]+)?(m|k|M|G|T|Ki|Mi|Gi|Ti)?$",
        "is no quantity that Kubernetes knows: write a number with a unit, such as 500m or 16Gi",
    ),
]
"""A Kubernetes quantity, such as ``500m`` or ``16Gi``."""
Cpu = Annotated[
    str, Form(r"^[0-9]+(\.[0-9]+)?m?$", "is no number of CPUs that Kubernetes knows: write one such as 4, 0.5 or 500m")
]
"""A number of CPUs, such as ``4``, ``0.5`` or ``500m``."""
EnvName = Annotated[
    str,
    Form(
        r"^[A-Za-z_][A-Za-z0-9_]*$",
        "is no name that a shell takes for a variable: use letters, digits and '_', and begin with no digit",
    ),
]
"""The name of an environment variable."""
ArgumentValue = Annotated[
    str,
    Form(
        r"^[^-\s].*$",
        "is no value that vLLM's command line takes: write one that begins with neither '-' nor a space, or leave it "
        "out",
    ),
]
"""What one of vLLM's arguments is given."""
AbsolutePath = Annotated[str, Form(r"^/.*$", "is no absolute path: write one that begins with '/'")]
"""A path from the root."""


class Settings(BaseModel):
    """The base of every settings model: frozen, camelCase in YAML, unknown keys refused."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        alias_generator=to_camel,
        populate_by_name=True,
        # Built as parts of the whole stack, and not each by itself, too: it is what a preview spends on them.
        defer_build=True,
    )

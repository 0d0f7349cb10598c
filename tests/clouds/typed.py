"""Checks arguments of a resource against the types that an SDK declares, as deep as they go.

An SDK refuses an argument of a resource that it does not know, but takes any key of a mapping in one.
"""

import sys
import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Union

import pulumi

FORWARD = {"Output": pulumi.Output, "T": typing.TypeVar("T")}
"""What the annotation of ``pulumi.Input`` names, and no SDK imports."""


def problems(arguments: type, values: Mapping[str, Any], path: str = "") -> Iterator[str]:
    """What an SDK's class of arguments has not, and what is of another type than it says.

    Args:
        arguments: such as ``pulumi_gcp.container.NodePoolArgs``.
        values: as they are given, by the names of Python.
        path: where they stand.
    """
    module = sys.modules[arguments.__module__]
    inputs = sys.modules[f"{module.__package__}._inputs"]
    hints = typing.get_type_hints(vars(arguments)["__init__"], vars(module), {**vars(inputs), **FORWARD})
    for name, value in values.items():
        if name in hints:
            yield from _problems(list(_members(hints[name])), value, f"{path}{name}")
        else:
            yield f"{path}{name}: no such argument"


def _problems(members: list[Any], value: Any, path: str) -> Iterator[str]:
    if isinstance(value, Mapping):
        yield from _of_mapping(members, value, path)
    elif isinstance(value, list):
        (element,) = (typing.get_args(each)[0] for each in members if typing.get_origin(each) is Sequence)
        for index, each in enumerate(value):
            yield from _problems(list(_members(element)), each, f"{path}[{index}]")
    elif type(value) not in members and not (type(value) is int and float in members):
        yield f"{path}: {value!r} is none of {members}"


def _of_mapping(members: list[Any], value: Mapping[str, Any], path: str) -> Iterator[str]:
    for member in members:
        if typing.get_origin(member) is Mapping:
            element = typing.get_args(member)[1]
            for key, each in value.items():
                yield from _problems(list(_members(element)), each, f"{path}.{key}")
            return
        if pulumi_type(member):
            yield from problems(member, value, f"{path}.")
            return
    yield f"{path}: a mapping is none of {members}"


def pulumi_type(member: Any) -> bool:
    """Whether this is an SDK's class of arguments."""
    return isinstance(member, type) and hasattr(member, "_pulumi_input_type")


def _members(hint: Any) -> Iterator[Any]:
    """The types that a value may have: those of a union, and of unions in it."""
    if typing.get_origin(hint) in (Union, types.UnionType):
        for each in typing.get_args(hint):
            yield from _members(each)
    else:
        yield hint

"""The JSON schema of the settings, with what the docstrings below them say.

Pydantic can read these by itself, at the import of every class and by its source; that would take longer than all else
that a preview does with the settings.
"""

import ast
import inspect
import sys
from collections.abc import Iterator
from functools import cache
from typing import Any

from stacks.settings import Settings, StackSettings


def described() -> dict[str, Any]:
    """The JSON schema of a whole stack, by the names that its file uses."""
    found = StackSettings.model_json_schema(by_alias=True)
    definitions = found["$defs"]
    classes = {each.__name__: each for each in _below(Settings)}
    for name, definition in definitions.items():
        if each := classes.get(name):
            _describe(definition, each, definitions)
    _describe(found, StackSettings, definitions)
    return found


def _describe(definition: dict[str, Any], settings: type[Settings], definitions: dict[str, Any]) -> None:
    said = {name: text for each in reversed(settings.__mro__) for name, text in _docstrings(each).items()}
    for name, field in settings.model_fields.items():
        key = field.alias or name
        value = definition["properties"][key]
        if name not in said or said[name] == _of_reference(value, definitions):
            continue
        definition["properties"][key] = dict(sorted({"description": said[name], **value}.items()))


def _of_reference(value: dict[str, Any], definitions: dict[str, Any]) -> str | None:
    """What the definition says of itself that stands in a property's place, which need not be said again."""
    name = str(value.get("$ref", "")).removeprefix("#/$defs/")
    said: str | None = definitions.get(name, {}).get("description")
    return said


def _below(base: type[Settings]) -> Iterator[type[Settings]]:
    for each in base.__subclasses__():
        yield each
        yield from _below(each)


def _docstrings(settings: type) -> dict[str, str]:
    """What stands below each attribute of a class, by the attribute's name."""
    if not issubclass(settings, Settings):
        return {}
    return _module_docstrings(settings.__module__).get(settings.__name__, {})


@cache
def _module_docstrings(module: str) -> dict[str, dict[str, str]]:
    tree = ast.parse(inspect.getsource(sys.modules[module]))
    return {each.name: dict(_of_class(each)) for each in tree.body if isinstance(each, ast.ClassDef)}


def _of_class(definition: ast.ClassDef) -> Iterator[tuple[str, str]]:
    for attribute, text in zip(definition.body, definition.body[1:], strict=False):
        match attribute, text:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(said))):
                yield name, inspect.cleandoc(said)

"""What somebody meant who wrote a setting that there is not."""

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any, get_args, get_origin

from stacks.settings.base import Settings
from stacks.settings.kinds import TAG
from stacks.settings.stack import StackSettings


def setting_meant(places: Sequence[int | str], name: str) -> str | None:
    """The setting that an unknown one probably stands for, in quotes as a sentence shows it.

    One of that name below the same place comes first, then the one at that place that is spelled most alike.

    Args:
        places: where the unknown setting stands, as pydantic says it.
        name: its name.

    Returns:
        Its path from there, such as ``'engine.maxModelLen'``, or None where nothing is near.
    """
    here = _settings_at(places)
    for settings in here:
        for key, below in _fields(settings).items():
            if get_origin(below) is not tuple and any(name in _fields(each) for each in _settings_in(below)):
                return repr(f"{key}.{name}")
    known = sorted({key for settings in here for key in _fields(settings)})
    return next((repr(near) for near in get_close_matches(name, known, n=1)), None)


def _settings_at(places: Sequence[int | str]) -> list[type[Settings]]:
    """The settings that can stand at a place."""
    found: list[type[Settings]] = [StackSettings]
    for place in places:
        if isinstance(place, int):
            continue
        if place.startswith(TAG):
            found = [each for each in found if place.removeprefix(TAG) in _kinds(each)]
        else:
            found = [each for settings in found for each in _settings_in(_fields(settings).get(place))]
    return found


def _kinds(settings: type[Settings]) -> tuple[Any, ...]:
    """The values of what says the kind of settings that there are several kinds of."""
    fields = _fields(settings)
    return get_args(fields.get("kind") or fields.get("adapter"))


def _fields(settings: type[Settings]) -> dict[str, Any]:
    return {str(field.alias): field.annotation for field in settings.model_fields.values()}


def _settings_in(annotation: Any) -> list[type[Settings]]:
    if isinstance(annotation, type) and issubclass(annotation, Settings):
        return [annotation]
    return [each for argument in get_args(annotation) for each in _settings_in(argument)]

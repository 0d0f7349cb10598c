"""What a program of another language gave, as the settings of a stack."""

from collections.abc import Iterator, Mapping
from itertools import count
from typing import Any

import pulumi
from pulumi.runtime.rpc import UNKNOWN
from pulumi.runtime.sync_await import _sync_await

from components.package.schema import STACK_FILES_ONLY
from stacks.settings import SettingsError, StackSettings, load

Inputs = Mapping[str, Any]
"""The inputs of a component by their names in the schema."""

OTHERS = "others"
"""The pool of models that somebody else runs. Nothing is put on it."""


def platform(inputs: Inputs) -> StackSettings:
    """The settings of a whole platform.

    Raises:
        SettingsError: they cannot work.
    """
    known = _known(inputs)
    _refuse_what_is_of_stack_files(known)
    return load(known)


def one_model(inputs: Inputs) -> StackSettings:
    """The settings of a stack with one model and its pool.

    Raises:
        SettingsError: they cannot work, told by the places of the inputs.
    """
    known = _known(inputs)
    _refuse_what_is_of_stack_files(known)
    model, pool = known.pop("model", {}), known.pop("pool", {})
    return _load(
        {**known, "models": [{"pool": pool.get("name"), **model}], "pools": [pool]},
        {"models[0]": "model", "pools[0]": "pool"},
    )


def gateway(inputs: Inputs) -> StackSettings:
    """The settings of a stack whose models are known by their names only.

    Raises:
        SettingsError: they cannot work.
    """
    known = _known(inputs)
    _refuse_what_is_of_stack_files(known)
    models = [{**model, "source": f"file:///{OTHERS}", "pool": OTHERS} for model in known.get("models", ())]
    return load({**known, "models": models, "pools": [{"name": OTHERS}], "fit": {"check": "off"}})


def _load(values: dict[str, Any], places: Mapping[str, str]) -> StackSettings:
    try:
        return load(values)
    except SettingsError as error:
        told = error.problems
        for place, given in places.items():
            told = [problem.replace(f"modelyard:{place}", f"modelyard:{given}") for problem in told]
        raise SettingsError(told) from None


def _refuse_what_is_of_stack_files(known: Mapping[str, Any]) -> None:
    cluster = known.get("cluster")
    if isinstance(cluster, Mapping) and cluster.get("stackReference"):
        raise SettingsError(
            [
                "modelyard:cluster.stackReference: given to a component, and it is read for stack files only: make a "
                "StackReference in your program, and pass on its outputs"
            ]
        )
    problems = [
        f"modelyard:{key}: given to a component, and it is of stack files only: leave it out"
        for key in sorted(STACK_FILES_ONLY & known.keys())
    ]
    if problems:
        raise SettingsError(problems)


def _known(inputs: Inputs) -> dict[str, Any]:
    numbers = count(1)
    return {key: _plain(value, numbers) for key, value in inputs.items() if value is not None}


def _plain(value: Any, numbers: Iterator[int]) -> Any:
    if isinstance(value, pulumi.Output):
        # Settings have to be known before anything is made; what a preview can't know has a text in its place.
        known = _sync_await(value.is_known())
        return _plain(_sync_await(value.future()) if known else UNKNOWN, numbers)
    if value == UNKNOWN or isinstance(value, pulumi.output.Unknown):
        return f"not-known-before-the-update-{next(numbers)}"
    if isinstance(value, list):
        return [_plain(item, numbers) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item, numbers) for key, item in value.items()}
    # Every number comes as one with a fraction.
    return int(value) if isinstance(value, float) and value.is_integer() else value

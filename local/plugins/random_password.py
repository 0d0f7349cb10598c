"""What a `RandomPassword` is: its inputs, which of them are refused, and how a password is made.

Follows the resource `random_password` of the Terraform provider `random` 3.x, which the official Pulumi provider wraps
(`internal/provider/resource_password.go`, `internal/random/string.go`).
"""

import secrets
import string
from collections.abc import Mapping
from typing import Any

from local.plugins.properties import UNKNOWN

SPECIAL = "!@#$%&*()-_=+[]{}<>:?"
BCRYPT_COST = 10
BCRYPT_BYTES = 72
"""bcrypt reads no more of a password, and libraries refuse a longer one."""

SCHEMA_VERSION = 3
"""Of the state: the official provider upgrades older ones and reads this one as it is."""

CLASSES = {"upper": "minUpper", "lower": "minLower", "numeric": "minNumeric", "special": "minSpecial"}
"""Each class of characters, and the input with its minimum."""

DEFAULTS: dict[str, Any] = {
    "length": None,
    "keepers": None,
    "overrideSpecial": None,
    "number": True,
    **dict.fromkeys(CLASSES, True),
    **dict.fromkeys(CLASSES.values(), 0),
}
"""Every input, and its value where it is left out."""

OPTIONAL = frozenset({"keepers", "overrideSpecial"})
"""The inputs that may stay without a value."""

TYPES: dict[str, type] = {"keepers": dict, "overrideSpecial": str, "length": int} | {
    name: type(default) for name, default in DEFAULTS.items() if default is not None
}
TYPE_NAMES = {dict: "a map of strings", str: "a string", int: "a whole number", bool: "true or false"}

SECRET_OUTPUTS = frozenset({"result", "bcryptHash"})


def failures(inputs: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Everything that is wrong with the inputs: the property and a sentence for each, none when they are fine.

    A value that is not known yet passes; it is checked again when it is known.
    """
    found = _malformed(inputs)
    return found or _impossible(effective(inputs))


def _malformed(inputs: Mapping[str, Any]) -> list[tuple[str, str]]:
    found = [
        (name, f"{name} is no input of RandomPassword, so it would have no effect. Use one of {', '.join(DEFAULTS)}")
        for name in inputs
        if name not in DEFAULTS and not name.startswith("__")
    ]
    found += [
        (name, f"{name} is {value!r}: it has to be {TYPE_NAMES[TYPES[name]]}. Write one")
        for name, value in inputs.items()
        if name in TYPES and value is not None and value is not UNKNOWN and type(value) is not TYPES[name]
    ]
    if inputs.get("length") is None:
        found.append(("length", "length is missing: there is no default for it. Write how many characters you want"))
    both = inputs.get("number"), inputs.get("numeric")
    if all(isinstance(each, bool) for each in both) and both[0] != both[1]:
        found.append(
            ("number", f"number is {both[0]} and numeric is {both[1]}: they mean the same. Write numeric only")
        )
    return found


def _impossible(inputs: Mapping[str, Any]) -> list[tuple[str, str]]:
    length = inputs["length"]
    minimums = {name: inputs[name] for name in CLASSES.values()}
    negative = [
        (name, f"{name} is {value}: there can't be fewer than no characters. Write 0 or more")
        for name, value in minimums.items()
        if value is not UNKNOWN and value < 0
    ]
    if negative:
        return negative
    if length is not UNKNOWN and length < 1:
        return [("length", f"length is {length}: a password has at least one character. Write 1 or more")]
    if UNKNOWN not in (length, *minimums.values()) and length < sum(minimums.values()):
        parts = " + ".join(f"{name} {value}" for name, value in minimums.items() if value)
        return [("length", f"length is {length}, less than {parts}: they don't fit. Write {sum(minimums.values())}")]
    if not any(inputs[name] for name in CLASSES):
        wanted = ", ".join(CLASSES)
        return [("special", f"{wanted} are all false: no character is left. Write true for one of them")]
    return []


def effective(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The inputs with every default filled in, and one spelling for what means the same.

    `number` is the old name of `numeric`; an empty map of keepers and an empty `overrideSpecial` are as good as none.
    """
    values = {name: default if inputs.get(name) is None else inputs[name] for name, default in DEFAULTS.items()}
    given = [inputs[name] for name in ("numeric", "number") if inputs.get(name) is not None]
    values["numeric"] = values["number"] = given[0] if given else True
    keepers = values["keepers"]
    if isinstance(keepers, dict):
        values["keepers"] = {name: value for name, value in keepers.items() if value is not None} or None
    values["overrideSpecial"] = values["overrideSpecial"] or None
    return values


def changed(olds: Mapping[str, Any], news: Mapping[str, Any]) -> list[str]:
    """The inputs whose effective value differs; every one of them makes a new password."""
    before, after = effective(olds), effective(news)
    return [name for name in DEFAULTS if before[name] != after[name]]


def make(inputs: Mapping[str, Any]) -> str:
    """Make a password from the operating system's source of randomness.

    Args:
        inputs: effective inputs without failures.
    """
    alphabets = {
        "upper": string.ascii_uppercase,
        "lower": string.ascii_lowercase,
        "numeric": string.digits,
        "special": inputs["overrideSpecial"] or SPECIAL,
    }
    characters = [secrets.choice(alphabets[name]) for name, least in CLASSES.items() for _ in range(inputs[least])]
    every = "".join(alphabet for name, alphabet in alphabets.items() if inputs[name])
    characters += [secrets.choice(every) for _ in range(inputs["length"] - len(characters))]
    secrets.SystemRandom().shuffle(characters)
    return "".join(characters)


def bcrypt_hash(password: str) -> str:
    """The bcrypt hash of a password, in the form and at the cost of the official provider."""
    import bcrypt

    salt = bcrypt.gensalt(BCRYPT_COST, prefix=b"2a")
    return bcrypt.hashpw(password.encode()[:BCRYPT_BYTES], salt).decode()


def state(inputs: Mapping[str, Any], password: Any) -> dict[str, Any]:
    """The outputs of a resource with this password.

    Args:
        inputs: as they came.
        password: the password, or `UNKNOWN` in a preview.
    """
    return {
        **effective(inputs),
        "result": password,
        "bcryptHash": UNKNOWN if password is UNKNOWN else bcrypt_hash(password),
        "__meta": f'{{"schema_version":"{SCHEMA_VERSION}"}}',
    }

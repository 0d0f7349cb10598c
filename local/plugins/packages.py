"""Lists what an interpreter has installed; the language host starts this file under the program's interpreter.

Prints a JSON list, of `distributions` or of `plugins` as its one argument says.
Only the standard library is used: the interpreter may be another one than the host's.
"""

import json
import re
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

REQUIREMENT_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def normal(name: str) -> str:
    """A distribution's name in the one spelling that PEP 503 defines."""
    return re.sub(r"[-_.]+", "-", name).lower()


def distributions() -> list[dict[str, Any]]:
    """Every distribution: its name, version, and whether another one requires it."""
    found = {normal(each.metadata["Name"]): each for each in metadata.distributions()}
    lines = (line for each in found.values() for line in each.requires or [] if "extra ==" not in line)
    required = {normal(match[0]) for line in lines if (match := REQUIREMENT_NAME.match(line))}
    return [{"name": name, "version": found[name].version, "required": name in required} for name in sorted(found)]


def plugins() -> list[dict[str, Any]]:
    """The `pulumi-plugin.json` of every importable package that belongs to a resource plugin.

    Where the file says no name or version, the package's own are there.
    """
    result: dict[str, dict[str, Any]] = {}
    for folder in sys.path:
        for file in sorted(Path(folder).glob("*/pulumi-plugin.json")):
            plugin = json.loads(file.read_text(encoding="utf-8"))
            if not plugin.get("resource"):
                continue
            package = normal(file.parent.name)
            plugin.setdefault("name", package.removeprefix("pulumi-"))
            plugin.setdefault("version", _version(package))
            result.setdefault(package, plugin)
    return [result[package] for package in sorted(result)]


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""


if __name__ == "__main__":
    json.dump({"distributions": distributions, "plugins": plugins}[sys.argv[1]](), sys.stdout)

"""Prints the configuration of a stack with all that it builds upon: ``python -m stacks.whole STACK``."""

import sys

import yaml

from stacks.settings import SettingsError
from stacks.stack_file import whole_named


def main(arguments: list[str]) -> None:
    """Print it as one file without bases would say it. Encrypted values stay encrypted.

    Raises:
        SystemExit: with a sentence, where there is no such stack, or what it builds upon is not there.
    """
    try:
        (stack,) = arguments
        config = whole_named(stack)
    except ValueError:
        sys.exit("One stack has to be named: run `make config STACK=...`")
    except SettingsError as error:
        sys.exit(str(error))
    print(yaml.safe_dump({"config": config}, sort_keys=False, allow_unicode=True, width=120), end="")  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1:])

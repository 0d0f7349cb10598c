"""What importing the package loads: the command starts with it."""

import subprocess
import sys

from local.paths import CHECKOUT
from stacks import automation

HEAVY = {"pulumi", "pydantic", "yaml", "typer", "httpx", "grpc", "stacks.settings"}


def test_an_import_loads_nothing_that_takes_long() -> None:
    code = "import sys; import stacks.automation; print('\\n'.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=CHECKOUT, capture_output=True, text=True, check=True)
    assert HEAVY & set(done.stdout.splitlines()) == set()


def test_all_names_are_there_with_the_exit_codes_of_the_documentation() -> None:
    assert [name for name in automation.__all__ if not hasattr(automation, name)] == []
    errors = [each for each in vars(automation).values() if isinstance(each, type) and issubclass(each, Exception)]
    assert {each.__name__: each.exit_code for each in errors if issubclass(each, automation.AutomationError)} == {
        "AutomationError": 1,
        "PolicyViolatedError": 1,
        "SettingsRefusedError": 3,
        "MissingToolError": 4,
        "UnreachableError": 5,
        "CredentialsError": 6,
        "PassphraseError": 6,
        "LockedError": 7,
        "UpdateFailedError": 8,
        "StackMissingError": 9,
        "ObjectMissingError": 9,
        "CancelledError": 130,
    }

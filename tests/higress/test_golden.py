"""What stacks of Higress ask of a cluster is what was last read and found right."""

from base64 import b64encode
from difflib import unified_diff

import pytest

from tests.higress import golden

ANEW = "if that is what you want, run `python -m tests.higress.golden`, read what it changes, and commit it"


@pytest.mark.parametrize("name", golden.names())
def test_as_it_was_read(name: str) -> None:
    before = (golden.FOLDER / f"{name}.yaml").read_text().splitlines()
    changes = list(unified_diff(before, golden.text(name).splitlines(), "as it was read", "as it is", lineterm=""))

    assert not changes, "\n".join([*changes, "", ANEW])


@pytest.mark.parametrize("name", golden.names())
def test_no_secret_in_it(name: str) -> None:
    text = golden.text(name)

    assert "[secret]" in text
    for secret in golden.SECRETS.values():
        assert secret not in text
        assert b64encode(secret.encode()).decode() not in text


def test_a_file_for_each_stack() -> None:
    assert sorted(file.stem for file in golden.FOLDER.iterdir()) == sorted(golden.names())

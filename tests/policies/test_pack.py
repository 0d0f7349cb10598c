"""The pack as Pulumi finds it, and its documentation."""

import sys
from pathlib import Path

from policies.pack.catalogue import RULES
from policies.pack.reference import FILE, written

FOLDER = Path(__file__).parents[2] / "policies"


def test_nothing_in_its_folder_is_taken_for_a_module_of_pythons_library() -> None:
    # Pulumi starts Python in this folder, where modules are looked for first.
    assert not {file.stem for file in FOLDER.iterdir()} & sys.stdlib_module_names


def test_ids_are_unique_and_sentences_are_whole() -> None:
    assert len({rule.id for rule in RULES}) == len(RULES)
    for rule in RULES:
        assert rule.what.endswith("."), rule.id
        assert rule.why.startswith("so "), rule.id
        assert not rule.why.endswith("."), rule.id
        assert rule.instead[0].islower(), rule.id


def test_the_documentation_has_the_rules_of_today() -> None:
    document = FILE.read_text(encoding="utf-8")
    assert written(document) == document

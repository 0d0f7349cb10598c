"""Which inputs make a password, which are refused, and what comes out."""

import string
from typing import Any

import bcrypt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.plugins import random_password
from local.plugins.properties import UNKNOWN

SPECIAL = "!@#$%&*()-_=+[]{}<>:?"


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        ({}, ("length", "length is missing: there is no default for it. Write how many characters you want")),
        ({"length": 0}, ("length", "length is 0: a password has at least one character. Write 1 or more")),
        ({"length": -3}, ("length", "length is -3: a password has at least one character. Write 1 or more")),
        (
            {"length": 5, "minUpper": 4, "minSpecial": 2},
            ("length", "length is 5, less than minUpper 4 + minSpecial 2: they don't fit. Write 6"),
        ),
        ({"length": 5, "minLower": -1}, ("minLower", "minLower is -1: there can't be fewer than no characters. "
                                                     "Write 0 or more")),
        ({"length": "12"}, ("length", "length is '12': it has to be a whole number. Write one")),
        ({"length": True}, ("length", "length is True: it has to be a whole number. Write one")),
        ({"length": 8, "special": "no"}, ("special", "special is 'no': it has to be true or false. Write one")),
        ({"length": 8, "keepers": "a"}, ("keepers", "keepers is 'a': it has to be a map of strings. Write one")),
        (
            {"length": 8, "number": True, "numeric": False},
            ("number", "number is True and numeric is False: they mean the same. Write numeric only"),
        ),
        (
            {"length": 8, "upper": False, "lower": False, "numeric": False, "special": False},
            ("special", "upper, lower, numeric, special are all false: no character is left. "
                        "Write true for one of them"),
        ),
    ],
)  # fmt: skip
def test_impossible_inputs_are_refused_with_a_sentence(inputs: dict[str, Any], expected: tuple[str, str]) -> None:
    assert random_password.failures(inputs) == [expected]


def test_a_misspelt_input_is_refused_and_the_right_ones_named() -> None:
    [(name, reason)] = random_password.failures({"length": 8, "lenght": 9})
    assert name == "lenght"
    assert reason.startswith("lenght is no input of RandomPassword, so it would have no effect. Use one of length, ")


@pytest.mark.parametrize(
    "inputs",
    [
        {"length": 1},
        {"length": UNKNOWN, "minUpper": 4},
        {"length": 2, "minUpper": UNKNOWN},
        {"length": 4, "minUpper": 4},
        {"length": 8, "number": False},
        {"length": 8, "__defaults": []},
    ],
)
def test_possible_and_unknown_inputs_pass(inputs: dict[str, Any]) -> None:
    assert random_password.failures(inputs) == []


@given(
    classes=st.sets(st.sampled_from(["upper", "lower", "numeric", "special"]), min_size=1),
    minimums=st.fixed_dictionaries(
        {name: st.integers(0, 5) for name in ("minUpper", "minLower", "minNumeric", "minSpecial")}
    ),
    more=st.integers(1, 60),
    override=st.sampled_from([None, "._~"]),
)
def test_a_password_has_its_length_its_minimums_and_no_other_characters(
    classes: set[str], minimums: dict[str, int], more: int, override: str | None
) -> None:
    inputs = {name: name in classes for name in ("upper", "lower", "numeric", "special")}
    length = sum(minimums.values()) + more
    password = random_password.make(
        random_password.effective({**inputs, **minimums, "length": length, "overrideSpecial": override})
    )
    alphabets = {
        "upper": string.ascii_uppercase,
        "lower": string.ascii_lowercase,
        "numeric": string.digits,
        "special": override or SPECIAL,
    }
    counts = {name: sum(each in alphabet for each in password) for name, alphabet in alphabets.items()}
    assert len(password) == length == sum(counts.values())
    for name, count in counts.items():
        minimum = minimums[f"min{name.capitalize()}"]
        assert count >= minimum if name in classes else count == minimum


def test_two_passwords_differ() -> None:
    inputs = random_password.effective({"length": 32})
    assert random_password.make(inputs) != random_password.make(inputs)


@pytest.mark.parametrize(
    ("olds", "news", "expected"),
    [
        ({"length": 8}, {"length": 8}, []),
        ({"length": 8}, {"length": 9}, ["length"]),
        ({"length": 8}, {"length": 8, "special": True, "minUpper": 0}, []),
        ({"length": 8}, {"length": 8, "special": False}, ["special"]),
        ({"length": 8}, {"length": 8, "numeric": False}, ["number", "numeric"]),
        ({"length": 8, "number": False}, {"length": 8, "numeric": False}, []),
        ({"length": 8, "keepers": {"a": "1"}}, {"length": 8, "keepers": {"a": "2"}}, ["keepers"]),
        ({"length": 8}, {"length": 8, "keepers": {}}, []),
        ({"length": 8, "overrideSpecial": ""}, {"length": 8}, []),
        ({"length": 8}, {"length": UNKNOWN}, ["length"]),
    ],
)
def test_only_another_effective_value_is_a_change(
    olds: dict[str, Any], news: dict[str, Any], expected: list[str]
) -> None:
    assert sorted(random_password.changed(olds, news)) == expected


@given(inputs=st.fixed_dictionaries({"length": st.integers(1, 64)}, optional={"special": st.booleans()}))
def test_a_state_is_no_change_against_the_inputs_that_made_it(inputs: dict[str, Any]) -> None:
    assert random_password.changed(random_password.state(inputs, UNKNOWN), inputs) == []


def test_the_hash_is_bcrypt_of_the_password_as_the_official_provider_makes_it() -> None:
    hashed = random_password.bcrypt_hash("correct horse")
    assert hashed.startswith("$2a$10$")
    assert bcrypt.checkpw(b"correct horse", hashed.encode())


def test_a_long_password_is_hashed_by_its_first_72_bytes() -> None:
    hashed = random_password.bcrypt_hash("x" * 100)
    assert bcrypt.checkpw(b"x" * 72, hashed.encode())


def test_the_state_is_that_of_the_official_provider() -> None:
    state = random_password.state({"length": 6, "special": False}, "secret")
    assert state.pop("bcryptHash").startswith("$2a$")
    assert state == {
        "length": 6,
        "keepers": None,
        "overrideSpecial": None,
        "number": True,
        "numeric": True,
        "upper": True,
        "lower": True,
        "special": False,
        "minUpper": 0,
        "minLower": 0,
        "minNumeric": 0,
        "minSpecial": 0,
        "result": "secret",
        "__meta": '{"schema_version":"3"}',
    }

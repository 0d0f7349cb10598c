"""Property values on the wire."""

from typing import Any

from google.protobuf.json_format import MessageToDict, ParseDict
from google.protobuf.struct_pb2 import Struct
from hypothesis import given
from hypothesis import strategies as st
from pulumi.runtime import rpc

from local.plugins import properties
from local.plugins.properties import UNKNOWN, plain, struct

VALUES = st.recursive(
    st.booleans() | st.integers(-(2**53), 2**53) | st.text() | st.just(UNKNOWN),
    lambda inner: st.dictionaries(st.text(min_size=1), inner, max_size=3),
    max_leaves=8,
)


@given(values=st.dictionaries(st.text(min_size=1), VALUES, max_size=4), secret=st.booleans())
def test_values_survive_the_wire(values: dict[str, Any], secret: bool) -> None:
    assert plain(struct(values, frozenset(values) if secret else frozenset())) == values


def test_secrets_and_unknown_values_carry_the_signatures_of_the_sdk() -> None:
    message = struct({"password": "p", "later": UNKNOWN, "none": None}, frozenset({"password"}))
    assert MessageToDict(message) == {
        "password": {rpc._special_sig_key: rpc._special_secret_sig, "value": "p"},
        "later": rpc.UNKNOWN,
    }


def test_a_list_stays_a_list_of_plain_values() -> None:
    message = ParseDict({"list": [1, {properties.SIGNATURE_KEY: properties.SECRET_SIGNATURE, "value": 2}]}, Struct())
    assert plain(message) == {"list": [1, 2]}


def test_the_unknown_signature_of_the_sdk_is_understood() -> None:
    assert plain(ParseDict({"value": rpc.UNKNOWN}, Struct())) == {"value": UNKNOWN}

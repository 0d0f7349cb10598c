"""In whose name routes are asked."""

import pytest

from stacks.settings import ConsumerSettings, StackSettings
from stacks.verify.plan import Caller, any_caller, caller
from tests.gateway.harness import stack

JWT = {
    "issuer": "https://login.example.com",
    "jwks": '{"keys": [{"kty": "RSA", "kid": "1", "n": "sXchFTSkJhQkZ2kXgxVQ", "e": "AQAB"}]}',
    "header": "X-Token",
    "prefix": "",
}
ROUTES = [{"model": "first"}, {"model": "second", "consumers": ["bob"]}, {"model": "third", "consumers": ["web"]}]


@pytest.fixture
def asked() -> StackSettings:
    """A stack whose first consumer is known by tokens, and the others by keys."""
    consumers = [
        {"name": "web", "jwt": JWT},
        {"name": "alice", "keys": ["alice-key", "a.dotted.key"]},
        {"name": "bob", "keys": ["bob-key"]},
    ]
    plain = stack(["first", "second", "third"], ROUTES[:1])
    auth = plain.gateway.auth.model_copy(
        update={"consumers": tuple(ConsumerSettings.model_validate(each) for each in consumers)}
    )
    routes = tuple(type(plain.routes[0]).model_validate(each) for each in ROUTES)
    return plain.model_copy(
        update={"gateway": plain.gateway.model_copy(update={"auth": auth}), "routes": routes},
    )


@pytest.mark.parametrize(
    ("key", "header"),
    [
        ("alice-key", ("authorization", "Bearer alice-key")),
        ("bob-key", ("authorization", "Bearer bob-key")),
        ("a.dotted.key", ("authorization", "Bearer a.dotted.key")),
        ("head.payload.signature", ("X-Token", "head.payload.signature")),
        ("unknown", ("authorization", "Bearer unknown")),
    ],
)
def test_a_key_that_is_given_is_sent_as_its_consumer_would(
    asked: StackSettings, key: str, header: tuple[str, str]
) -> None:
    assert any_caller(asked, key) == Caller(header)
    assert caller(asked, asked.routes[0], key) == Caller(header)


def test_a_consumer_who_may_not_use_a_route_says_nothing_of_it(asked: StackSettings) -> None:
    assert caller(asked, asked.routes[1], "bob-key") == Caller(("authorization", "Bearer bob-key"))
    for route in asked.routes[1:]:
        assert caller(asked, route, "alice-key") == Caller(
            missing="the key is that of alice, who may not use the route"
        )


def test_a_token_goes_only_where_one_is_asked_for(asked: StackSettings) -> None:
    assert caller(asked, asked.routes[2], "a.b.c") == Caller(("X-Token", "a.b.c"))
    assert caller(asked, asked.routes[1], "a.b.c") == Caller(("authorization", "Bearer a.b.c"))


def test_without_one_the_first_key_of_the_stack_is_taken(asked: StackSettings) -> None:
    assert any_caller(asked, None) == Caller(("authorization", "Bearer alice-key"))
    assert caller(asked, asked.routes[2], None).missing == (
        "web are known by tokens, which the stack does not have: `modelyard verify` takes one"
    )

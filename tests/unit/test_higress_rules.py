"""The sentence that every mistake about plugins gets, and what is no mistake."""

import json
from typing import Any

import pytest

from stacks.settings import SettingsError, StackSettings, load
from tests.unit.test_settings import consumers, one_route, stack

RSA = {"kty": "RSA", "n": "sXchDaQebHnPiGvyDOAT4saGEUetSyo9MKLOoWFsueri23bOdgWp4Dy1Wl", "e": "AQAB"}
EC = {"kty": "EC", "crv": "P-256", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "y": "x_FEzRu9m36HLN_tue659"}
REDIS: dict[str, Any] = {"redis": {}}
ALICE = {"name": "alice", "keys": ["k1"]}
BOB = {"name": "bob", "keys": ["k2"]}


def higress(**gateway: Any) -> dict[str, Any]:
    """A stack with a Higress gateway of these settings."""
    return stack(gateway={"kind": "higress", **gateway})


def auth(*given: dict[str, Any], **gateway: Any) -> dict[str, Any]:
    """A stack whose Higress gateway knows these consumers."""
    return higress(auth={"consumers": list(given)}, **gateway)


def routed(*routes: dict[str, Any], **gateway: Any) -> dict[str, Any]:
    """A stack with these routes and a Higress gateway of these settings."""
    return {**higress(**gateway), "routes": list(routes)}


def token(name: str, *keys: dict[str, Any], issuer: str = "https://login.example", **jwt: Any) -> dict[str, Any]:
    """A consumer who is known by tokens."""
    return {"name": name, "jwt": {"issuer": issuer, "jwks": json.dumps({"keys": list(keys)}), **jwt}}


def jwks(text: str) -> dict[str, Any]:
    """A stack whose only consumer has this key set."""
    return auth({"name": "a", "jwt": {"issuer": "i", "jwks": text}})


def not_for_envoy(path: str) -> str:
    return (
        f"modelyard:{path}: a gateway of kind 'envoy' has no such thing: write modelyard:gateway.kind: higress, or "
        "leave it out"
    )


def no_redis(path: str) -> str:
    return (
        f"modelyard:{path}: gateway pods must agree on it, and they have no Redis to do that in: add "
        "modelyard:gateway.redis, with the host of yours or with {} for one that the chart installs"
    )


def bad_key_set(what: str) -> str:
    place = "gateway.auth.consumers[0].jwt.jwks"
    return f"modelyard:{place}: {what}: write the issuer's JWK set, with its RSA, EC and OKP keys"


def bad_key(place: str) -> str:
    return (
        f"modelyard:{place}: the key has a space, a quote, a backslash, '${{' or a character beyond ASCII, which does "
        "not come through a header and Higress's own templates unchanged: write one of letters, digits, '-' and '_'"
    )


def bad_secret(place: str) -> str:
    return (
        f"modelyard:{place}: it has a quote, a backslash, a control character or '${{', which does not come through "
        "Higress's templates unchanged: choose one without"
    )


def the_charts_own(name: str) -> str:
    return (
        f"modelyard:gateway.redis.{name}: the Redis that the chart installs has its own port and asks for no name or "
        "password: leave it out, or write the host of yours"
    )


def unresolved(place: str, host: str) -> str:
    return (
        f"modelyard:gateway.{place}.host: '{host}' does not end like a host name, and Higress looks nothing else up: "
        "write a name, which may be one of a Service in the cluster"
    )


def reference(place: str, text: str) -> str:
    return (
        f"modelyard:{place}: {text!r} holds '${{', with which Higress's templates begin a reference to a Secret: write "
        "it without"
    )


def no_address(place: str, text: str) -> str:
    return (
        f"modelyard:gateway.{place}: {text!r} is no address and no range of them: write one such as 203.0.113.7 or "
        "10.0.0.0/8"
    )


def own_header(name: str) -> str:
    return (
        f"modelyard:routes[0].headers.{name}: the gateway keeps this header for itself and takes it out of requests, "
        "so none could match: name another one, such as x-group"
    )


GUARD = {"host": "green-cip.cn-hangzhou.aliyuncs.com", "accessKey": "a", "secretKey": "s"}
PER_DAY = {"perDay": 1}
LEAST_LOAD = {"policy": "least_load"}
SESSION = {"policy": "session"}

DIGEST = f"sha256:{'0' * 64}"


def masked(*patterns: str) -> dict[str, Any]:
    return higress(dataMasking={"masks": [{"pattern": "fine"}, *({"pattern": each} for each in patterns)]})


def unclosed(pattern: str, problem: str) -> str:
    return (
        f"modelyard:gateway.dataMasking.masks[1].pattern: {pattern!r} has a bracket or a parenthesis without its other "
        f"half ({problem}), and with such a pattern the plugin would stop every request: close it, or put a backslash "
        "before one that is meant as it stands"
    )


RULES: dict[str, tuple[dict[str, Any], str]] = {
    "consumer without anything": (
        consumers({"name": "a"}),
        "modelyard:gateway.auth.consumers[0]: 'a' has neither keys nor jwt, so no request could be known for theirs: "
        "set a key with --secret, or remove the consumer",
    ),
    "A/B by a key": (one_route(headers={"authorization": "x"}), own_header("authorization")),
    "A/B by a header of the gateway": (
        one_route(headers={"x-higress-llm-model": "x"}),
        own_header("x-higress-llm-model"),
    ),
    "A/B by two headers that may come together": (
        stack(
            routes=[
                {"model": "qwen"},
                {"model": "qwen", "headers": {"x-a": "1", "x-b": "1"}},
                {"model": "qwen", "headers": {"x-b": "1", "x-c": "1"}},
            ]
        ),
        "modelyard:routes[2].headers: a request can have these and those of routes[1], and neither route asks for "
        "more, so it is open which one takes it: let one ask for the headers of both, or use one "
        "header with two values",
    ),
    "tokens at Envoy": (consumers(token("a", RSA)), not_for_envoy("gateway.auth.consumers[0].jwt")),
    "consumer's limit at Envoy": (
        consumers({**ALICE, "tokenLimit": PER_DAY}),
        not_for_envoy("gateway.auth.consumers[0].tokenLimit"),
    ),
    "quota at Envoy": (
        stack(gateway={"auth": {"consumers": [ALICE], "quota": {"adminConsumer": "alice"}}}),
        not_for_envoy("gateway.auth.quota"),
    ),
    "route's limit at Envoy": (one_route(tokenLimit=PER_DAY), not_for_envoy("routes[0].tokenLimit")),
    "cache at Envoy": (one_route(cache={"seconds": 60}), not_for_envoy("routes[0].cache")),
    "sessions at Envoy": (one_route(loadBalancing=SESSION), not_for_envoy("routes[0].loadBalancing")),
    "least load at Envoy": (one_route(loadBalancing=LEAST_LOAD), not_for_envoy("routes[0].loadBalancing")),
    "consumer's limit without Redis": (
        auth({**ALICE, "tokenLimit": PER_DAY}),
        no_redis("gateway.auth.consumers[0].tokenLimit"),
    ),
    "quota without Redis": (
        higress(auth={"consumers": [ALICE], "quota": {"adminConsumer": "alice"}}),
        no_redis("gateway.auth.quota"),
    ),
    "route's limit without Redis": (
        routed({"model": "qwen", "tokenLimit": PER_DAY}),
        no_redis("routes[0].tokenLimit"),
    ),
    "cache without Redis": (routed({"model": "qwen", "cache": {"seconds": 60}}), no_redis("routes[0].cache")),
    "least load without Redis": (
        routed({"model": "qwen", "loadBalancing": LEAST_LOAD}),
        no_redis("routes[0].loadBalancing"),
    ),
    "prefix cache without Redis": (
        routed({"model": "qwen", "loadBalancing": {"policy": "prefix_cache"}}),
        no_redis("routes[0].loadBalancing"),
    ),
    "password for the chart's Redis": (higress(redis={"password": "p"}), the_charts_own("password")),
    "user for the chart's Redis": (higress(redis={"username": "u"}), the_charts_own("username")),
    "port for the chart's Redis": (higress(redis={"port": 6380}), the_charts_own("port")),
    "Redis by address": (higress(redis={"host": "10.0.0.7"}), unresolved("redis", "10.0.0.7")),
    "moderation by address": (
        higress(securityGuard={**GUARD, "host": "10.0.0.7"}),
        unresolved("securityGuard", "10.0.0.7"),
    ),
    "keys and tokens": (
        auth(ALICE, token("bob", RSA)),
        "modelyard:gateway.auth.consumers[1].jwt: 'bob' is known by tokens and 'alice' by keys, and the plugin for the "
        "one refuses whoever brings the other: give all consumers keys, or all of them jwt",
    ),
    "consumer with keys and tokens": (
        auth({**ALICE, **token("alice", RSA)}),
        "modelyard:gateway.auth.consumers[0].jwt: 'alice' is known by tokens and 'alice' by keys, and the plugin for "
        "the one refuses whoever brings the other: give all consumers keys, or all of them jwt",
    ),
    "one issuer and key for two": (
        auth(token("alice", RSA, EC), token("bob", EC)),
        "modelyard:gateway.auth.consumers[1].jwt: 'alice' has the same issuer 'https://login.example' with the same "
        "key, so a token says not which of the two it is for: give each an issuer or a key of its own, or make them "
        "one consumer",
    ),
    "key set that is no JSON": (jwks("{"), bad_key_set("the text is no JSON")),
    "key set that is a list": (jwks("[]"), bad_key_set("it has no list of 'keys'")),
    "key set without keys": (jwks('{"keys": []}'), bad_key_set("it has no list of 'keys'")),
    "key of no type": (
        jwks('{"keys": [{}]}'),
        bad_key_set("key 0 is of type None, which the plugin does not know"),
    ),
    "key that is no object": (
        jwks('{"keys": [1]}'),
        bad_key_set("key 0 is of type None, which the plugin does not know"),
    ),
    "key without a member": (
        jwks(json.dumps({"keys": [RSA, {"kty": "RSA", "n": "x"}]})),
        bad_key_set("key 1 of type 'RSA' has no 'e', or one that is none"),
    ),
    "key of an unknown curve": (
        jwks(json.dumps({"keys": [{**EC, "crv": "secp256k1"}]})),
        bad_key_set("key 0 of type 'EC' has no 'crv', or one that is none"),
    ),
    "symmetric key": (
        jwks('{"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}'),
        bad_key_set("key 0 is of type 'oct', a secret that would stand in plain text"),
    ),
    "private key": (
        jwks(json.dumps({"keys": [{**RSA, "d": "x"}]})),
        bad_key_set("key 0 has 'd', so it is a private key, which would stand in plain text"),
    ),
    "key with a quote": (auth({"name": "a", "keys": ['k"']}), bad_key("gateway.auth.consumers[0].keys[0]")),
    "key with a backslash": (auth({"name": "a", "keys": ["k\\"]}), bad_key("gateway.auth.consumers[0].keys[0]")),
    "key with a reference": (auth({"name": "a", "keys": ["${k"]}), bad_key("gateway.auth.consumers[0].keys[0]")),
    "key with a space": (
        auth(ALICE, {"name": "b", "keys": ["k", "a b"]}),
        bad_key("gateway.auth.consumers[1].keys[1]"),
    ),
    "key beyond ASCII": (auth({"name": "a", "keys": ["schlüssel"]}), bad_key("gateway.auth.consumers[0].keys[0]")),
    "password with a line break": (
        higress(redis={"host": "redis.example", "password": "p\n"}),
        bad_secret("gateway.redis.password"),
    ),
    "access key with a quote": (
        higress(securityGuard={**GUARD, "accessKey": '"'}),
        bad_secret("gateway.securityGuard.accessKey"),
    ),
    "secret key with a reference": (
        higress(securityGuard={**GUARD, "secretKey": "${a.b.c}"}),
        bad_secret("gateway.securityGuard.secretKey"),
    ),
    "reference in a word": (
        higress(dataMasking={"denyWords": ["a", "${a.b.c}"]}),
        reference("gateway.dataMasking.denyWords[1]", "${a.b.c}"),
    ),
    "reference in a route": (
        routed({"model": "${a.b.c}", "upstreams": [{"model": "qwen"}]}),
        reference("routes[0].model", "${a.b.c}"),
    ),
    "unknown administrator": (
        higress(auth={"consumers": [BOB, ALICE], "quota": {"adminConsumer": "root"}}, **REDIS),
        "modelyard:gateway.auth.quota.adminConsumer: 'root' is no consumer, so nobody could fill a budget: write "
        "'alice' or 'bob', or add it to modelyard:gateway.auth.consumers",
    ),
    "quota without consumers": (
        higress(auth={"quota": {"adminConsumer": "root"}}, **REDIS),
        "modelyard:gateway.auth.quota.adminConsumer: 'root' is no consumer, so nobody could fill a budget: add it to "
        "modelyard:gateway.auth.consumers",
    ),
    "cache of two consumers": (
        routed({"model": "qwen", "cache": {"seconds": 60}}, auth={"consumers": [ALICE, BOB]}, **REDIS),
        "modelyard:routes[0].cache: 2 consumers use the route, and each would get answers to what another one asked: "
        "write shared: true if they may, or leave the route one consumer",
    ),
    "sessions by two headers": (
        routed(
            {"model": "qwen", "loadBalancing": SESSION},
            {"model": "gemma", "fallback": ["qwen"], "loadBalancing": {**SESSION, "sessionHeader": "x-user"}},
        ),
        "modelyard:routes[1].loadBalancing.sessionHeader: 'x-user', but routes[0] reaches model 'qwen' by "
        "'x-session-id', and Higress balances a model in one way: use the same header for both",
    ),
    "session header of no session": (
        routed({"model": "qwen", "loadBalancing": {**LEAST_LOAD, "sessionHeader": "x-user"}}, **REDIS),
        "modelyard:routes[0].loadBalancing.sessionHeader: 'x-user' with policy 'least_load', which knows no sessions: "
        "write policy: session, or leave sessionHeader out",
    ),
    "both lists of addresses": (
        higress(ipRestriction={"allow": ["10.0.0.1"], "deny": ["10.0.0.2"]}),
        "modelyard:gateway.ipRestriction: both lists are given, and the plugin works by one: write allow, or deny",
    ),
    "no list of addresses": (
        higress(ipRestriction={}),
        "modelyard:gateway.ipRestriction: neither list is given, and the plugin works by one: write allow, or deny",
    ),
    "allowed address of five parts": (
        higress(ipRestriction={"allow": ["10.0.0.0/8", "1.2.3.4.5"]}),
        no_address("ipRestriction.allow[1]", "1.2.3.4.5"),
    ),
    "denied range that is too small": (
        higress(ipRestriction={"deny": ["10.0.0.0/33"]}),
        no_address("ipRestriction.deny[0]", "10.0.0.0/33"),
    ),
    "source range of letters": (
        higress(service={"sourceRanges": ["abc"]}),
        no_address("service.sourceRanges[0]", "abc"),
    ),
    "origin with a path": (
        higress(cors={"origins": ["*", "https://chat.example.com/"]}),
        "modelyard:gateway.cors.origins[1]: 'https://chat.example.com/' is never what a browser sends, which is "
        "scheme, host and port and nothing behind: write one such as https://chat.example.com",
    ),
    "masking of nothing": (
        higress(dataMasking={}),
        "modelyard:gateway.dataMasking: neither masks nor denyWords is given, so every request would be read for "
        "nothing: write one of them, or leave dataMasking out",
    ),
    "mask of an open parenthesis": (
        masked("(a"),
        unclosed("(a", "missing ), unterminated subpattern"),
    ),
    "mask of a closing parenthesis": (masked("a)"), unclosed("a)", "unbalanced parenthesis")),
    "mask of an open bracket": (
        masked("%{IP}[a-z"),
        unclosed("%{IP}[a-z", "unterminated character set"),
    ),
    "plugin by address and digest": (
        higress(plugins={"ai-proxy": {"url": "oci://r.example/ai-proxy:1", "digest": DIGEST}}),
        "modelyard:gateway.plugins.ai-proxy: url and digest are given, and each says by itself what is loaded: keep "
        "url, and remove digest",
    ),
    "plugin by digest and version": (
        higress(plugins={"cors": {}, "ai-proxy": {"digest": DIGEST, "version": "2.0.1"}}),
        "modelyard:gateway.plugins.ai-proxy: digest and version are given, and each says by itself what is loaded: "
        "keep digest, and remove version",
    ),
    "plugin by everything": (
        higress(plugins={"ai-proxy": {"digest": DIGEST, "version": "2.0.1", "url": "file:///p.wasm"}}),
        "modelyard:gateway.plugins.ai-proxy: url and digest and version are given, and each says by itself what is "
        "loaded: keep url, and remove digest and version",
    ),
}

FINE: dict[str, dict[str, Any]] = {
    "tokens of two issuers": auth(token("alice", RSA), token("bob", RSA, issuer="https://other.example")),
    "tokens of one issuer by two keys": auth(token("alice", RSA), token("bob", EC)),
    "key of an edwards curve": auth(token("alice", {"kty": "OKP", "crv": "Ed25519", "x": "x"})),
    "keys of any printable character": auth({"name": "a", "keys": ["sk-Aa0_~!#$%&'()*+,/:;<=>?@[]^`{|}"]}),
    "cache that is shared": routed(
        {"model": "qwen", "cache": {"seconds": 60, "shared": True}}, auth={"consumers": [ALICE, BOB]}, **REDIS
    ),
    "cache of one consumer": routed(
        {"model": "qwen", "cache": {"seconds": 60}, "consumers": ["alice"]}, auth={"consumers": [ALICE, BOB]}, **REDIS
    ),
    "cache where nobody is known": routed({"model": "qwen", "cache": {"seconds": 60}}, **REDIS),
    "A/B by two values of a header": stack(
        routes=[
            {"model": "qwen", "headers": {"x-a": "1", "x-b": "1"}},
            {"model": "qwen", "headers": {"x-a": "1", "x-b": "2"}},
            {"model": "qwen", "headers": {"x-c": "1"}},
            {"model": "gemma", "headers": {"x-b": "1"}},
        ]
    ),
    "masks that only the plugin's engine knows": masked(
        r"\p{L}+", r"(?i)a(?i)b", "%{EMAILADDRESS}", "[[:punct:](]", "[^[:space:]()]+", "[]]", r"\(", "[)]", "a{2,}+"
    ),
    "plugin by digest": higress(plugins={"ai-proxy": {"digest": DIGEST}, "cors": {"version": "2.0.1"}}),
    "session without Redis": routed({"model": "qwen", "loadBalancing": SESSION}),
    "one header for a shared model": routed(
        {"model": "qwen", "loadBalancing": SESSION}, {"model": "gemma", "fallback": ["qwen"], "loadBalancing": SESSION}
    ),
    "password with a space": higress(redis={"host": "redis.example", "password": "a b", "username": "u", "port": 1}),
    "range with bits of a host": higress(ipRestriction={"allow": ["10.1.2.3/8", "::1", "2001:db8::/32"]}),
    "origins of any form": higress(
        cors={"origins": ["*", "http://localhost:8080", "https://*.example.com:[8080,9090]"]}
    ),
}


@pytest.mark.parametrize(("raw", "sentence"), RULES.values(), ids=RULES.keys())
def test_every_rule_says_what_is_wrong(raw: dict[str, Any], sentence: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(raw)

    assert caught.value.problems == [sentence]


@pytest.mark.parametrize("raw", FINE.values(), ids=FINE.keys())
def test_what_works_is_let_through(raw: dict[str, Any]) -> None:
    assert isinstance(load(raw), StackSettings)


def test_no_sentence_tells_a_secret() -> None:
    secrets = {
        "redis": {"host": "redis.example", "password": 'hidden"1'},
        "securityGuard": GUARD | {"secretKey": 'hidden"2'},
    }

    with pytest.raises(SettingsError) as caught:
        load(auth({"name": "a", "keys": ["hidden 3"]}, **secrets))

    assert len(caught.value.problems) == 3
    assert "hidden" not in str(caught.value)

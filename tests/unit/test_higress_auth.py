"""Who may call a Higress gateway."""

import json
from base64 import b64decode
from typing import Any

import pytest

from components.manifests.higress.authentication import api_key_secrets, jwt_auth, key_auth
from stacks.settings import StackSettings
from tests.unit.higress_stack import higress, placed

ALICE = {"name": "alice", "keys": ["sk-alice", "sk-second"]}
BOB = {"name": "team-a-1", "keys": ["sk-bob"]}
JWKS = json.dumps({"keys": [{"kty": "RSA", "n": "AQ", "e": "AQAB"}]})
CAROL = {"name": "carol", "jwt": {"issuer": "https://login.example", "jwks": JWKS}}


def keys() -> StackSettings:
    return higress(gemma={"consumers": ["alice"]}, auth={"consumers": [ALICE, BOB]})


def test_key_auth() -> None:
    assert key_auth(keys()) == {
        "apiVersion": "extensions.higress.io/v1alpha1",
        "kind": "WasmPlugin",
        "metadata": {
            "name": "key-auth.internal",
            "namespace": "higress-system",
            "labels": {
                "higress.io/resource-definer": "higress",
                "higress.io/wasm-plugin-name": "key-auth",
                "higress.io/wasm-plugin-version": "1.0.0",
                "higress.io/wasm-plugin-category": "auth",
                "higress.io/wasm-plugin-built-in": "true",
                "higress.io/internal": "true",
            },
            "annotations": {
                "pulumi.com/patchForce": "true",
                "higress.io/wasm-plugin-title": "Key Auth",
                "higress.io/comment": "PLEASE DO NOT EDIT DIRECTLY. This resource is managed by Higress.",
            },
        },
        "spec": {
            "url": "oci://higress-registry.cn-hangzhou.cr.aliyuncs.com/plugins/key-auth:2.0.0",
            "imagePullPolicy": "UNSPECIFIED_POLICY",
            "phase": "AUTHN",
            "priority": 310,
            "failStrategy": "FAIL_CLOSE",
            "defaultConfig": {
                "global_auth": False,
                "allow": [],
                "keys": ["x-higress-dummy-key"],
                "consumers": [
                    {
                        "name": "alice",
                        "keys": ["x-api-key", "Authorization"],
                        "in_query": False,
                        "in_header": True,
                        "credentials": [
                            "Bearer ${secret.modelyard-keys-alice-8ae3849d7a.key-0}",
                            "Bearer ${secret.modelyard-keys-alice-8ae3849d7a.key-1}",
                            "${secret.modelyard-keys-alice-8ae3849d7a.key-0}",
                            "${secret.modelyard-keys-alice-8ae3849d7a.key-1}",
                        ],
                    },
                    {
                        "name": "team-a-1",
                        "keys": ["x-api-key", "Authorization"],
                        "in_query": False,
                        "in_header": True,
                        "credentials": [
                            "Bearer ${secret.modelyard-keys-team-a-1-3544fa1710.key-0}",
                            "${secret.modelyard-keys-team-a-1-3544fa1710.key-0}",
                        ],
                    },
                ],
            },
            "defaultConfigDisable": False,
            "matchRules": [
                # Not on the fallback's Ingress: by then the caller's key is gone.
                placed({"allow": ["alice", "team-a-1"]}, "ai-route-qwen.internal"),
                placed({"allow": ["alice"]}, "ai-route-gemma.internal"),
                placed({"allow": ["alice", "team-a-1"]}, "modelyard-models"),
                placed({"allow": ["alice", "team-a-1"]}, "modelyard-unknown-model"),
            ],
        },
    }


def test_keys_are_in_secrets_and_nowhere_else() -> None:
    alice, bob = api_key_secrets(keys())

    assert alice == {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": "modelyard-keys-alice-8ae3849d7a",
            "namespace": "higress-system",
            "labels": {"higress.io/resource-definer": "higress"},
            "annotations": {"pulumi.com/patchForce": "true"},
        },
        "type": "Opaque",
        "data": {"key-0": "c2stYWxpY2U=", "key-1": "c2stc2Vjb25k"},
    }
    assert b64decode("c2stYWxpY2U=").decode() == "sk-alice"
    assert bob["data"] == {"key-0": "c2stYm9i"}
    assert "sk-" not in json.dumps(key_auth(keys()))


def test_a_new_key_is_a_new_secret_and_leaves_others_as_they_are() -> None:
    before = api_key_secrets(keys())
    after = api_key_secrets(higress(auth={"consumers": [ALICE, {**BOB, "keys": ["sk-bob-2"]}]}))

    assert after[0] == before[0]
    assert after[1]["metadata"]["name"] != before[1]["metadata"]["name"]


def test_a_consumer_that_goes_takes_only_its_own_secret() -> None:
    assert api_key_secrets(higress(auth={"consumers": [ALICE]})) == api_key_secrets(keys())[:1]


def test_a_route_of_nobody_lets_nobody_in() -> None:
    plugin = key_auth(higress(gemma={"consumers": []}, auth={"consumers": [ALICE]}))

    assert plugin
    assert plugin["spec"]["matchRules"][1] == placed({"allow": []}, "ai-route-gemma.internal")


def test_tokens() -> None:
    dave: dict[str, Any] = {
        "name": "dave",
        "jwt": {"issuer": "dave", "jwks": JWKS, "header": "X-Token", "prefix": "", "clockSkewSeconds": 0},
    }
    plugin = jwt_auth(higress(gemma={"consumers": ["dave"]}, auth={"consumers": [CAROL, dave]}))

    assert plugin
    assert plugin["metadata"]["name"] == "jwt-auth.internal"
    assert plugin["spec"] == {
        "url": "oci://higress-registry.cn-hangzhou.cr.aliyuncs.com/plugins/jwt-auth:2.0.0",
        "imagePullPolicy": "UNSPECIFIED_POLICY",
        "phase": "AUTHN",
        "priority": 340,
        "failStrategy": "FAIL_CLOSE",
        "defaultConfig": {
            "global_auth": False,
            "consumers": [
                {
                    "name": "carol",
                    "issuer": "https://login.example",
                    "jwks": JWKS,
                    "from_headers": [{"name": "Authorization", "value_prefix": "Bearer "}],
                    "clock_skew_seconds": 60,
                    "keep_token": False,
                },
                {
                    "name": "dave",
                    "issuer": "dave",
                    "jwks": JWKS,
                    "from_headers": [{"name": "X-Token", "value_prefix": ""}],
                    "clock_skew_seconds": 0,
                    "keep_token": False,
                },
            ],
        },
        "defaultConfigDisable": False,
        "matchRules": [
            placed({"allow": ["carol", "dave"]}, "ai-route-qwen.internal"),
            placed({"allow": ["dave"]}, "ai-route-gemma.internal"),
            placed({"allow": ["carol", "dave"]}, "modelyard-models"),
            placed({"allow": ["carol", "dave"]}, "modelyard-unknown-model"),
        ],
    }


@pytest.mark.parametrize(
    ("consumers", "made"),
    [([], [False, False, False]), ([ALICE], [True, True, False]), ([CAROL], [False, False, True])],
)
def test_nothing_is_made_for_what_nobody_has(consumers: list[dict[str, Any]], made: list[bool]) -> None:
    stack = higress(auth={"consumers": consumers})

    assert [bool(found) for found in (api_key_secrets(stack), key_auth(stack), jwt_auth(stack))] == made

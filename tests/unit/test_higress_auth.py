"""Who may call a Higress gateway."""

import json
from base64 import b64decode
from typing import Any

import pytest

from components.manifests.higress.authentication import api_key_secret, jwt_auth, key_auth
from stacks.settings import StackSettings
from tests.unit.higress_stacks import higress, placed

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
                            "Bearer ${secret.modelyard-api-keys.alice-0}",
                            "Bearer ${secret.modelyard-api-keys.alice-1}",
                            "${secret.modelyard-api-keys.alice-0}",
                            "${secret.modelyard-api-keys.alice-1}",
                        ],
                    },
                    {
                        "name": "team-a-1",
                        "keys": ["x-api-key", "Authorization"],
                        "in_query": False,
                        "in_header": True,
                        "credentials": [
                            "Bearer ${secret.modelyard-api-keys.team-a-1-0}",
                            "${secret.modelyard-api-keys.team-a-1-0}",
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


def test_keys_are_in_the_secret_and_nowhere_else() -> None:
    secret = api_key_secret(keys())

    assert secret == {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": "modelyard-api-keys",
            "namespace": "higress-system",
            "labels": {"higress.io/resource-definer": "higress"},
            "annotations": {"pulumi.com/patchForce": "true"},
        },
        "type": "Opaque",
        "data": {"alice-0": "c2stYWxpY2U=", "alice-1": "c2stc2Vjb25k", "team-a-1-0": "c2stYm9i"},
    }
    assert b64decode("c2stYWxpY2U=").decode() == "sk-alice"
    assert "sk-" not in json.dumps(key_auth(keys()))


def test_a_number_at_the_end_of_a_name_is_no_other_key() -> None:
    consumers = [{"name": "a", "keys": [f"k{n}" for n in range(12)]}, {"name": "a-1", "keys": ["x", "y"]}]

    secret = api_key_secret(higress(auth={"consumers": consumers}))

    assert secret
    assert len(secret["data"]) == 14


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

    assert [found is not None for found in (api_key_secret(stack), key_auth(stack), jwt_auth(stack))] == made

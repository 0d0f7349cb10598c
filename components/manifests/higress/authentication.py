"""Who may call the gateway: API keys by key-auth, tokens by jwt-auth.

Callers are known where their requests come in, and nowhere else. The further places of a chain can't be
reached from outside, and by then the caller's key is gone.
"""

from typing import Any

from components.manifests.higress.answers import MODELS, UNKNOWN
from components.manifests.higress.names import hop
from components.manifests.higress.places import allowed
from components.manifests.higress.plugins import rule, wasm_plugin
from components.manifests.higress.secrets import Secrets
from components.manifests.objects import Manifest
from stacks.settings import ConsumerSettings, JwtSettings, StackSettings


def api_key_secrets(stack: StackSettings) -> list[Manifest]:
    """The API keys: a Secret for each consumer, so that one's keys change without the others'."""
    return [_keys(consumer).manifest(stack) for consumer in stack.gateway.auth.consumers if consumer.keys]


def key_auth(stack: StackSettings) -> Manifest | None:
    """The plugin that knows callers by their API keys. None where nobody has one."""
    consumers = [_with_keys(consumer) for consumer in stack.gateway.auth.consumers if consumer.keys]
    if not consumers:
        return None
    # The console gives the plugin a header of all consumers, for versions that ask for one. Each has its own here.
    default = {"global_auth": False, "allow": [], "keys": ["x-higress-dummy-key"], "consumers": consumers}
    return wasm_plugin(stack, "key-auth", default=default, rules=_rules(stack))


def jwt_auth(stack: StackSettings) -> Manifest | None:
    """The plugin that knows callers by their tokens. None where nobody has one."""
    consumers = [_with_token(consumer.name, consumer.jwt) for consumer in stack.gateway.auth.consumers if consumer.jwt]
    if not consumers:
        return None
    default = {"global_auth": False, "consumers": consumers}
    return wasm_plugin(stack, "jwt-auth", default=default, rules=_rules(stack))


def _rules(stack: StackSettings) -> list[dict[str, Any]]:
    everybody = [consumer.name for consumer in stack.gateway.auth.consumers]
    return [
        # One for each Ingress, as the console looks for a route's consumers.
        *(rule({"allow": allowed(stack, route)}, ingresses=[hop(route, 0)]) for route in stack.all_routes),
        rule({"allow": everybody}, ingresses=[MODELS]),
        rule({"allow": everybody}, ingresses=[UNKNOWN]),
    ]


def _keys(consumer: ConsumerSettings) -> Secrets:
    return Secrets(
        f"modelyard-keys-{consumer.name}", {f"key-{number}": key for number, key in enumerate(consumer.keys)}
    )


def _with_keys(consumer: ConsumerSettings) -> dict[str, Any]:
    secrets = _keys(consumer)
    keys = [secrets.reference(name) for name in secrets.values]
    return {
        "name": consumer.name,
        # The console keeps the last one only, when a person saves the consumer there.
        "keys": ["x-api-key", "Authorization"],
        # In a URL a key would stand in logs.
        "in_query": False,
        "in_header": True,
        # What is compared is the header as a whole.
        "credentials": [*(f"Bearer {key}" for key in keys), *keys],
    }


def _with_token(name: str, jwt: JwtSettings) -> dict[str, Any]:
    return {
        "name": name,
        "issuer": jwt.issuer,
        "jwks": jwt.jwks,
        "from_headers": [{"name": jwt.header, "value_prefix": jwt.prefix}],
        "clock_skew_seconds": jwt.clock_skew_seconds,
        # The pods take no token, and a caller's token is nothing that they should see.
        "keep_token": False,
    }

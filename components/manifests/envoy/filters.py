"""HTTP filters of the edge and of the hop, in the order in which they run."""

import json
from pathlib import Path

from components.manifests.envoy import names
from components.manifests.envoy.proto import Json, extension
from components.manifests.openai_api import RETRY_AFTER_SECONDS, unavailable
from stacks.settings import ConsumerSettings, EnvoyGatewaySettings

_MODEL = "<model>"


def _program() -> str:
    """The Lua program that reads requests and answers."""
    before, after = (json.dumps(part) for part in json.dumps(unavailable(_MODEL)).split(_MODEL))
    given = f"local UNAVAILABLE_BEFORE, UNAVAILABLE_AFTER, RETRY_AFTER = {before}, {after}, '{RETRY_AFTER_SECONDS}'\n"
    return given + Path(__file__).with_name("openai.lua").read_text()


OPENAI = _program()
"""The Lua program that reads requests and answers, and says where no model could answer."""


def edge_filters(gateway: EnvoyGatewaySettings) -> list[Json]:
    """The filters of the listener for clients."""
    consumers = gateway.auth.consumers
    return [
        *([_api_key_auth(consumers)] if consumers else []),
        _buffer(gateway.body_limit_mib),
        # Ahead of the other, which changes the body.
        *([_prompts(gateway.access_log.prompt_bytes)] if gateway.access_log.prompt_bytes else []),
        _openai(),
        # Only here, behind the choice of the model's route, is the route's own allow list read.
        *([_rbac()] if consumers else []),
        router(),
    ]


def hop_filters(gateway: EnvoyGatewaySettings) -> list[Json]:
    """The filters of the internal listener that writes ``model`` into the body."""
    return [_buffer(gateway.body_limit_mib), _name_to_body(), router()]


def router() -> Json:
    """The last filter, which asks the upstream."""
    return extension(
        "envoy.filters.http.router",
        "envoy.extensions.filters.http.router.v3.Router",
        suppress_envoy_headers=True,
        # The gateway's own metrics say more, and these cost each request some microseconds.
        dynamic_stats=False,
    )


def _api_key_auth(consumers: tuple[ConsumerSettings, ...]) -> Json:
    return extension(
        "envoy.filters.http.api_key_auth",
        "envoy.extensions.filters.http.api_key_auth.v3.ApiKeyAuth",
        credentials=[
            {"key": key.get_secret_value(), "client": consumer.name} for consumer in consumers for key in consumer.keys
        ],
        key_sources=[{"header": "authorization"}, {"header": "x-api-key"}],
        forwarding={"header": names.CONSUMER_HEADER, "hide_credentials": True},
    )


def _buffer(limit_mib: int) -> Json:
    # Also what lets the filters behind it hold such a body: their own limit would be 1 MiB.
    return extension(
        "envoy.filters.http.buffer",
        "envoy.extensions.filters.http.buffer.v3.Buffer",
        max_request_bytes=limit_mib * names.MIB,
    )


def _prompts(most_bytes: int) -> Json:
    return _lua(f"local BYTES = {most_bytes}\n" + Path(__file__).with_name("prompts.lua").read_text())


def _openai() -> Json:
    return _lua(OPENAI)


def _lua(program: str) -> Json:
    return extension(
        "envoy.filters.http.lua",
        "envoy.extensions.filters.http.lua.v3.Lua",
        default_source_code={"inline_string": program},
    )


def _rbac() -> Json:
    return extension("envoy.filters.http.rbac", "envoy.extensions.filters.http.rbac.v3.RBAC")


def _name_to_body() -> Json:
    # The body is written anew: keys in order, integers beyond 2**53 rounded, no other change.
    return extension(
        "envoy.filters.http.transform",
        "envoy.extensions.filters.http.transform.v3.TransformConfig",
        request_transformation={
            "body_transformation": {
                "action": "MERGE",
                "body_format": {"json_format": {"model": f"%FILTER_STATE({names.METADATA}.served_name:PLAIN)%"}},
            }
        },
    )

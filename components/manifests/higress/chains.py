"""Fallback: what a route does when its models fail, one redirect after the other.

Higress's own Envoy can send a request again, with its original body, to another route. Its console
uses that once. Here each place of a chain has a route of its own: the one before it says, in an
internal header, where it comes from, and the last one says that no model could answer. A response of
status 5xx redirects, and so does what Envoy answers itself when it can't reach a model; 4xx never
does, and nothing does once a byte of the answer has been sent.
"""

import json
from typing import Any

from components.manifests.envoy.local_reply import RETRY_AFTER
from components.manifests.envoy.names import MIB, REHEARSE_HEADER
from components.manifests.envoy.proto import Json, seconds, set_header, typed
from components.manifests.envoy.routes import OTHER_POD
from components.manifests.higress import names
from components.manifests.higress.envoy_filter import envoy_filter, on_route, typed_struct
from components.manifests.higress.rehearsal import passed_over
from components.manifests.objects import Manifest
from components.manifests.openai_api import unavailable
from stacks.settings import RouteSettings, StackSettings

_FILTER = "envoy.filters.http.custom_response"
_REMOVED = ("authorization", "x-api-key", names.ORIGINAL_AUTH_HEADER, REHEARSE_HEADER)


def first_redirect(stack: StackSettings, route: RouteSettings) -> Manifest | None:
    """The redirect to the first fallback, as the console writes it. None for a route without one."""
    if not route.fallback:
        return None
    name = names.hop(route, 0)
    return envoy_filter(stack, name, [on_route(name, {"typed_per_filter_config": _custom_response(stack, route, 0)})])


def route_filter(stack: StackSettings, route: RouteSettings) -> Manifest:
    """What a route and its fallbacks do beyond what the console can say.

    The console does not know this object, so an edit there leaves it as it is.
    """
    patches = []
    for number, name in enumerate(names.hops(route)):
        value: Json = {
            "route": _times(route),
            # The pods take no key, and a client's key is nothing that they should see.
            "request_headers_to_remove": list(_REMOVED),
            "response_headers_to_add": _told(route, number),
            "typed_per_filter_config": _filters(stack, route, number),
        }
        patches.append(on_route(name, value))
    return envoy_filter(stack, f"{names.config_map(route)}.modelyard", patches, yields=True)


def _filters(stack: StackSettings, route: RouteSettings, number: int) -> Json:
    filters: Json = {}
    if number or not route.fallback:
        filters |= _custom_response(stack, route, number)
    if number:
        filters |= _without_authentication(stack)
    if number < len(route.fallback):
        filters |= passed_over(number)
    return filters


def _without_authentication(stack: StackSettings) -> Json:
    """Turns off what would ask again for a key that is gone by now, as an edit in the console makes it do."""
    if not stack.gateway.auth.consumers:
        return {}
    disabled = typed("envoy.config.route.v3.FilterConfig", disabled=True)
    plugins = [f"{stack.higress.namespace}.{name}{names.INTERNAL}" for name in ("key-auth", "jwt-auth")]
    # Istio names a plugin's filter one way or the other by its version. A name that isn't there does no harm.
    return {f"{prefix}{plugin}": disabled for plugin in plugins for prefix in ("", "extensions.istio.io/wasmplugin/")}


def _told(route: RouteSettings, number: int) -> list[Json]:
    served_by = set_header(names.SERVED_BY_HEADER, f"%CLUSTER_METADATA({names.METADATA}:model)%")
    if number == 0:
        return [served_by]
    return [served_by, set_header(names.FALLBACK_FROM_HEADER, route.model.replace("%", "%%"))]


def _times(route: RouteSettings) -> Json:
    times = route.timeouts
    # Silence is what ends a request, so that no long answer is cut: a plain answer is silent until it is whole.
    silence = max(times.answer_seconds, times.idle_seconds, times.first_byte_seconds)
    retry: Json = {"per_try_idle_timeout": seconds(silence)}
    if route.fallback:
        # The next try is the next model's.
        retry |= {"retry_on": "connect-failure", "num_retries": 0}
    else:
        retry |= {**OTHER_POD, "num_retries": 1}
    tries = 1 if route.fallback else 2
    return {"timeout": "0s", "idle_timeout": seconds(tries * silence + 1), "retry_policy": retry}


def _custom_response(stack: StackSettings, route: RouteSettings, number: int) -> Json:
    is_last = number == len(route.fallback)
    action = _exhausted(route) if is_last else _redirect(route, number)
    return _filter_config(
        stack, {"custom_response_matcher": {"matcher_list": {"matchers": [_on_server_error(action)]}}}
    )


def body_kept(stack: StackSettings) -> Json:
    """A change of a route that has its request's body kept, so that it can be sent again.

    The filter decides that as a request comes in. Its model isn't known then, so it stands on the route
    that takes what no other one does.
    """
    return {"typed_per_filter_config": _filter_config(stack, {})}


def _filter_config(stack: StackSettings, config: Json) -> Json:
    told = {
        **config,
        # The console's 1,000 KiB would refuse a larger request even where no fallback is needed.
        "with_request_body": {"max_request_bytes": stack.gateway.body_limit_mib * MIB},
    }
    message = "envoy.extensions.filters.http.custom_response.v3.CustomResponse"
    return {_FILTER: typed_struct(message, told)}


def _on_server_error(action: Json) -> Json:
    status = {
        "name": "5xx_response",
        "typed_config": {"@type": "type.googleapis.com/envoy.type.matcher.v3.HttpResponseStatusCodeClassMatchInput"},
    }
    return {
        # The console can also fall back on 4xx, which would come again from any model.
        "predicate": {"single_predicate": {"input": status, "value_match": {"exact": "5xx"}}},
        "on_match": {"action": {"name": "action", "typed_config": action}},
    }


def _redirect(route: RouteSettings, number: int) -> Json:
    here: dict[str, Any] = {"header": {"key": names.FALLBACK_HEADER, "value": names.hop(route, number)}}
    return typed_struct(
        "envoy.extensions.http.custom_response.redirect_policy.v3.RedirectPolicy",
        {
            # One more than there are: with none left, the last route could not say that the chain is at its end.
            "max_internal_redirects": len(route.fallback) + 1,
            "use_original_request_uri": True,
            "keep_original_response_code": False,
            "use_original_request_body": True,
            "only_redirect_upstream_code": False,
            "request_headers_to_add": [{**here, "append": False}],
            "response_headers_to_add": [{**here, "append": False}],
        },
    )


def _exhausted(route: RouteSettings) -> Json:
    return typed_struct(
        "envoy.extensions.http.custom_response.local_response_policy.v3.LocalResponsePolicy",
        {
            "status_code": 503,
            "body": {"inline_string": json.dumps(unavailable(route.model), ensure_ascii=False)},
            "response_headers_to_add": [RETRY_AFTER, set_header("content-type", "application/json")],
        },
    )

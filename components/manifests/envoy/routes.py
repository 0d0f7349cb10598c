"""The edge's route configuration: which model answers what, and the errors for what none answers."""

from components.manifests.envoy import chains, names
from components.manifests.envoy.errors import MODEL_SHOWN, direct_response
from components.manifests.envoy.proto import Json, extension, literal, seconds, set_header, typed
from components.manifests.openai_api import MODEL_PATHS_REGEX, invalid_request, model_object, model_path
from stacks.settings import RouteSettings, StackSettings

MODELS_LIMIT_BYTES = 16 * names.MIB
"""Bound of a direct answer, in place of Envoy's 4 KiB: the list of models grows with them."""


def route_configuration(stack: StackSettings) -> Json:
    """The edge's routes, in RDS form without ``@type``."""
    return {
        "name": names.ROUTES,
        "max_direct_response_body_size_bytes": MODELS_LIMIT_BYTES,
        "virtual_hosts": [
            {
                "name": names.ROUTES,
                "domains": ["*"],
                "matcher": _by_model(stack),
                # The pods take no key, and a client's key is nothing that they should see. A compressed answer's
                # tokens could not be counted.
                "request_headers_to_remove": ["authorization", "x-api-key", "accept-encoding"],
                "response_headers_to_remove": [names.SERVED_BY_HEADER, names.FALLBACK_FROM_HEADER, names.HOP_HEADER],
                # An empty value adds no header. The Lua program takes away those that do not hold for the answer.
                "response_headers_to_add": [
                    set_header(names.SERVED_BY_HEADER, names.SERVED_BY),
                    set_header(names.HOP_HEADER, f"%UPSTREAM_METADATA({names.METADATA}:hop)%"),
                    set_header(names.FALLBACK_FROM_HEADER, f"%REQ({names.MODEL_HEADER})%"),
                ],
            }
        ],
    }


def _by_model(stack: StackSettings) -> Json:
    known = {model: _action(_routes_of(stack, model, own)) for model, own in _by_name(stack).items()}
    # In this order, for every POST passes here before its body is read, and the list has a route for each model.
    other = {"action": _action([*_error_routes(stack), *_list_routes(stack), *_upgrades()])}
    if not known:
        return {"on_no_match": other}
    return {
        "matcher_tree": {
            "input": extension(
                "model", "envoy.type.matcher.v3.HttpRequestHeaderMatchInput", header_name=names.MODEL_HEADER
            ),
            "exact_match_map": {"map": {model: {"action": action} for model, action in known.items()}},
        },
        "on_no_match": other,
    }


def _by_name(stack: StackSettings) -> dict[str, list[RouteSettings]]:
    found: dict[str, list[RouteSettings]] = {}
    for route in stack.all_routes:
        found.setdefault(route.model, []).append(route)
    return found


def _routes_of(stack: StackSettings, model: str, own: list[RouteSettings]) -> list[Json]:
    # The more a route asks for, the earlier it is tried.
    ordered = sorted(own, key=lambda route: len(route.headers), reverse=True)
    found = [match for route in ordered for match in _model_routes(stack, route)]
    if not ordered[-1].headers:
        return found
    message = f"The model '{literal(model)}' answers only to requests with certain other headers."
    return [*found, _refusal(_model_match(), 404, invalid_request(message, "model_not_found", "model"))]


def _action(routes: list[Json]) -> Json:
    return extension("routes", "envoy.config.route.v3.RouteList", routes=routes)


def _model_routes(stack: StackSettings, route: RouteSettings) -> list[Json]:
    times = route.timeouts
    tries, lone = chains.tries(route), chains.is_lone(route)
    destination = _destination(chains.chains(stack, route))
    # Never shorter than the wait for the first byte, or it would end that wait too.
    between_events = max(times.idle_seconds, times.first_byte_seconds)
    streamed = {
        "timeout": "0s",
        # A stream that is silent for longer than all tries together has a client that is gone.
        "idle_timeout": seconds(tries * times.first_byte_seconds + between_events),
        "retry_policy": {
            **_retry_policy(tries, times.first_byte_seconds, lone=lone),
            "per_try_idle_timeout": seconds(between_events),
        },
    }
    # The whole chain's time bounds an answer that has begun, too: its try has no other end.
    chain_seconds = tries * times.answer_seconds + 1
    plain = {
        "timeout": seconds(times.answer_seconds if lone else chain_seconds),
        "idle_timeout": seconds(chain_seconds),
        "retry_policy": _retry_policy(tries, times.answer_seconds, lone=lone),
    }
    is_streamed = _exactly(names.STREAM_HEADER, "true")
    asked_for = [_exactly(name, value) for name, value in route.headers.items()]
    return [
        {
            "name": route.model,
            "match": match,
            "route": {**destination, **action},
            **_allowed_consumers(route),
        }
        for match, action in ((_model_match(is_streamed, *asked_for), streamed), (_model_match(*asked_for), plain))
    ]


OTHER_POD: Json = {
    # A 500 comes from the request, and would come again.
    "retry_on": "gateway-error,reset,connect-failure,refused-stream",
    "retry_host_predicate": [
        extension(
            "envoy.retry_host_predicates.previous_hosts",
            "envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate",
        )
    ],
    "host_selection_retry_max_attempts": 5,
}
"""What lets a second try go to another pod of the same model, where no other model stands in."""


def _retry_policy(tries: int, per_try_seconds: float, *, lone: bool) -> Json:
    policy: Json = {
        "retry_on": "5xx,reset,connect-failure,refused-stream",
        "num_retries": tries - 1,
        "per_try_timeout": seconds(per_try_seconds),
        # The next try goes elsewhere, so there is nothing to wait for; 0 is not allowed.
        "retry_back_off": {"base_interval": "0.001s", "max_interval": "0.010s"},
    }
    if not lone:
        return policy
    return {**policy, **OTHER_POD}


def _destination(choices: list[chains.Chain]) -> Json:
    if len(choices) == 1:
        return {"cluster": choices[0].name}
    clusters = [{"name": choice.name, "weight": choice.weight} for choice in choices if choice.weight]
    return {"weighted_clusters": {"clusters": clusters}}


def _allowed_consumers(route: RouteSettings) -> Json:
    if route.consumers is None:
        return {}
    principals = [{"header": _exactly(names.CONSUMER_HEADER, name)} for name in route.consumers]
    policies = {"consumers": {"permissions": [{"any": True}], "principals": principals}} if principals else {}
    return {
        "typed_per_filter_config": {
            "envoy.filters.http.rbac": typed(
                "envoy.extensions.filters.http.rbac.v3.RBACPerRoute",
                rbac={"rules": {"action": "ALLOW", "policies": policies}},
            )
        }
    }


def _list_routes(stack: StackSettings) -> list[Json]:
    listed = list(_by_name(stack))
    everything = {"object": "list", "data": [model_object(literal(model)) for model in listed]}
    return [
        _listing("/v1/models", everything),
        *(_listing(model_path(model), model_object(literal(model))) for model in listed),
        {
            "match": {"prefix": "/v1/models/", "headers": [_method("GET")]},
            "direct_response": direct_response(
                404,
                invalid_request(f"There is no model at '%PATH(NQ)%'. {_known(stack)}", "model_not_found", "model"),
            ),
        },
    ]


def _upgrades() -> list[Json]:
    # Without a route, Envoy waits for the end of a body that such requests do not have. With one, it refuses them.
    named: Json = {"prefix": "/", "headers": [{"name": "upgrade", "present_match": True}]}
    tunnel: Json = {"connect_matcher": {}}
    return [{"match": match, "direct_response": {"status": 403}} for match in (named, tunnel)]


def _listing(path: str, body: Json) -> Json:
    return {"match": {"path": path, "headers": [_method("GET")]}, "direct_response": direct_response(200, body)}


def _error_routes(stack: StackSettings) -> list[Json]:
    named = {"name": names.MODEL_HEADER, "present_match": True}
    no_model = invalid_request(
        f"The request body must name one 'model'. {_known(stack)}", "missing_required_parameter", "model"
    )
    return [
        _refusal(
            _model_match(_exactly(names.PROBLEM_HEADER, "no string")),
            400,
            invalid_request("'model' must be a string of at most 8 KB.", "invalid_type", "model"),
        ),
        _refusal(
            _model_match(named),
            404,
            invalid_request(f"The model '{MODEL_SHOWN}' does not exist. {_known(stack)}", "model_not_found", "model"),
        ),
        _refusal(_model_match(_exactly(names.PROBLEM_HEADER, "missing")), 400, no_model),
        _refusal(
            _model_match(_exactly(names.PROBLEM_HEADER, "twice")),
            400,
            invalid_request(
                "The request body names 'stream', 'stream_options' or 'include_usage' twice, of which readers take "
                "either: name each of them once.",
                "duplicate_parameter",
            ),
        ),
        _refusal(
            _model_match(),
            400,
            invalid_request(
                "The request body is no JSON object: send one, with 'content-type: application/json'.", "invalid_json"
            ),
        ),
    ]


def _refusal(match: Json, status: int, body: Json) -> Json:
    return {"match": match, "direct_response": direct_response(status, body)}


def _known(stack: StackSettings) -> str:
    listed = ", ".join(f"'{literal(model)}'" for model in _by_name(stack))
    return f"Known models: {listed or 'none'}."


def _model_match(*headers: Json) -> Json:
    return {"safe_regex": {"regex": MODEL_PATHS_REGEX}, "headers": [_method("POST"), *headers]}


def _method(name: str) -> Json:
    return _exactly(":method", name)


def _exactly(header: str, value: str) -> Json:
    return {"name": header, "string_match": {"exact": value}}

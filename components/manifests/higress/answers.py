"""What the gateway answers without asking a model: the list of models, and that there is no such model."""

import json

from components.manifests.envoy.proto import Json, set_header
from components.manifests.higress.chains import body_kept
from components.manifests.higress.envoy_filter import before_answer, envoy_filter, on_route
from components.manifests.higress.routing import ingress
from components.manifests.objects import Manifest
from components.manifests.openai_api import model_object, model_path
from stacks.settings import StackSettings

MODELS = "modelyard-models"
"""The Ingress of the list of models."""
UNKNOWN = "modelyard-unknown-model"
"""The Ingress of all that no other one takes."""


def answer_ingresses(stack: StackSettings) -> list[Manifest]:
    """The Ingresses whose routes the answers stand on."""
    # An Ingress must lead somewhere, and nothing goes there.
    destination = {"higress.io/destination": f"higress-console.{stack.higress.namespace}.svc.cluster.local:8080"}
    return [
        ingress(stack, MODELS, {**destination, "higress.io/match-method": "GET"}, "/v1/models", "Exact"),
        # Of all routes a prefix of '/' without a header comes last.
        ingress(stack, UNKNOWN, destination),
    ]


def answer_filter(stack: StackSettings) -> Manifest:
    """The answers."""
    listed = list(dict.fromkeys(route.model for route in stack.all_routes))
    everything = {"object": "list", "data": [model_object(name) for name in listed]}
    known = ", ".join(f"'{name}'" for name in listed) or "none"
    return envoy_filter(
        stack,
        "modelyard-answers",
        [
            on_route(MODELS, _json(everything)),
            *(before_answer(MODELS, _model(name)) for name in listed),
            # The edge puts the rest of the error around it.
            on_route(UNKNOWN, {**_answer(404, f"Known models: {known}."), **body_kept(stack)}),
        ],
    )


def _model(name: str) -> Json:
    method = {"name": ":method", "string_match": {"exact": "GET"}}
    # Plugins tell routes by their names, and this one is to be treated as the list is.
    return {"name": MODELS, "match": {"path": model_path(name), "headers": [method]}, **_json(model_object(name))}


def _json(body: Json) -> Json:
    return {
        **_answer(200, json.dumps(body, ensure_ascii=False)),
        "response_headers_to_add": [set_header("content-type", "application/json")],
    }


def _answer(status: int, body: str) -> Json:
    return {"direct_response": {"status": status, "body": {"inline_string": body}}}

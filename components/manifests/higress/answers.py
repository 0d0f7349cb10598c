"""What the gateway answers without asking a model: the list of models, and that there is no such model."""

import json

from components.manifests.envoy.proto import Json
from components.manifests.higress.chains import body_kept
from components.manifests.higress.envoy_filter import envoy_filter, on_route
from components.manifests.higress.routing import ingress
from components.manifests.objects import Manifest
from components.manifests.openai_api import model_object
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
    models = {"object": "list", "data": [model_object(name) for name in listed]}
    known = ", ".join(f"'{name}'" for name in listed) or "none"
    json_type = {
        "header": {"key": "content-type", "value": "application/json"},
        "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
    }
    return envoy_filter(
        stack,
        "modelyard-answers",
        [
            on_route(
                MODELS,
                {**_answer(200, json.dumps(models, ensure_ascii=False)), "response_headers_to_add": [json_type]},
            ),
            # The edge puts the rest of the error around it.
            on_route(UNKNOWN, {**_answer(404, f"Known models: {known}."), **body_kept(stack)}),
        ],
    )


def _answer(status: int, body: str) -> Json:
    return {"direct_response": {"status": status, "body": {"inline_string": body}}}

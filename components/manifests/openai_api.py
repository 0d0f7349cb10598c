"""The part of OpenAI's API that gateways serve themselves: its paths, its list of models, its errors.

https://platform.openai.com/docs/api-reference
"""

from typing import Any
from urllib.parse import quote

Json = dict[str, Any]
"""A plain JSON object."""

MODEL_PATHS = (
    "/v1/chat/completions",
    "/v1/completions",
    "/v1/embeddings",
    "/v1/responses",
    "/v1/rerank",
    "/v1/score",
)
"""What clients may ask of a model. vLLM serves more, of which ``/metrics`` and the LoRA paths are not for clients."""

MODEL_PATHS_REGEX = "|".join(MODEL_PATHS).replace(".", r"\.")
"""The same as a regular expression, for a path without its query."""

PATHS_SHOWN = f"POST to {', '.join(MODEL_PATHS)}, or GET to /v1/models"
"""What is served, for the error that says that something isn't."""

RETRY_AFTER_SECONDS = 5
"""What a client is told to wait when no model could answer: a few health checks."""


def error(message: str, kind: str, code: str, param: str | None = None) -> Json:
    """The body of an error, which OpenAI's clients raise as a typed one."""
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def invalid_request(message: str, code: str, param: str | None = None) -> Json:
    """The body of an error that the client can mend."""
    return error(message, "invalid_request_error", code, param)


def unavailable(model: str) -> Json:
    """The body of the error that no model could answer."""
    return error(
        f"No model could answer for '{model}': try again in {RETRY_AFTER_SECONDS} seconds.",
        "server_error",
        "service_unavailable",
    )


def model_object(name: str) -> Json:
    """An entry in the list of models."""
    return {"id": name, "object": "model", "created": 0, "owned_by": "modelyard"}


def model_path(name: str) -> str:
    """The path of an entry in the list of models."""
    # What RFC 3986 lets stand in a path as it is, beside letters, digits and '-._~'.
    return "/v1/models/" + quote(name, safe="/:@!$&'()*+,;=")

"""Names that several parts of the configuration share."""

MODEL_HEADER = "x-modelyard-model"
"""Internal request header: the ``model`` of the body, set by the gateway only."""
STREAM_HEADER = "x-modelyard-stream"
"""Internal request header: ``true`` where the body's ``stream`` is, however that is written."""
PROBLEM_HEADER = "x-modelyard-problem"
"""Internal request header: why the body is refused."""
CONSUMER_HEADER = "x-modelyard-consumer"
"""Internal request header: the consumer that the API key belongs to."""
CLUSTER_HEADER = "x-modelyard-cluster"
"""Internal request header inside the hop: the cluster that answers."""
SERVED_BY_HEADER = "x-modelyard-served-by"
"""Response header: the model that answered."""
FALLBACK_FROM_HEADER = "x-modelyard-fallback-from"
"""Response header: the model that was asked for, when another one answered in its place."""
HOP_HEADER = "x-modelyard-hop"
"""Internal response header: there where the answer is a fallback's."""

REHEARSE_HEADER = "x-modelyard-rehearse"
"""Request header of rehearsals: how many places of the chain are to count as failed. The edge takes it away."""

METADATA = "modelyard"
"""Namespace of metadata: an endpoint's ``model``, ``served_name`` and, on fallbacks, ``hop``; what the Lua program
notes of a request: ``usage``, ``first_token``, ``failed`` and ``fallback``."""
SERVED_BY = f"%UPSTREAM_METADATA({METADATA}:model)%"
"""Format of the model that answered."""
INPUT_TOKENS, CACHED_TOKENS, OUTPUT_TOKENS = (
    f"%DYNAMIC_METADATA({METADATA}:usage:{key})%" for key in ("input", "cached", "output")
)
"""Formats of the tokens of a request: all input, what of it was in the engine's cache, and output."""
PROMPT = f"%DYNAMIC_METADATA({METADATA}:prompt)%"
"""Format of the beginning of a request's body, where the stack wants it logged."""
FIRST_TOKEN = f"%DYNAMIC_METADATA({METADATA}:first_token)%"
"""Format of the time until a stream's first event, in milliseconds."""

EDGE = "edge"
"""Name of the listener for clients."""
REHEARSAL = "rehearsal"
"""Name of the listener, on the pods' loopback address, for rehearsals of fallbacks."""
HOP = "hop"
"""Name of the internal listener that rewrites ``model`` in the body."""
ROUTES = "models"
"""Name of the edge's route configuration."""
ADMIN = "envoy:admin"
"""Name of the cluster of Envoy's own admin interface. No model can have it."""
TRACES = "envoy:traces"
"""Name of the cluster of the collector of traces."""

HOP_BUFFER_KIB = 256
"""In place of 1 MiB, twice, of a stream's way through the hop, which fills when its client does not read."""

MIB = 1024 * 1024

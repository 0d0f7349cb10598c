"""Rules about arguments of ``vllm serve`` that no setting is for, and about names that vLLM has to know."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from serving.vllm_arguments import destinations, field_of, names, nearest, parsers, table, version
from stacks.rules.rule import Rule, camel, placed

if TYPE_CHECKING:
    from stacks.settings import ModelSettings, StackSettings

ALWAYS_WRITTEN = {
    "model": "source",
    "revision": "revision",
    "served_model_name": "servedNames",
    "tensor_parallel_size": "engine.tensorParallelSize",
    "pipeline_parallel_size": "engine.pipelineParallelSize",
    "data_parallel_size": "engine.dataParallelSize",
    "shutdown_timeout": "probes.drainSeconds",
    "allowed_media_domains": "engine.allowedMediaDomains",
    "enable_lora": "lora",
    "lora_modules": "lora.adapters",
    "max_loras": "lora.maxLoras",
    "max_lora_rank": "lora.maxLoraRank",
}
"""Fields of vLLM that settings of the model say, whether they are written or not, and the settings."""

ONE_SERVER = "a replica is one server with all its engines, which the Services lead to"
NODES = "the nodes of a replica follow from gpus and the pool"
PLAIN_HTTP = "the gateway and the probes ask the server by HTTP"

FIXED = {
    "host": "the Services and probes find the server by it",
    "port": "the Services and probes find the server by it",
    "uds": "the Services and probes find the server by its port",
    "api_key": "the gateway calls the pods without a key, and knows the callers itself",
    "root_path": "the gateway and the probes ask for the paths as they are",
    "grpc": PLAIN_HTTP,
    "ssl_certfile": PLAIN_HTTP,
    "ssl_keyfile": PLAIN_HTTP,
    "headless": NODES,
    "master_addr": NODES,
    "master_port": NODES,
    "nnodes": NODES,
    "node_rank": NODES,
    "data_parallel_external_lb": ONE_SERVER,
    "data_parallel_hybrid_lb": ONE_SERVER,
    "data_parallel_multi_port_external_lb": ONE_SERVER,
    "data_parallel_rank": ONE_SERVER,
    "data_parallel_start_rank": ONE_SERVER,
    "help": "vLLM says what it can do, and ends",
    "hf_token": (
        "it is a secret, and arguments are plain in the manifest, while the pods have the token of "
        "`pulumi config set --secret modelyard:huggingFaceToken` or of weights.tokenSecret"
    ),
}
"""Fields of vLLM that cannot be anything else, and why."""

PARSERS = {"tool_call_parser": "tool_parser_plugin", "reasoning_parser": "reasoning_parser_plugin"}
"""Settings that name a parser, and the fields of vLLM that bring parsers of a stack's own."""


def _known(stack: "StackSettings") -> Iterator[str]:
    for index, model in _of_the_table(stack):
        for position, name in names(model.extra_args):
            if field_of(name) is None:
                like = nearest(name, table())
                yield (
                    f"modelyard:models[{index}].extraArgs[{position}]: {name!r} is no argument of vLLM {version()}, "
                    f"which does not start with it: {f'write {like}' if like else 'correct or remove it'}"
                )


def _known_parsers(stack: "StackSettings") -> Iterator[str]:
    for index, model in _of_the_table(stack):
        for field, plugin in PARSERS.items():
            parser = getattr(model.engine, field)
            if parser in (None, *parsers(field)) or plugin in destinations(model.extra_args):
                continue
            like = nearest(parser, parsers(field)) or f"one of {', '.join(parsers(field))}"
            yield (
                f"modelyard:models[{index}].engine.{camel(field)}: {parser!r} is no parser of vLLM {version()}, which "
                f"does not start with it: write {like}"
            )


def _of_the_table(stack: "StackSettings") -> Iterator[tuple[int, "ModelSettings"]]:
    """The models of vLLM's own image of the table's version. Another may have other arguments and parsers."""
    for index, model, pool in placed(stack):
        image = stack.serving.image_on(pool.accelerator)
        if image.partition("@")[0].endswith(f"vllm/vllm-openai:v{version()}"):
            yield index, model


def _begin_with_a_name(stack: "StackSettings") -> Iterator[str]:
    for index, model in enumerate(stack.models):
        first = next(iter(model.extra_args), "-")
        if not first.startswith("-"):
            yield (
                f"modelyard:models[{index}].extraArgs[0]: {first!r} belongs to no argument, and vLLM does not start "
                "with it: write an argument's name ahead of it, such as --max-logprobs"
            )


def _said_once(stack: "StackSettings") -> Iterator[str]:
    for index, model in enumerate(stack.models):
        written = _written(model)
        for position, name in names(model.extra_args):
            place, field = f"modelyard:models[{index}].extraArgs[{position}]", field_of(name) or ""
            if field in FIXED:
                yield f"{place}: {name!r} is not for a stack to choose, since {FIXED[field]}: remove it"
            elif field in written:
                yield (
                    f"{place}: {name!r} says again what modelyard:models[{index}].{written[field]} says, and vLLM "
                    f"would take this one, of which nothing else here knows: write it as {written[field]} only"
                )


def _written(model: "ModelSettings") -> dict[str, str]:
    """The fields of vLLM that settings of this model say, and the settings."""
    engine = model.engine.model_fields_set - {"preset"}
    return {**ALWAYS_WRITTEN, **{field: f"engine.{camel(field)}" for field in engine}}


ARGUMENT_RULES: tuple[Rule, ...] = (
    _begin_with_a_name,
    _known,
    _known_parsers,
    _said_once,
)

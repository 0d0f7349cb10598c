"""Rules about vLLM's engine arguments that contradict each other."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from stacks.parallelism import parallelism
from stacks.rules.rule import Rule

if TYPE_CHECKING:
    from stacks.settings import EngineSettings, ModelSettings, StackSettings

OWN_DRAFTS = ("mtp", "ngram")
"""Methods of speculative decoding that need no second model."""


def _parallelism(stack: "StackSettings") -> Iterator[str]:
    for path, model in _engines(stack):
        engine = model.engine
        tensor, pipeline, data = engine.tensor_parallel_size, engine.pipeline_parallel_size, engine.data_parallel_size
        if tensor is not None and tensor * pipeline * data != model.gpus:
            yield (
                f"{path}.tensorParallelSize: {tensor} times pipelineParallelSize {pipeline} times dataParallelSize "
                f"{data} is {tensor * pipeline * data} GPUs, but the replica has {model.gpus}: make the product equal "
                "to gpus, or leave tensorParallelSize out"
            )
        elif tensor is None and model.gpus % (pipeline * data):
            wrong = "dataParallelSize" if pipeline == 1 else "pipelineParallelSize"
            times = f" times dataParallelSize {data}" if pipeline > 1 and data > 1 else ""
            yield (
                f"{path}.{wrong}: {data if pipeline == 1 else pipeline}{times} does not divide the replica's "
                f"{model.gpus} GPUs: write a divisor of gpus"
            )


def _experts(stack: "StackSettings") -> Iterator[str]:
    for path, model in _engines(stack):
        engine = model.engine
        if engine.enable_expert_parallel and model.gpus // engine.pipeline_parallel_size == 1:
            yield (
                f"{path}.enableExpertParallel: true, but experts are spread over tensor and data parallel GPUs, and "
                "here one GPU has each layer: leave it out, or give the replica more GPUs"
            )


def _batches(stack: "StackSettings") -> Iterator[str]:
    for path, model in _engines(stack):
        engine = model.engine
        tokens, length, sequences = engine.max_num_batched_tokens, engine.max_model_len, engine.max_num_seqs
        if tokens is None:
            continue
        if length is not None and tokens < length and engine.enable_chunked_prefill is False:
            yield (
                f"{path}.maxNumBatchedTokens: {tokens} is below maxModelLen {length}, and with enableChunkedPrefill "
                "false a prompt goes through one step whole, so vLLM does not start: write "
                f"{length} or more, or leave enableChunkedPrefill out"
            )
        if sequences is not None and tokens < sequences * _tokens_a_step(model):
            each = _tokens_a_step(model)
            guesses = f" of {each} tokens, as guesses are counted too," if each > 1 else ""
            yield (
                f"{path}.maxNumBatchedTokens: {tokens} is too few for a step of maxNumSeqs {sequences}{guesses} and "
                f"vLLM does not start: write {sequences * each} or more, or a smaller maxNumSeqs"
            )


def _tokens_a_step(model: "ModelSettings") -> int:
    # vLLM counts guesses here only where adapters have to be told apart, token by token.
    speculative = model.engine.speculative_config
    return speculative.num_speculative_tokens + 1 if speculative and model.lora else 1


def _memory(stack: "StackSettings") -> Iterator[str]:
    for path, model in _engines(stack):
        size, share = model.engine.kv_cache_memory_bytes, model.engine.gpu_memory_utilization
        if size is not None and share is not None:
            yield (
                f"{path}.kvCacheMemoryBytes: {size} together with gpuMemoryUtilization {share}, which vLLM ignores "
                "then: leave one of them out"
            )


def _speculation(stack: "StackSettings") -> Iterator[str]:
    for path, model in _engines(stack):
        speculative = model.engine.speculative_config
        if speculative is None:
            continue
        place, method = f"{path}.speculativeConfig", speculative.method
        if method in OWN_DRAFTS and speculative.model is not None:
            yield (
                f"{place}.model: {speculative.model!r} with method {method!r}, which guesses without a second model: "
                "leave it out, or write method: draft_model"
            )
        if method not in OWN_DRAFTS and speculative.model is None:
            yield (
                f"{place}.model: nothing is given, but method {method!r} guesses by a second model: say where its "
                "weights are, or write method: ngram"
            )
        if speculative.revision is not None and not (speculative.model or "").startswith("hf://"):
            yield (
                f"{place}.revision: {speculative.revision!r}, but only an hf:// second model has revisions: leave it "
                "out, or name one in model"
            )
        yield from _lookup(place, model.engine)
        pool = next((pool for pool in stack.pools if pool.name == model.pool), None)
        if pool is not None:
            yield from _draft_parallelism(place, model, pool.devices_per_node)


def _lookup(place: str, engine: "EngineSettings") -> Iterator[str]:
    speculative = engine.speculative_config
    if speculative is None:
        return
    fewest, most = speculative.prompt_lookup_min, speculative.prompt_lookup_max
    if speculative.method != "ngram":
        for key, value in (("promptLookupMin", fewest), ("promptLookupMax", most)):
            if value is not None:
                yield (
                    f"{place}.{key}: {value} with method {speculative.method!r}, which looks nothing up in the prompt: "
                    "leave it out, or write method: ngram"
                )
    elif fewest is not None and most is not None and fewest > most:
        yield (
            f"{place}.promptLookupMin: {fewest} is above promptLookupMax {most}, and no number of tokens is both: "
            "correct one of them"
        )


def _draft_parallelism(place: str, model: "ModelSettings", gpus_per_node: int) -> Iterator[str]:
    speculative = model.engine.speculative_config
    size = speculative.draft_tensor_parallel_size if speculative else None
    if size is None:
        return
    tensor = parallelism(model, gpus_per_node).tensor
    if size not in (1, tensor):
        yield (
            f"{place}.draftTensorParallelSize: {size}, but vLLM runs the second model on one GPU or on as many as "
            f"share the model's layers, {tensor}: write one of these, or leave it out"
        )


def _pooling(stack: "StackSettings") -> Iterator[str]:
    for path, model in _engines(stack):
        engine = model.engine
        if engine.runner == "generate" and engine.convert in ("embed", "classify"):
            yield (
                f"{path}.convert: {engine.convert!r} with runner 'generate', which writes text: write runner: pooling, "
                "or leave convert out"
            )
        if not engine.pools:
            continue
        cause = "runner 'pooling'" if engine.runner == "pooling" else f"convert {engine.convert!r}"
        for key, value in _of_chats(engine):
            yield (
                f"{path}.{key}: {value!r} with {cause}, and such a model writes no answer that it could be for: leave "
                f"it out, or leave {cause.partition(' ')[0]} out"
            )


def _of_chats(engine: "EngineSettings") -> Iterator[tuple[str, str]]:
    """The settings of an engine that only a model which writes text has a use for."""
    if engine.tool_call_parser is not None:
        yield "toolCallParser", engine.tool_call_parser
    if engine.reasoning_parser is not None:
        yield "reasoningParser", engine.reasoning_parser
    if engine.preset not in ("auto", "none"):
        yield "preset", engine.preset
    if engine.speculative_config is not None:
        yield "speculativeConfig.method", engine.speculative_config.method


def _engines(stack: "StackSettings") -> Iterator[tuple[str, "ModelSettings"]]:
    for index, model in enumerate(stack.models):
        yield f"modelyard:models[{index}].engine", model


ENGINE_RULES: tuple[Rule, ...] = (
    _parallelism,
    _experts,
    _batches,
    _memory,
    _speculation,
    _pooling,
)

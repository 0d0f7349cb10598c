"""What the fit check says of a whole stack: for the preview, for ``modelyard fit`` and for the rules."""

from collections.abc import Iterator
from dataclasses import dataclass

from stacks.fit.gpus import Gpu, Target, target
from stacks.fit.prices import price
from stacks.fit.shape import ModelShape
from stacks.fit.table import shape_or_reason
from stacks.fit.verdict import Fit, divides, fit
from stacks.fit.ways_out import ways_out
from stacks.fit.weights import share
from stacks.settings.models import ModelSettings
from stacks.settings.stack import StackSettings

COLUMNS = ("MODEL", "GPUS", "WEIGHTS", "OTHER", "KV CACHE", "LONGEST CONTEXT", "AT A TIME", "VERDICT")
"""The table's columns. Memory is GiB of one GPU."""


MOST_GPUS = 16
"""The most GPUs that a sentence proposes to share a layer."""
BFLOAT16 = (8, 0)
"""Compute capability from which there is bfloat16."""
NO_FLOAT16 = frozenset({"Gemma2ForCausalLM", "Gemma3ForCausalLM", "Gemma3ForConditionalGeneration"})
"""Architectures that vLLM does not serve in float16 (``config/model.py``)."""
LEAST_CAPABILITY = {"awq": (7, 5), "fp8": (7, 5), "mxfp4": (8, 0)}
"""Compute capability from which vLLM takes weights of a method (``get_min_capability``)."""


@dataclass(frozen=True)
class Line:
    """What is known of one model."""

    index: int
    """Its place in ``models``."""
    model: ModelSettings
    """The model."""
    fit: Fit | None
    """What it takes. None: not known."""
    reason: str = ""
    """Why it is not known."""
    ways_out: tuple[str, ...] = ()
    """What to write instead, where it does not fit."""
    cost_per_hour: float | None = None
    """What its replicas cost in an hour. None: the price of its GPU is not known."""
    at_list_price: bool = False
    """Whether that is by the list of prices, in US dollars, and not by the stack's own."""

    @property
    def fits(self) -> bool | None:
        """Whether it fits. None: not known."""
        return self.fit.fits if self.fit else None


def report(stack: StackSettings) -> list[Line]:
    """What is known of every model of a stack."""
    if stack.fit.check == "off":
        return []
    return [_line(stack, index, model) for index, model in enumerate(stack.models)]


def problems(stack: StackSettings) -> list[str]:
    """A sentence for everything that cannot work, where the check is on."""
    found = [] if stack.fit.check == "off" else stack.models
    return [sentence for index, model in enumerate(found) for sentence in _problems(stack, index, model)]


def fit_warnings(stack: StackSettings) -> list[str]:
    """What cannot work, where the stack asks to be told and not to be refused."""
    return problems(stack) if stack.fit.check == "warn" else []


def summary(stack: StackSettings) -> str | None:
    """The table for a preview. None: nothing is known of any model."""
    lines = report(stack)
    return f"GiB of each GPU, and tokens:\n{table(lines)}" if any(line.fit for line in lines) else None


def table(lines: list[Line]) -> str:
    """The models as lines of columns."""
    cost = "LIST USD/H" if any(line.at_list_price for line in lines) else "COST/H"
    columns = (*COLUMNS, cost) if any(line.cost_per_hour is not None for line in lines) else COLUMNS
    rows = [columns, *(_row(line)[: len(columns)] for line in lines)]
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def _line(stack: StackSettings, index: int, model: ModelSettings) -> Line:
    pools = {pool.name: pool for pool in stack.pools}
    pool = pools.get(model.pool)
    there = target(pool) if pool else None
    shape = shape_or_reason(model)
    if pool is None or there is None:
        return Line(
            index, model, None, "the memory of its GPU is not said: gpuModel or gpuMemoryGib of its pool says it"
        )
    cost, listed = _cost(stack, model, there), not stack.fit.prices
    if isinstance(shape, str):
        return Line(index, model, None, shape, cost_per_hour=cost, at_list_price=listed)
    found = fit(model, shape, there)
    if found is None:
        reason = "one of its settings takes memory that is not worked out"
        return Line(index, model, None, reason, cost_per_hour=cost, at_list_price=listed)
    others = {
        name: each
        for name, one in pools.items()
        if one.devices_per_node >= model.gpus and not (one.mig and model.gpus > 1) and (each := target(one))
    }
    ways = () if found.fits else tuple(ways_out(model, shape, pool, others))
    return Line(index, model, found, ways_out=ways, cost_per_hour=cost, at_list_price=listed)


def _problems(stack: StackSettings, index: int, model: ModelSettings) -> Iterator[str]:
    shape = shape_or_reason(model)
    if isinstance(shape, str):
        return
    yield from _too_long(index, model, shape)
    pool = next((pool for pool in stack.pools if pool.name == model.pool), None)
    if pool:
        yield from _indivisible(index, model, shape, pool.devices_per_node)
    there = target(pool) if pool else None
    if there and there.gpu:
        yield from _wrong_types(index, model, shape, there.gpu)
    line = _line(stack, index, model)
    if line.fit and not line.fit.fits:
        yield _sentence(line, line.fit)


def _indivisible(index: int, model: ModelSettings, shape: ModelShape, gpus_per_node: int) -> Iterator[str]:
    spread = share(model, gpus_per_node)
    what = divides(shape, spread)
    if what is not None:
        counts = [count for count in range(1, MOST_GPUS + 1) if _shares(model, shape, count)]
        instead = " or ".join(str(count) for count in counts) or "fewer"
        yield (
            f"modelyard:models[{index}].gpus: {spread.tensor} GPUs that share each layer cannot divide {what} "
            f"evenly, and vLLM does not start: let {instead} share it, by gpus or engine.tensorParallelSize"
        )


def _too_long(index: int, model: ModelSettings, shape: ModelShape) -> Iterator[str]:
    said, most = model.engine.max_model_len, shape.longest_context
    if said and said > most and "VLLM_ALLOW_LONG_MAX_MODEL_LEN" not in model.env and not model.engine.hf_overrides:
        yield (
            f"modelyard:models[{index}].engine.maxModelLen: {said} tokens, but the model was made for {most}, and vLLM "
            f"does not start with more: write {most} or less, or its rope_scaling in engine.hfOverrides"
        )


def _wrong_types(index: int, model: ModelSettings, shape: ModelShape, gpu: Gpu) -> Iterator[str]:
    able = gpu.compute_capability
    if able is None:
        return
    path, has = f"modelyard:models[{index}].engine", f"{gpu.name} has {able[0]}.{able[1]}"
    if able < BFLOAT16 and model.engine.dtype == "bfloat16":
        yield f"{path}.dtype: bfloat16 needs a GPU of compute capability 8.0, and {has}: write float16"
    if able < BFLOAT16 and shape.architecture in NO_FLOAT16 and model.engine.dtype in {"auto", "float16"}:
        yield (
            f"{path}.dtype: {model.engine.dtype} is float16 on a GPU without bfloat16, which needs compute capability "
            f"8.0 ({has}), and vLLM does not serve {shape.architecture} so: write float32, or name another pool"
        )
    method = shape.quantization.method if shape.quantization else model.engine.quantization
    least = LEAST_CAPABILITY.get(method or "")
    if least and able < least:
        yield (
            f"{path}.quantization: {method} needs a GPU of compute capability {least[0]}.{least[1]}, and {has}: "
            "name another pool, or weights that are quantized otherwise"
        )


def _sentence(line: Line, found: Fit) -> str:
    where = f"each of {found.gpus} GPUs" if found.gpus > 1 else "the GPU"
    instead = _listed(line.ways_out) if line.ways_out else "name a pool with larger GPUs, or a smaller model"
    cache = max(found.cache_needed_gib, found.cache_limit_gib or 0)
    return (
        f"modelyard:models[{line.index}]: {found.needed_gib:.1f} GiB are needed on {where} at maxModelLen "
        f"{found.max_model_len} ({found.weights_gib:.1f} of weights, {cache:.1f} of KV cache, "
        f"{found.taken_gib - found.weights_gib:.1f} beside them), but one {found.target.name} has "
        f"{found.given_gib:.1f} GiB to give: {_written(instead, bool(line.ways_out))}"
    )


def _written(instead: str, settings: bool) -> str:
    return f"write {instead}" if settings else instead


def _listed(ways: tuple[str, ...]) -> str:
    return ways[0] if len(ways) == 1 else f"{', '.join(ways[:-1])}, or {ways[-1]}"


def _shares(model: ModelSettings, shape: ModelShape, tensor: int) -> bool:
    engine = model.engine.model_copy(update={"tensor_parallel_size": tensor})
    return divides(shape, share(model.model_copy(update={"engine": engine, "gpus": tensor}), tensor)) is None


def _cost(stack: StackSettings, model: ModelSettings, there: Target) -> float | None:
    each = price(stack, there.name)
    return None if each is None else each * model.gpus * model.most_replicas


def _row(line: Line) -> tuple[str, ...]:
    found, model = line.fit, line.model
    cost = "-" if line.cost_per_hour is None else f"{line.cost_per_hour:.2f}"
    if found is None:
        return (model.name, str(model.gpus), "-", "-", "-", "-", "-", f"not known: {line.reason}", cost)
    gpus = f"{model.gpus} x {found.target.name}"
    return (
        model.name,
        gpus,
        f"{found.weights_gib:.1f}",
        f"{found.taken_gib - found.weights_gib:.1f}",
        f"{max(0.0, found.cache_gib):.1f} of {found.given_gib:.1f}",
        f"{found.longest} of {found.max_model_len}",
        f"{found.concurrency:.1f}",
        "fits" if found.fits else "does not fit",
        cost,
    )

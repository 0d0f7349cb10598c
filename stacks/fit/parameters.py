"""Parameters of a model, counted from its shape, as one GPU holds them."""

from dataclasses import dataclass

from stacks.fit.shape import Experts, LatentAttention, ModelShape

VOCAB_PADDING = 64
"""vLLM pads the vocabulary to a multiple of this (``vocab_parallel_embedding.py``)."""


@dataclass(frozen=True)
class Share:
    """How the GPUs of a replica share a model."""

    tensor: int = 1
    """GPUs that share each layer."""
    pipeline: int = 1
    """Groups of GPUs, each with layers of its own."""
    data: int = 1
    """Copies of all but the experts, each on GPUs of its own."""
    whole_experts: bool = False
    """Whether experts are spread over the GPUs whole. Otherwise every GPU has a slice of each."""

    @property
    def gpus(self) -> int:
        """The GPUs of a replica."""
        return self.tensor * self.pipeline * self.data

    @property
    def expert_slices(self) -> int:
        """Into how many slices an expert is cut."""
        return 1 if self.whole_experts else self.tensor * self.data

    @property
    def expert_groups(self) -> int:
        """Into how many groups the experts are dealt."""
        return self.tensor * self.data if self.whole_experts else 1


@dataclass(frozen=True)
class Parameters:
    """Numbers of parameters, by what quantization does to them."""

    linear: int = 0
    """In matrices of attention and of dense MLPs."""
    experts: int = 0
    """In matrices of routed experts."""
    plain: int = 0
    """In embeddings, output layer, norms, biases and routers, which are never quantized."""

    def __add__(self, other: "Parameters") -> "Parameters":
        return Parameters(self.linear + other.linear, self.experts + other.experts, self.plain + other.plain)

    @property
    def total(self) -> int:
        """All of them."""
        return self.linear + self.experts + self.plain


def total(shape: ModelShape) -> int:
    """Parameters of the whole model, as they are published: without vLLM's padding of the vocabulary."""
    layers = sum(layer(shape, index, Share()).total for index in range(shape.layers))
    return layers + _ends(shape, shape.vocab_size)


def stage(shape: ModelShape, share: Share) -> Parameters:
    """Parameters on one GPU of the pipeline's fullest stage."""
    stages = [_stage(shape, share, rank) for rank in range(share.pipeline)]
    return max(stages, key=lambda parameters: parameters.total)


def stage_layers(shape: ModelShape, stages: int, rank: int) -> range:
    """Layers of one stage of a pipeline, as vLLM deals them out (``distributed/utils.py``, ``get_pp_indices``)."""
    each, rest = divmod(shape.layers, stages)
    sizes = [each] * stages
    # What is over goes to the stages ahead of the last one, from the back.
    for back in range(2, rest + 2):
        sizes[-back] += 1
    first = sum(sizes[:rank])
    return range(first, first + sizes[rank])


def layer(shape: ModelShape, index: int, share: Share) -> Parameters:
    """Parameters of one layer on one GPU."""
    attention = _latent(shape, shape.latent, share) if shape.latent else _attention(shape, share)
    norms = Parameters(plain=shape.norms * shape.hidden_size)
    if shape.experts and shape.has_experts(index):
        return attention + norms + _experts(shape, shape.experts, share)
    return attention + norms + _mlp(shape, share)


def kv_heads(shape: ModelShape, share: Share) -> int:
    """Key and value heads on one GPU. Where there are fewer than GPUs, each has a copy of one."""
    return max(1, shape.kv_heads // share.tensor)


def padded_vocab(shape: ModelShape) -> int:
    """The vocabulary as vLLM holds it."""
    return -(-shape.vocab_size // VOCAB_PADDING) * VOCAB_PADDING


def _stage(shape: ModelShape, share: Share, rank: int) -> Parameters:
    found = Parameters()
    for index in stage_layers(shape, share.pipeline, rank):
        found += layer(shape, index, share)
    matrix = padded_vocab(shape) // share.tensor * shape.hidden_size
    first, last = rank == 0, rank == share.pipeline - 1
    if first:
        found += Parameters(plain=matrix + (shape.vision.parameters if shape.vision else 0))
    if last:
        head = 0 if shape.tied_embeddings and first else matrix
        found += Parameters(plain=head + shape.hidden_size)
    return found


def _ends(shape: ModelShape, vocab: int) -> int:
    matrices = 1 if shape.tied_embeddings else 2
    vision = shape.vision.parameters if shape.vision else 0
    return matrices * vocab * shape.hidden_size + shape.hidden_size + vision


def _attention(shape: ModelShape, share: Share) -> Parameters:
    queries = shape.heads // share.tensor * shape.head_dim
    keys = kv_heads(shape, share) * shape.head_dim
    linear = shape.hidden_size * (queries + 2 * keys) + queries * shape.hidden_size
    plain = 0
    if shape.qkv_bias:
        plain += queries + 2 * keys
    if shape.output_bias:
        plain += shape.hidden_size
    if shape.head_norm == "head":
        plain += 2 * shape.head_dim
    elif shape.head_norm == "all":
        plain += queries + keys
    if shape.sinks:
        plain += shape.heads // share.tensor
    return Parameters(linear=linear, plain=plain)


def _latent(shape: ModelShape, latent: LatentAttention, share: Share) -> Parameters:
    heads = shape.heads // share.tensor
    queries = heads * (latent.nope_dim + latent.rope_dim)
    # What compresses is whole on every GPU; what expands is shared by heads.
    linear = shape.hidden_size * (latent.kv_rank + latent.rope_dim)
    linear += latent.kv_rank * heads * (latent.nope_dim + latent.value_dim)
    linear += heads * latent.value_dim * shape.hidden_size
    plain = latent.kv_rank
    if latent.query_rank is None:
        linear += shape.hidden_size * queries
    else:
        linear += shape.hidden_size * latent.query_rank + latent.query_rank * queries
        plain += latent.query_rank
    return Parameters(linear=linear, plain=plain)


def _mlp(shape: ModelShape, share: Share) -> Parameters:
    inner = shape.intermediate_size // share.tensor
    bias = 2 * inner + shape.hidden_size if shape.mlp_bias else 0
    return Parameters(linear=3 * shape.hidden_size * inner, plain=bias)


def _experts(shape: ModelShape, experts: Experts, share: Share) -> Parameters:
    count = -(-experts.count // share.expert_groups)
    inner = experts.intermediate_size // share.expert_slices
    plain = shape.hidden_size * experts.count
    if experts.bias:
        plain += experts.count + count * (2 * inner + shape.hidden_size)
    if experts.routing_bias:
        plain += experts.count
    shared = 3 * shape.hidden_size * (experts.shared_intermediate_size // share.tensor)
    return Parameters(linear=shared, experts=3 * shape.hidden_size * inner * count, plain=plain)

"""The text of a stack file."""

import json
import re
from collections.abc import Iterator
from itertools import cycle

from stacks.cli.new_stack.answers import Answers, Weights
from stacks.cli.new_stack.sizing import Size

_HEAD = """\
# yaml-language-server: $schema=schema.json
# Written by `modelyard init`. stacks/schema.json knows every setting, docs/models.md and docs/pools.md explain them,
# and stacks/Pulumi.prod.yaml shows more of them at work.
config:
"""

_GATEWAYS = {
    "envoy": """\
  modelyard:gateway:
    kind: envoy # inside the cluster only: `modelyard chat` forwards a port, and so does kubectl
""",
    "higress": """\
  modelyard:gateway:
    kind: higress
    # Inside the cluster only. Before clients come from outside, give it a `domain`, `tls` and `auth.consumers`, and
    # then `service: {type: LoadBalancer}`: stacks/Pulumi.prod.yaml has all of it.
    service: { type: ClusterIP }
""",
}

_PRODUCTION = """\
  # What could change behind your back must be pinned: a model's `revision` is a commit.
  modelyard:production: true
"""

_PLAIN = re.compile(r"[A-Za-z][\w./:@-]*[\w]|[A-Za-z]")
_RESERVED = re.compile(r"true|false|yes|no|on|off|null|y|n", re.IGNORECASE)


def text(answers: Answers, sizes: dict[Weights, Size]) -> str:
    """The stack file for a person's answers."""
    return _HEAD + "\n".join(
        (*_settings(answers), *_models(answers, sizes), _GATEWAYS[answers.gateway], *_routes(answers))
    )


def names(answers: Answers) -> list[str]:
    """The models' names, all different."""
    found: list[str] = []
    for weights in answers.weights:
        name, number = weights.model_name, 2
        while name in found:
            name, number = f"{weights.model_name}-{number}", number + 1
        found.append(name)
    return found


def _settings(answers: Answers) -> Iterator[str]:
    if answers.production:
        yield _PRODUCTION
    context = f"    context: {_scalar(answers.context)}\n" if answers.context else ""
    yield (
        "  modelyard:cluster:\n"
        "    kind: existing # the one that your kubeconfig leads to\n"
        f"{context}"
        f"    namespace: {_scalar(answers.namespace)} # of the models; it must exist\n"
    )
    yield "  modelyard:pools:\n" + "".join(_pools(answers))


def _pools(answers: Answers) -> Iterator[str]:
    product = _scalar(answers.gpu_model)
    for name, zone in zip(_pool_names(answers), answers.zones or (None,), strict=True):
        yield (
            f"    - name: {name}\n"
            f"      gpuModel: {product}\n"
            f"      gpusPerNode: {answers.gpus_per_node}\n"
            f"      minNodes: {answers.nodes}\n"
            f"      maxNodes: {answers.nodes}\n"
            "      nodeSelector:\n"
            f"        nvidia.com/gpu.product: {product} # the label that GPU feature discovery writes\n"
        )
        if zone:
            yield f"        topology.kubernetes.io/zone: {_scalar(zone)}\n"


def _pool_names(answers: Answers) -> list[str]:
    return [f"gpu-{number}" for number in range(1, len(answers.zones) + 1)] or ["gpu"]


def _models(answers: Answers, sizes: dict[Weights, Size]) -> Iterator[str]:
    yield "  modelyard:models:"
    for name, weights, pool in zip(names(answers), answers.weights, cycle(_pool_names(answers)), strict=False):
        yield "".join(_model(answers, name, pool, weights, sizes[weights]))


def _model(answers: Answers, name: str, pool: str, weights: Weights, size: Size) -> Iterator[str]:
    yield f"    - name: {name}\n      source: {_scalar(weights.source)}\n"
    if weights.revision:
        yield f"      revision: {_scalar(weights.revision)}\n"
    yield f"      pool: {pool}\n      gpus: {size.gpus}\n"
    if answers.production:
        yield "      replicas: 2 # one answers while the other is replaced or its node is drained\n"
    yield '      cpu: "4"\n      memory: 32Gi\n'
    if size.max_model_len:
        context = f"      engine: {{ maxModelLen: {size.max_model_len} }}"
        yield f"{context} # tokens of prompt and answer, for which the GPU's memory does\n"


def _routes(answers: Answers) -> Iterator[str]:
    known = names(answers)
    yield "  modelyard:routes:"
    for name in known:
        others = ", ".join(other for other in known if other != name)
        fallback = f"\n      fallback: [{others}] # asked in this order when {name} fails" if others else ""
        yield f"    - model: {name}{fallback}"
    yield ""


def _scalar(value: str) -> str:
    """A text as YAML has it, in quotes where it could be read as something else."""
    return value if _PLAIN.fullmatch(value) and not _RESERVED.fullmatch(value) else json.dumps(value)

"""Rules that join several settings of a stack.

Each rule yields sentences of three parts: what was given, with its place in the stack
file, why it cannot work, and what to write instead.
"""

from collections.abc import Callable, Iterable, Iterator
from posixpath import normpath
from typing import TYPE_CHECKING

from stacks.higress_release_rules import release_problems
from stacks.higress_rules import HIGRESS_RULES
from stacks.llmaz_rules import LLMAZ_RULES

if TYPE_CHECKING:
    from stacks.settings import RouteSettings, StackSettings

CONTAINER_PATHS = ("/cache", "/dev/shm", "/models", "/tmp")  # noqa: S108
"""Paths in a model's container that its own volumes take."""
KEY_HEADERS = ("authorization", "x-api-key")
"""Request headers that carry keys. They are taken out once the consumer is known."""
GATEWAY_HEADERS = ("x-modelyard-", "x-higress-", "x-hi-", "x-mse-", "x-envoy-")
"""How request headers begin that only a gateway sets."""


def problems(stack: "StackSettings") -> list[str]:
    """Every problem of a stack, in the order of the rules."""
    return [problem for rule in RULES for problem in rule(stack)]


def _unique_names(stack: "StackSettings") -> Iterator[str]:
    yield from _repeats("pools", "name", (pool.name for pool in stack.pools))
    yield from _repeats("models", "name", (model.name for model in stack.models))
    consumers = stack.gateway.auth.consumers
    yield from _repeats("gateway.auth.consumers", "name", (consumer.name for consumer in consumers))
    for index, route in enumerate(stack.routes):
        earlier = [(other.model, other.headers) for other in stack.routes[:index]]
        if (route.model, route.headers) in earlier:
            yield (
                f"modelyard:routes[{index}].model: {route.model!r} has a route already, "
                f"modelyard:routes[{earlier.index((route.model, route.headers))}], and a request can take only one: "
                "put what they say into one route"
            )


def _service_names(stack: "StackSettings") -> Iterator[str]:
    taken: dict[str, str] = {}
    if stack.gateway.kind == "envoy":
        taken[stack.gateway.name] = "modelyard:gateway.name"
    for index, model in enumerate(stack.models):
        for name in (model.name, f"{model.name}-lb"):
            if name in taken:
                yield (
                    f"modelyard:models[{index}].name: {model.name!r} makes a Service {name!r}, which "
                    f"{taken[name]} makes too: rename one of them"
                )
            taken.setdefault(name, f"modelyard:models[{index}].name")


def _models_fit_pools(stack: "StackSettings") -> Iterator[str]:
    pools = {pool.name: pool for pool in stack.pools}
    for index, model in enumerate(stack.models):
        pool = pools.get(model.pool)
        if pool is None:
            yield (
                f"modelyard:models[{index}].pool: {model.pool!r} is no node pool of this stack: "
                f"{_instead(pools, 'modelyard:pools')}"
            )
        elif model.gpus > pool.gpus_per_node:
            yield (
                f"modelyard:models[{index}].gpus: {model.gpus} GPUs a replica, but a node of pool {pool.name!r} "
                f"has {pool.gpus_per_node}, so no node can ever run it: write {pool.gpus_per_node} or fewer, "
                "or name a pool with larger nodes"
            )


def _parallelism(stack: "StackSettings") -> Iterator[str]:
    for index, model in enumerate(stack.models):
        tensor = model.engine.tensor_parallel_size
        wanted = (tensor or 1) * model.engine.pipeline_parallel_size
        if tensor is not None and wanted != model.gpus:
            yield (
                f"modelyard:models[{index}].engine.tensorParallelSize: {tensor} times pipelineParallelSize "
                f"{model.engine.pipeline_parallel_size} is {wanted} GPUs, but the replica has {model.gpus}: "
                "make the product equal to gpus, or leave tensorParallelSize out"
            )
        elif tensor is None and model.gpus % model.engine.pipeline_parallel_size:
            yield (
                f"modelyard:models[{index}].engine.pipelineParallelSize: "
                f"{model.engine.pipeline_parallel_size} does not divide the replica's {model.gpus} GPUs: "
                "write a divisor of gpus"
            )


def _replicas_or_autoscaling(stack: "StackSettings") -> Iterator[str]:
    for index, model in enumerate(stack.models):
        scaling = model.autoscaling
        if scaling and model.replicas is not None:
            yield (
                f"modelyard:models[{index}].replicas: {model.replicas} together with autoscaling, and each would "
                "undo the other: leave replicas out, and write autoscaling.minReplicas"
            )
        if scaling and scaling.min_replicas >= scaling.max_replicas:
            yield (
                f"modelyard:models[{index}].autoscaling.minReplicas: {scaling.min_replicas} leaves no room below "
                f"maxReplicas {scaling.max_replicas}: write a smaller one"
            )


def _routes_reach_models(stack: "StackSettings") -> Iterator[str]:
    models = [model.name for model in stack.models]
    for index, route in enumerate(stack.routes):
        path = f"modelyard:routes[{index}]"
        if not route.upstreams and route.model not in models:
            yield (
                f"{path}.model: {route.model!r} is no model of this stack: {_instead(models, 'modelyard:models')}, or "
                "say in upstreams which models answer for it"
            )
        for position, upstream in enumerate(route.upstreams):
            if upstream.model not in models:
                yield (
                    f"{path}.upstreams[{position}].model: {upstream.model!r} is no model of this stack: "
                    f"{_instead(models, 'modelyard:models')}"
                )
        for position, name in enumerate(route.fallback):
            if name not in models:
                yield (
                    f"{path}.fallback[{position}]: {name!r} is no model of this stack, so nothing could answer: "
                    f"{_instead(models, 'modelyard:models')}"
                )


def _fallback_goes_forward(stack: "StackSettings") -> Iterator[str]:
    for index, route in enumerate(stack.routes):
        yield from _revisits(f"modelyard:routes[{index}]", route)


def _revisits(path: str, route: "RouteSettings") -> Iterator[str]:
    primaries = {upstream.model for upstream in route.targets}
    seen: list[str] = []
    for position, name in enumerate(route.fallback):
        if name in primaries:
            yield (
                f"{path}.fallback[{position}]: {name!r} is what the route asks first, and when it has failed it "
                "cannot stand in for itself: name another model, or remove it"
            )
        elif name in seen:
            yield (
                f"{path}.fallback[{position}]: {name!r} stands in the chain already, at "
                f"fallback[{seen.index(name)}], so the chain would go in a circle: remove one of them"
            )
        seen.append(name)


def _weights(stack: "StackSettings") -> Iterator[str]:
    for index, route in enumerate(stack.routes):
        total = sum(upstream.weight for upstream in route.targets)
        if total != 100:
            yield (
                f"modelyard:routes[{index}].upstreams: the weights add up to {total}, and they are shares of 100: "
                "correct them"
            )
        names = [upstream.model for upstream in route.upstreams]
        yield from _repeats(f"routes[{index}].upstreams", "model", names)


def _consumers_known(stack: "StackSettings") -> Iterator[str]:
    known = [consumer.name for consumer in stack.gateway.auth.consumers]
    for index, route in enumerate(stack.routes):
        for position, name in enumerate(route.consumers or ()):
            if name not in known:
                yield (
                    f"modelyard:routes[{index}].consumers[{position}]: {name!r} has no key at the gateway, so "
                    f"nobody could use it: {_instead(known, 'modelyard:gateway.auth.consumers')}"
                )


def _keys_differ(stack: "StackSettings") -> Iterator[str]:
    seen: dict[str, str] = {}
    for index, consumer in enumerate(stack.gateway.auth.consumers):
        for position, key in enumerate(consumer.keys):
            path = f"modelyard:gateway.auth.consumers[{index}].keys[{position}]"
            value = key.get_secret_value()
            if not value:
                yield f"{path}: the key is empty, and anybody could send it: write a long random one"
            elif value in seen:
                yield (f"{path}: {seen[value]} is the same key, and then nobody can tell who calls: give each its own")
            seen.setdefault(value, path)


def _consumers_are_known_by_something(stack: "StackSettings") -> Iterator[str]:
    for index, consumer in enumerate(stack.gateway.auth.consumers):
        if not consumer.keys and consumer.jwt is None:
            yield (
                f"modelyard:gateway.auth.consumers[{index}]: {consumer.name!r} has neither keys nor jwt, so no request "
                "could be known for theirs: set a key with --secret, or remove the consumer"
            )


def _headers_reach_routes(stack: "StackSettings") -> Iterator[str]:
    for index, route in enumerate(stack.routes):
        for name in route.headers:
            if name in KEY_HEADERS or name.startswith(GATEWAY_HEADERS):
                yield (
                    f"modelyard:routes[{index}].headers.{name}: the gateway keeps this header for itself and takes it "
                    "out of requests, so none could match: name another one, such as x-group"
                )


def _headers_tell_routes_apart(stack: "StackSettings") -> Iterator[str]:
    earlier: dict[tuple[str, int], list[tuple[int, dict[str, str]]]] = {}
    for index, route in enumerate(stack.routes):
        rivals = earlier.setdefault((route.model, len(route.headers)), [])
        for other, headers in rivals:
            if headers != route.headers and not any(
                headers.get(name, value) != value for name, value in route.headers.items()
            ):
                yield (
                    f"modelyard:routes[{index}].headers: a request can have these and those of routes[{other}], and "
                    "neither route asks for more, so it is open which one takes it: let one ask for the headers of "
                    "both, or use one header with two values"
                )
        rivals.append((index, route.headers))


def _gateway_port(stack: "StackSettings") -> Iterator[str]:
    gateway = stack.gateway
    if gateway.kind == "envoy" and gateway.node_port is not None and gateway.service_type != "NodePort":
        yield (
            f"modelyard:gateway.nodePort: {gateway.node_port} with service type "
            f"{gateway.service_type!r} has no effect: write serviceType NodePort, or leave nodePort out"
        )


def _environment(stack: "StackSettings") -> Iterator[str]:
    for index, model in enumerate(stack.models):
        path = f"modelyard:models[{index}].env"
        for name in model.env:
            if name.startswith("MODELYARD_"):
                yield (
                    f"{path}.{name}: variables that begin with MODELYARD_ are written from the model's other "
                    "settings, and two answers to one question contradict each other: use engine or extraArgs"
                )
            elif name == "HF_TOKEN":
                yield (
                    f"{path}.{name}: a token is a secret, and env is plain in the manifest: set it with "
                    "`pulumi config set --secret modelyard:huggingFaceToken`"
                )


def _host_paths(stack: "StackSettings") -> Iterator[str]:
    mounts = stack.serving.host_paths
    yield from _repeats("serving.hostPaths", "name", (mount.name for mount in mounts))
    taken = {path: "every model's container" for path in CONTAINER_PATHS}
    for index, mount in enumerate(mounts):
        folder = normpath(mount.mount_path)
        if folder in taken:
            yield (
                f"modelyard:serving.hostPaths[{index}].mountPath: {mount.mount_path!r} is taken by "
                f"{taken[folder]}, and a path can hold one volume only: write another"
            )
        taken.setdefault(folder, f"modelyard:serving.hostPaths[{index}]")
    for index, model in enumerate(stack.models):
        folder = normpath(model.source.removeprefix("file://"))
        if folder in taken:
            yield (
                f"modelyard:models[{index}].source: {folder!r} is the mount path of {taken[folder]}, and a path "
                "can hold one volume only: move the weights or the other mount"
            )


def _pool_sizes(stack: "StackSettings") -> Iterator[str]:
    for index, pool in enumerate(stack.pools):
        if pool.min_nodes > pool.max_nodes:
            yield (
                f"modelyard:pools[{index}].minNodes: {pool.min_nodes} is above maxNodes {pool.max_nodes}, and no "
                "number of nodes is both: correct one of them"
            )
        for position, toleration in enumerate(pool.tolerations):
            if toleration.operator == "Exists" and toleration.value is not None:
                yield (
                    f"modelyard:pools[{index}].tolerations[{position}].value: {toleration.value!r} with operator "
                    "'Exists', which compares no value, and Kubernetes refuses both: write operator Equal, or "
                    "leave the value out"
                )


def _model_sources(stack: "StackSettings") -> Iterator[str]:
    for index, model in enumerate(stack.models):
        if model.revision is not None and not model.source.startswith("hf://"):
            yield (
                f"modelyard:models[{index}].revision: {model.revision!r}, but {model.source!r} has no revisions: "
                "leave it out, or name an hf:// source"
            )
        for position, name in enumerate(model.served_names):
            if name in model.served_names[:position]:
                yield (f"modelyard:models[{index}].servedNames[{position}]: {name!r} stands there already: remove one")


RULES: tuple[Callable[["StackSettings"], Iterable[str]], ...] = (
    _unique_names,
    _service_names,
    _models_fit_pools,
    _parallelism,
    _replicas_or_autoscaling,
    _routes_reach_models,
    _fallback_goes_forward,
    _weights,
    _consumers_known,
    _keys_differ,
    _consumers_are_known_by_something,
    _headers_reach_routes,
    _headers_tell_routes_apart,
    _gateway_port,
    _environment,
    _host_paths,
    _pool_sizes,
    _model_sources,
    *HIGRESS_RULES,
    *LLMAZ_RULES,
    release_problems,
)


def _repeats(path: str, key: str, names: Iterable[str]) -> Iterator[str]:
    seen: list[str] = []
    for index, name in enumerate(names):
        if name in seen:
            yield (
                f"modelyard:{path}[{index}].{key}: {name!r} stands at {path}[{seen.index(name)}] already, and "
                "names must differ: rename one of them"
            )
        seen.append(name)


def _instead(names: Iterable[str], place: str) -> str:
    known = " or ".join(repr(name) for name in sorted(names))
    return f"write {known}, or add it to {place}" if known else f"add it to {place}"

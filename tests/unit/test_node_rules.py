"""Replicas that span nodes: what can't work, and the sentence for it."""

from typing import Any

import pytest

from stacks.settings import SettingsError, load

BIG: dict[str, Any] = {"name": "big", "source": "hf://example/big-1t", "pool": "gpu", "gpus": 16}
SMALL: dict[str, Any] = {"name": "small", "source": "hf://example/small", "pool": "gpu"}


def stack(*models: dict[str, Any], pool: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    """A stack of these models on a pool of four nodes with eight GPUs each."""
    return {
        "pools": [{"name": "gpu", "gpusPerNode": 8, "maxNodes": 4, **(pool or {})}],
        "models": list(models),
        **changes,
    }


FLAVOR = {"name": "h200", "nodeSelector": {"cloud.example/gpu": "h200"}}

RULES = {
    "a part of a node": (
        stack({**BIG, "gpus": 12}),
        "modelyard:models[0].gpus: 12 GPUs a replica, but a node of pool 'gpu' has 8, and a replica of several nodes "
        "has all GPUs of each: write 8 or 16, or name a pool with larger nodes",
    ),
    "more nodes than the pool has": (
        stack({**BIG, "gpus": 40}),
        "modelyard:models[0].gpus: 40 GPUs a replica are 5 nodes of pool 'gpu', which has 8 GPUs a node and maxNodes "
        "4, so it can never hold one: write 32 or fewer, a larger maxNodes where the pool has more nodes, or name "
        "another pool",
    ),
    "llmaz": (
        stack({**BIG, "backend": "llmaz"}),
        "modelyard:models[0].gpus: 16 GPUs a replica with backend 'llmaz', but a node of pool 'gpu' has 8, and llmaz "
        "starts the pods on the other nodes only when the first is ready, which vLLM never is without them: write "
        "backend native, or 8 GPUs or fewer",
    ),
    "a name that leaves no room": (
        stack({**BIG, "name": "b" * 49}),
        f"modelyard:models[0].name: {'b' * 49!r} has 49 characters, and as the replicas span nodes, labels of its pods "
        "would be too long for Kubernetes: stay within 48",
    ),
    "a model called like a replica": (
        stack(BIG, {**SMALL, "name": "big-0"}),
        "modelyard:models[1].name: 'big-0' is also what the workers and the Service of replica 0 of 'big' are called, "
        "which spans nodes: rename one of the models",
    ),
    "a rank of its own": (
        stack({**BIG, "extraArgs": ["--max-logprobs=5", "-r", "1"]}),
        "modelyard:models[0].extraArgs[1]: '-r' is not for a stack to choose, since the nodes of a replica follow from "
        "gpus and the pool: remove it",
    ),
    "API servers": (
        stack({**BIG, "extraArgs": ["--api-server-count", "4"]}),
        "modelyard:models[0].extraArgs[0]: '--api-server-count' for replicas that span nodes, of which only the first "
        "has API servers: remove it",
    ),
    "Ray": (
        stack({**BIG, "extraArgs": ["--distributed-executor-backend", "ray"]}),
        "modelyard:models[0].extraArgs[0]: '--distributed-executor-backend' for replicas that span nodes, which vLLM's "
        "own image joins by processes and not by Ray: remove it",
    ),
    "nodes of different kinds": (
        stack(BIG, pool={"flavors": [FLAVOR, {"name": "h100", "nodeSelector": {"cloud.example/gpu": "h100"}}]}),
        "modelyard:models[0].pool: 'gpu' has flavors 'h200' and 'h100', and the pods of a replica that spans nodes "
        "could come to nodes of different ones, and wait for each other there: name a pool of one flavor",
    ),
    "network devices within a node": (
        stack({**SMALL, "gpus": 8, "rdma": {"resource": "rdma/ib"}}),
        "modelyard:models[0].rdma: 'rdma/ib', but a replica of 8 GPUs is on one node of pool 'gpu', where GPUs talk to "
        "each other without a network: leave it out",
    ),
    "a resource of no device plugin": (
        stack({**BIG, "rdma": {"resource": "infiniband"}}),
        "modelyard:models[0].rdma.resource: 'infiniband' is no extended resource that a device plugin could offer: "
        "write one with its domain, such as rdma/ib",
    ),
}


@pytest.mark.parametrize(("given", "sentence"), RULES.values(), ids=RULES.keys())
def test_what_cannot_work_gets_a_sentence(given: dict[str, Any], sentence: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(given)
    assert caught.value.problems == [sentence]


@pytest.mark.parametrize(
    "given",
    [
        stack({**BIG, "gpus": 32}),
        stack({**SMALL, "gpus": 3}),
        stack({**BIG, "name": "b" * 48}),
        stack(BIG, {**SMALL, "name": "big-one"}),
        stack(SMALL, {**SMALL, "name": "small-0"}),
        stack({**SMALL, "extraArgs": ["--distributed-executor-backend", "uni"]}),
        stack(BIG, pool={"flavors": [FLAVOR]}),
        stack({**BIG, "rdma": {"resource": "vpc.amazonaws.com/efa", "count": 32}}),
    ],
    ids=[
        "the whole pool",
        "a part of one node",
        "the longest name",
        "a name that is no replica's",
        "a number behind a model of one node",
        "an executor on one node",
        "nodes of one kind",
        "network devices",
    ],
)
def test_what_works_is_let_through(given: dict[str, Any]) -> None:
    assert load(given).models

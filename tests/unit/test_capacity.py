"""Which pools are too small for their models."""

from typing import Any

import pytest

from stacks.settings import load
from stacks.warnings.capacity import shortages

QWEN: dict[str, Any] = {"name": "qwen", "source": "file:///m", "pool": "gpu"}


def found(pool: dict[str, Any], *models: dict[str, Any]) -> list[str]:
    pools = [{"name": "other"}, {"name": "gpu", **pool}]
    return shortages(load({"serving": {"image": "i"}, "pools": pools, "models": list(models)}))


@pytest.mark.parametrize(
    ("pool", "model", "enough"),
    [
        ({}, {}, True),
        ({}, {"replicas": 0}, True),
        ({"gpusPerNode": 2}, {"gpus": 2}, True),
        ({"gpusPerNode": 2, "maxNodes": 3}, {"gpus": 2, "replicas": 3}, True),
        ({"gpusPerNode": 2, "maxNodes": 2}, {"gpus": 2, "replicas": 3}, False),
        ({"maxNodes": 2}, {"autoscaling": {"maxReplicas": 3}}, False),
    ],
)
def test_a_pool_has_as_many_gpus_as_its_most_nodes(pool: dict[str, Any], model: dict[str, Any], enough: bool) -> None:
    assert (found(pool, {**QWEN, **model}) == []) == enough


def test_the_sentence_says_who_asks_for_how_many() -> None:
    assert found({"gpusPerNode": 2}, QWEN, {**QWEN, "name": "gemma", "gpus": 2}) == [
        "modelyard:pools[1]: 3 GPUs are asked for (qwen for 1 and gemma for 2), but maxNodes 1 times gpusPerNode 2 is "
        "2, so replicas will stay Pending without a node: write a larger maxNodes where the pool has more nodes, or "
        "fewer replicas"
    ]


def test_models_on_other_pools_do_not_count() -> None:
    assert found({}, QWEN, {**QWEN, "name": "gemma", "pool": "other"}) == []


@pytest.mark.parametrize(
    ("pool", "words"),
    [
        ({"gpusPerNode": 2, "flavors": [{"name": "a"}, {"name": "b"}]}, "gpusPerNode 2 times 2 flavors is 4"),
        ({"timeSlicing": {"replicas": 3}}, "gpusPerNode 1 times 3 pods a GPU is 3"),
    ],
)
def test_flavors_and_turns_on_gpus_count(pool: dict[str, Any], words: str) -> None:
    selector = {"nodeSelector": {"pool": "gpu"}}
    flavors = [{**each, "nodeSelector": {"kind": each["name"]}} for each in pool.get("flavors", [])]
    spelled = {**pool, **selector, "flavors": flavors}
    most = int(words.rpartition(" ")[2])
    model = {**QWEN, "engine": {"gpuMemoryUtilization": 0.3}}
    assert found(spelled, {**model, "replicas": most}) == []
    (sentence,) = found(spelled, {**model, "replicas": most + 1})
    assert words in sentence


def test_a_replica_has_its_gpus_on_one_node() -> None:
    (sentence,) = found({"gpusPerNode": 3, "maxNodes": 2}, {**QWEN, "gpus": 2, "replicas": 3})
    assert sentence == (
        "modelyard:pools[1]: 6 GPUs are asked for (qwen for 6), but maxNodes 2 times gpusPerNode 3 is 6, in nodes that "
        "cannot hold these replicas whole, so replicas will stay Pending without a node: write a larger maxNodes where "
        "the pool has more nodes, or fewer replicas"
    )

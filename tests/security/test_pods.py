"""Every pod that the program describes itself, in every stack that is here: no root, nothing to write but volumes."""

from collections.abc import Iterator
from typing import Any

import pytest

from components.platform import Platform
from stacks.settings import StackSettings, load
from stacks.stack_file import names, read_named
from tests.components.conftest import Run
from tests.unit.test_pod_security import violations

STACKS = {name: read_named(name) for name in names()}
CLOUDS = [name for name, stack in STACKS.items() if any(pool.adapter != "existing" for pool in stack.pools)]
"""The stacks that make their nodes, for which it takes a cloud's SDK."""

EVERYTHING: dict[str, Any] = {
    "serving": {
        "entrypoint": "modelyard",
        "image": "registry.example/serving:1",
        "weights": {"cache": {"kind": "claim", "name": "weights"}},
    },
    "pools": [{"name": "gpu", "gpusPerNode": 8, "minNodes": 0, "maxNodes": 4}],
    "models": [
        {"name": "plain", "source": "hf://o/plain", "pool": "gpu", "replicas": 2},
        {
            "name": "fetched",
            "source": "hf://o/fetched",
            "pool": "gpu",
            "revision": "a" * 40,
            "weights": {"prefetch": True},
        },
        {"name": "surging", "source": "hf://o/surging", "pool": "gpu", "rollout": {"strategy": "surge"}},
        {"name": "spanning", "source": "hf://o/spanning", "pool": "gpu", "gpus": 16},
        {"name": "packed", "source": "oci://registry.example/packed:1", "pool": "gpu"},
    ],
}
"""A stack with every kind of pod."""


def pods(value: Any) -> Iterator[dict[str, Any]]:
    """The specs of pods in something, whatever holds them."""
    if isinstance(value, dict):
        if isinstance(value.get("containers"), list):
            yield value
        for each in value.values():
            yield from pods(each)
    elif isinstance(value, list):
        for each in value:
            yield from pods(each)


def described(run: Run, stack: StackSettings) -> dict[str, dict[str, Any]]:
    """The pods of a stack by who makes them. What charts and llmaz make of their values is the charts' affair."""
    program = run(lambda: Platform("platform", stack), preview=True)
    return {
        f"{made.name}[{index}]": spec
        for made in program.resources
        # A patch says a part of a pod that others have made.
        if not made.token.endswith((":Release", "Patch"))
        for index, spec in enumerate(pods(made.inputs))
    }


def check(found: dict[str, dict[str, Any]], *allowed: str) -> None:
    for name, spec in found.items():
        assert set(violations(spec)) <= set(allowed), name
        assert spec.get("automountServiceAccountToken") is False, name
        for container in (*spec.get("initContainers", []), *spec["containers"]):
            assert container["securityContext"]["readOnlyRootFilesystem"] is True, (name, container["name"])


def check_stack(run: Run, name: str) -> None:
    stack = STACKS[name]
    found = described(run, stack)
    assert len(found) >= len([model for model in stack.models if model.backend == "native"])
    # The stack for one machine serves weights of that machine's disk.
    check(found, *(["volumes hostPath"] if name == "local" else []))


@pytest.mark.parametrize("name", [name for name in STACKS if name not in CLOUDS])
def test_pods_of_the_stacks_here_run_as_nobody_on_a_root_that_they_cannot_write(run: Run, name: str) -> None:
    check_stack(run, name)


@pytest.mark.clouds
@pytest.mark.usefixtures("sdks")
# What an SDK says when it is imported of resources that nobody asks it for.
@pytest.mark.filterwarnings("ignore:.* has been deprecated in favor of:DeprecationWarning")
@pytest.mark.parametrize("name", CLOUDS)
def test_so_do_those_of_the_stacks_of_clouds(run: Run, name: str) -> None:
    check_stack(run, name)


def test_every_kind_of_pod(run: Run) -> None:
    found = described(run, load(EVERYTHING))
    assert {name.split("-")[1] for name in found} >= {"plain", "surging", "spanning", "gateway"}, sorted(found)
    assert {one["name"] for spec in found.values() for one in spec["containers"]} == {"vllm", "envoy", "download"}
    check(found)


@pytest.mark.parametrize("prepare", [True, False])
def test_a_folder_of_the_node_takes_root_for_its_owner_alone(run: Run, prepare: bool) -> None:
    cache = {"kind": "node", "path": "/var/cache/models", "prepare": prepare}
    models = [model for model in EVERYTHING["models"] if "weights" not in model]
    serving = {**EVERYTHING["serving"], "weights": {"cache": cache}}
    stack = load({**EVERYTHING, "serving": serving, "models": models})
    of_hub = 0
    for name, spec in described(run, stack).items():
        before, spec = spec.get("initContainers", []), {**spec, "initContainers": []}
        check({name: spec}, "volumes hostPath")
        of_hub += bool(before)
        for container in before:
            wanted = {"volumes hostPath", "runAsNonRoot", "runAsUser", "capabilities.add"}
            assert set(violations({**spec, "containers": [container]})) == wanted
            assert container["command"][0] == "chown"
            assert container["securityContext"]["capabilities"] == {"drop": ["ALL"], "add": ["CHOWN"]}
            assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert (of_hub > 0) is prepare

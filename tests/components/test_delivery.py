"""When the gateway's pods are told of changed routes."""

from collections.abc import Callable
from typing import Any

import pytest

from stacks.settings import StackSettings
from tests.components.conftest import WELL, Program, Run
from tests.components.stacks import GEMMA, QWEN
from tests.components.test_program import run_main

STACK: dict[str, Any] = {"serving": {"image": "i"}, "pools": [{"name": "gpu"}], "models": [QWEN, GEMMA]}

Deliveries = Callable[[str | None], list[StackSettings]]
Main = Callable[..., Program]


@pytest.fixture
def main(run: Run, monkeypatch: pytest.MonkeyPatch) -> Main:
    return lambda preview=False, **keys: run_main(run, monkeypatch, {**STACK, **keys}, preview=preview)


@pytest.mark.parametrize("verify", [True, False])
def test_an_update_tells_the_pods_whether_or_not_it_is_verified(
    main: Main, deliveries: Deliveries, verify: bool
) -> None:
    told = deliveries(None)
    main(verify={"enabled": verify})
    assert [stack.envoy.name for stack in told] == ["gateway"]


def test_a_preview_tells_nobody(main: Main, deliveries: Deliveries) -> None:
    told = deliveries(None)
    main(preview=True)
    assert told == []


def test_higress_hears_of_routes_by_itself(main: Main, deliveries: Deliveries) -> None:
    told = deliveries(None)
    main(gateway={"kind": "higress"})
    assert told == []


def test_what_cannot_be_told_is_said_and_fails_nothing(
    main: Main, deliveries: Deliveries, found: Callable[[Any], list[str]]
) -> None:
    deliveries("`kubectl annotate pods` failed. Ask who runs the cluster.")
    verified = found(WELL)
    program = main()
    assert (
        "A changed route is answered only once the kubelet looks, in a minute or two: "
        "`kubectl annotate pods` failed. Ask who runs the cluster."
    ) in program.messages
    assert len(verified) == 1

"""Which chart versions get a warning."""

from typing import Any

from stacks.compatibility import untested_versions
from stacks.settings import load


def found(**gateway: Any) -> list[str]:
    return untested_versions(load({"gateway": gateway}))


def test_the_versions_that_were_tried_get_no_warning() -> None:
    assert found(kind="higress") == []
    assert found(kind="higress", chart={"version": "2.2.4"}) == []
    assert found(kind="envoy") == []


def test_another_version_is_told_what_was_tried() -> None:
    assert found(kind="higress", chart={"version": "2.3.0"}) == [
        "modelyard:gateway.chart.version: '2.3.0' was not tried with this program, so values may have no effect and "
        "the console may not show the routes. What was tried: 2.2.4: its values and manifests were compared with what "
        "the program writes, and its console's names and records are those that the program uses. Write '2.2.4', or "
        "try it on a cluster of its own first"
    ]

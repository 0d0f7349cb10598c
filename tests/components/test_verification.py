"""When the gateway is asked whether it keeps its promises, and what comes of the verdicts."""

from collections.abc import Callable
from typing import Any

import pulumi
import pytest

from stacks.verify import Report, Verdict
from tests.components.conftest import WELL, Program, Run
from tests.components.stacks import GEMMA, QWEN
from tests.components.test_program import run_main

STACK: dict[str, Any] = {
    "serving": {"image": "i"},
    "pools": [{"name": "gpu"}],
    "models": [QWEN, GEMMA],
    "routes": [{"model": "qwen", "fallback": ["gemma"]}],
}
OPEN = Verdict("auth", None, "requests without a key are refused", "not checked", "nobody has a key")
BROKEN = Verdict("fallback", "qwen", "gemma answers when qwen failed", "failed", "qwen answered: look at the routes")

Find = Callable[[Report], list[str]]
Main = Callable[..., Program]


@pytest.fixture
def main(run: Run, monkeypatch: pytest.MonkeyPatch) -> Main:
    return lambda preview=False, **keys: run_main(run, monkeypatch, {**STACK, **keys}, preview=preview)


def verdicts(program: Program) -> Any:
    return program.outputs["modelyard-test"].get("verify")


def test_the_verdicts_are_an_output(main: Main, found: Find) -> None:
    told = found(Report("base_url", (*WELL.verdicts, OPEN)))
    program = main()
    assert told == ["http://gateway.default.svc.cluster.local:8080/v1"]
    assert verdicts(program) == {
        "passed": True,
        "through": "base_url",
        "verdicts": [
            {
                "check": "reachable",
                "route": None,
                "what": "the gateway answers at base_url",
                "outcome": "passed",
                "why": "it does",
            },
            {
                "check": "auth",
                "route": None,
                "what": "requests without a key are refused",
                "outcome": "not checked",
                "why": "nobody has a key",
            },
        ],
    }
    assert not [message for message in program.messages if message.startswith("verify:")]


def test_nothing_is_asked_in_a_preview(main: Main, found: Find) -> None:
    told = found(WELL)
    main(preview=True)
    assert told == []


def test_nothing_is_asked_where_the_stack_says_so(main: Main, found: Find) -> None:
    told = found(WELL)
    assert verdicts(main(verify={"enabled": False})) is None
    assert told == []


def test_a_broken_promise_is_a_warning(main: Main, found: Find) -> None:
    found(Report("base_url", (*WELL.verdicts, OPEN, BROKEN)))
    program = main()
    assert verdicts(program)["passed"] is False
    assert (
        "verify: route qwen: gemma answers when qwen failed: failed, for qwen answered: look at the routes"
        in program.messages
    )


def test_a_broken_promise_fails_the_update_of_a_strict_stack(main: Main, found: Find) -> None:
    found(Report("base_url", (*WELL.verdicts, OPEN, BROKEN)))
    with pytest.raises(pulumi.RunError) as refused:
        main(verify={"strict": True})
    assert str(refused.value) == (
        "The update is done, and the gateway does not keep what it promises:\n"
        "route qwen: gemma answers when qwen failed: failed, for qwen answered: look at the routes"
    )


def test_a_strict_stack_of_which_nothing_could_be_checked_has_not_passed(main: Main, found: Find) -> None:
    found(Report(None, (OPEN,)))
    with pytest.raises(pulumi.RunError, match="requests without a key are refused: not checked, for nobody has a key"):
        main(verify={"strict": True})

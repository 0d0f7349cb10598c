"""A canary that scripts promote and roll back, and what plain updates make of it, with the real Pulumi CLI."""

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from local.paths import CHECKOUT
from stacks import automation
from tests.automation.conftest import Checkout

pytestmark = pytest.mark.pulumi

PROGRAM = f"""
import sys

import pulumi
import pulumi_random as random

sys.path.insert(0, {str(CHECKOUT)!r})

from stacks import configuration, promotions
from stacks.warnings import warnings

stack = configuration.read()
for sentence in warnings(stack):
    pulumi.log.warn(sentence)


class Platform(pulumi.ComponentResource):
    def __init__(self) -> None:
        super().__init__("modelyard:index:Platform", "platform")
        Gateway(self)
        length = len(stack.models[0].source)
        random.RandomPassword("beside", length=length, opts=pulumi.ResourceOptions(parent=self))
        self.register_outputs({{}})


class Gateway(pulumi.ComponentResource):
    def __init__(self, parent: pulumi.Resource) -> None:
        opts = pulumi.ResourceOptions(parent=parent)
        super().__init__("modelyard:index:EnvoyGateway", "platform-gateway", {{}}, opts)
        weights = {{target.model: str(target.weight) for target in stack.all_routes[0].targets}}
        random.RandomPassword("routes", length=8, keepers=weights, opts=pulumi.ResourceOptions(parent=self))
        self.register_outputs({{}})


Platform()
pulumi.export("shares", {{target.model: target.weight for target in stack.all_routes[0].targets}})
if stack.promotions:
    pulumi.export(promotions.OUTPUT, promotions.exported(stack))
"""

FILE = """\
# Ours.
config:
  modelyard:pools: [{ name: gpu }]
  modelyard:models:
    - { name: old, source: hf://a/old, pool: gpu }
    - { name: new, source: hf://a/new, pool: gpu }
  modelyard:routes:
    - model: chat
      upstreams:
        - { model: old, weight: 90 } # proven
        - { model: new, weight: 10 }
"""


@pytest.fixture
def canary(checkout: Checkout) -> Checkout:
    """A checkout whose stack `dev` has a canary and is up."""
    project = checkout.folder / "Pulumi.yaml"
    project.write_text(project.read_text().replace("name: sample", "name: modelyard"), encoding="utf-8")
    checkout.program(PROGRAM)
    stack_file(checkout).write_text(FILE, encoding="utf-8")
    assert automation.up("dev", options=checkout.options).outputs["shares"] == {"old": 90, "new": 10}
    return checkout


@pytest.mark.parametrize("made", [True, False])
def test_a_stack_that_is_not_up_has_no_shares_to_move(canary: Checkout, made: bool) -> None:
    stack_file(canary).with_name("Pulumi.other.yaml").write_text(FILE, encoding="utf-8")
    expected: tuple[type[automation.AutomationError], str] = (
        automation.StackMissingError,
        "Pulumi knows no stack 'other' where it keeps its state.",
    )
    if made:
        automation.preview("other", options=canary.options)
        expected = (
            automation.ObjectMissingError,
            "The stack 'other' is not up, so its route 'chat' has no shares yet.",
        )
    for move in (automation.promote, automation.rollback):
        with pytest.raises(expected[0]) as caught:
            move("other", "chat", options=canary.options)
        assert caught.value.problem == expected[1]


def stack_file(checkout: Checkout) -> Path:
    return checkout.folder / "stacks" / "Pulumi.dev.yaml"


def plain_up(checkout: Checkout) -> str:
    """`pulumi up`, as somebody types it."""
    return subprocess.run(
        ["pulumi", "up", "--stack=dev", "--yes", "--skip-preview", "--non-interactive", "--color=never"],
        cwd=checkout.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=True,
    ).stdout


def test_a_promotion_counts_until_the_file_is_edited(canary: Checkout) -> None:
    before = canary.files()
    # Something else has changed in the file since: it has to wait for an update of its own.
    other = replace(canary.options, settings={"models": [{"name": "old", "source": "hf://a/another"}]})
    promoted = automation.promote("dev", "chat", options=other)
    assert promoted.shares == {"old": 0, "new": 100}
    assert promoted.written == {"old": 90, "new": 10}
    assert promoted.update.outputs["shares"] == {"old": 0, "new": 100}
    assert promoted.update.changes == {"replace": 1, "same": 4}
    assert canary.files() == before

    printed = plain_up(canary)
    assert "route 'chat' was promoted or rolled back to old 0 %, new 100 %, which counts" in printed
    assert automation.outputs("dev", options=canary.options)["shares"] == {"old": 0, "new": 100}

    rolled_back = automation.rollback("dev", "chat", options=canary.options)
    assert rolled_back.shares == {"old": 100, "new": 0}
    assert automation.up("dev", options=canary.options).outputs["shares"] == {"old": 100, "new": 0}

    again = automation.promote("dev", "chat", percent=50, options=canary.options)
    assert again.update.outputs["shares"] == {"old": 50, "new": 50}
    apply(canary, again.patch)
    committed = automation.up("dev", options=canary.options)
    assert committed.outputs["shares"] == {"old": 50, "new": 50}
    assert "promotions" not in committed.outputs
    assert not [sentence for sentence in committed.warnings if "promoted" in sentence]

    stack_file(canary).write_text(FILE.replace("90", "80").replace("10", "20"), encoding="utf-8")
    assert automation.up("dev", options=canary.options).outputs["shares"] == {"old": 80, "new": 20}


@pytest.mark.parametrize(
    ("arguments", "problem", "remedy"),
    [
        (
            {"route": "caht"},
            "The stack 'dev' has no route 'caht' with several upstreams, so there are no shares to move.",
            "Name one of 'chat', or give the route a second upstream.",
        ),
        ({"route": "chat", "to": "nwe"}, "'nwe' is no upstream of the route 'chat'.", "Name one of old, new."),
    ],
)
def test_what_cannot_be_promoted(checkout: Checkout, arguments: dict[str, object], problem: str, remedy: str) -> None:
    stack_file(checkout).write_text(FILE, encoding="utf-8")
    with pytest.raises(automation.ObjectMissingError) as caught:
        automation.promote("dev", **arguments, options=checkout.options)  # type: ignore[arg-type]
    assert (caught.value.problem, caught.value.remedy) == (problem, remedy)


def test_which_is_the_canary_has_to_be_clear(checkout: Checkout) -> None:
    even = FILE.replace("weight: 90", "weight: 50").replace("weight: 10", "weight: 50")
    stack_file(checkout).write_text(even, encoding="utf-8")
    with pytest.raises(automation.SettingsRefusedError, match=r"is the canary is open: .* say old 50 %, new 50 %"):
        automation.promote("dev", "chat", options=checkout.options)
    with pytest.raises(automation.SettingsRefusedError, match=r"was there before is open: .* says old 50 %, new 50 %"):
        automation.rollback("dev", "chat", options=checkout.options)


def apply(checkout: Checkout, patch: str) -> None:
    """Apply a patch as somebody would who commits it."""
    subprocess.run(["git", "init", "--quiet"], cwd=checkout.folder, check=True)
    subprocess.run(["git", "apply"], cwd=checkout.folder, input=patch, text=True, check=True)

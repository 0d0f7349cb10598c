"""A platform of its own for a pull request: up when it opens, gone when it closes.

python -m examples.pull_request up 17 --base staging
python -m examples.pull_request down 17
"""

from dataclasses import replace
from enum import StrEnum

from stacks import automation
from stacks.kubectl import Kubectl


class Order(StrEnum):
    """What to do."""

    UP = "up"
    DOWN = "down"


def main(order: Order, number: int, base: str = "staging") -> None:
    """Bring the platform of pull request NUMBER up, with the settings of the stack BASE, or take it DOWN."""
    name = f"pr-{number}"
    options = automation.Options(
        settings_of=base,
        settings={"cluster": {"namespace": name}, "production": False},
        message=f"Pull request {number}",
    )
    kubectl = Kubectl.of(automation.settings(name, options=options).cluster)
    if order is Order.UP:
        if kubectl.get("namespace", name) is None:
            kubectl.run("create", "namespace", name)
        result = automation.up(name, options=options, on_event=tell)
        print(result.outputs["base_url"])
    else:
        automation.destroy(name, options=options, on_event=tell)
        if kubectl.get("namespace", name) is not None:
            kubectl.delete("namespace", name)
        # Last, so that the same order goes on from wherever it was broken off.
        automation.destroy(name, options=replace(options, remove=True))


def tell(event: automation.Event) -> None:
    """Say what is done, a line each."""
    match event:
        case automation.Done(resource, operation):
            print(f"{operation} {resource.component.name}: {resource.type.rpartition(':')[2]} {resource.name}")
        case automation.Message("warning", text):
            print(f"warning: {text}")


if __name__ == "__main__":
    automation.script(main)

"""What is taken over as it is, for as long as the stack says so."""

from collections.abc import Iterator

from stacks.settings import StackSettings


def adoption_warnings(stack: StackSettings) -> Iterator[str]:
    """One sentence while a stack adopts objects."""
    if stack.adopt:
        named = ", ".join(f"{each.kind} {each.name}" for each in stack.adopt)
        yield (
            f"modelyard:adopt: {named}: taken over as they are, and nothing that this stack says reaches them: once "
            "they are, remove them here, and the next preview shows what it would change"
        )

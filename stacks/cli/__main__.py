"""``modelyard``, and ``python -m stacks.cli``."""

from stacks.cli.app import app
from stacks.cli.signals import end_as_by_ctrl_c


def main() -> None:
    """Run the command line."""
    end_as_by_ctrl_c()
    app(prog_name="modelyard")


if __name__ == "__main__":
    main()

"""``modelyard``, and ``python -m stacks.cli``."""

from stacks.cli.app import app


def main() -> None:
    """Run the command line."""
    app(prog_name="modelyard")


if __name__ == "__main__":
    main()
